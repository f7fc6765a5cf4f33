import { DEFAULT_ZONE_OPTIONS, type ZoneOptions } from '../zone/name-record.ts'
import { duration, requireArguments, wholeNumber, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** The directive `kubernetes`. */
export interface KubernetesConfig extends ZoneOptions {
  readonly fallthrough: readonly string[]
  /** Only these, when there are any. */
  readonly namespaces: readonly string[]
  readonly labels?: string
  readonly namespaceLabels?: string
  readonly kubeconfig?: { readonly path: string; readonly context?: string }
  readonly startupTimeoutMs: number
}

export function kubernetesConfig(directive: Directive, blockZones: readonly string[]): KubernetesConfig {
  const zones = directive.args.length === 0 ? blockZones : zoneNames(directive, directive.args)
  if (zones.every((zone) => /(^|\.)arpa$/.test(zone))) {
    throw corefileError(directive, 'non-reverse zone name must be used for Kubernetes')
  }
  const draft: { -readonly [K in keyof KubernetesConfig]: KubernetesConfig[K] } = {
    ...DEFAULT_ZONE_OPTIONS,
    zones,
    fallthrough: [],
    namespaces: [],
    startupTimeoutMs: 5_000,
  }
  for (const line of directive.block) {
    switch (line.name) {
      case 'ttl':
        draft.ttl = wholeNumber(line, requireArguments(line, 1)[0], [0, 3600])
        break
      case 'pods': {
        const [mode = ''] = requireArguments(line, 1)
        if (mode !== 'disabled' && mode !== 'insecure' && mode !== 'verified') {
          throw corefileError(line, `wrong value for pods: ${mode},  must be one of: disabled, verified, insecure`)
        }
        draft.pods = mode
        break
      }
      case 'endpoint_pod_names':
        draft.endpointPodNames = true
        break
      case 'noendpoints':
        draft.endpoints = false
        break
      case 'ignore':
        if (line.args[0] !== 'empty_service')
          throw corefileError(line, `unable to parse ignore value: '${line.args[0]}'`)
        draft.ignoreEmptyServices = true
        break
      case 'fallthrough':
        draft.fallthrough = line.args.length === 0 ? [''] : zoneNames(line, line.args)
        break
      case 'namespaces':
        draft.namespaces = requireArguments(line, 1, 1_000)
        break
      case 'labels':
        draft.labels = line.args.join(' ')
        break
      case 'namespace_labels':
        draft.namespaceLabels = line.args.join(' ')
        break
      case 'kubeconfig': {
        const [path = '', context] = requireArguments(line, 1, 2)
        draft.kubeconfig = { path, ...(context === undefined ? {} : { context }) }
        break
      }
      case 'startup_timeout':
        draft.startupTimeoutMs = duration(line, requireArguments(line, 1)[0])
        break
      case 'apiserver_qps':
      case 'apiserver_burst':
      case 'apiserver_max_inflight':
        // Three lists and three watches need no limit.
        wholeNumber(line, requireArguments(line, 1)[0], [0, 1_000_000])
        break
      default:
        throw corefileError(line, `unknown property '${line.name}'`)
    }
  }
  return draft
}
