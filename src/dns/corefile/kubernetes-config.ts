import { errorMessage } from '../../base/error.ts'
import { parseLabelSelector } from '../../kube/selector.ts'
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
  /** URL of an API server; a kubeconfig goes before it. */
  readonly endpoint?: string
  /** Paths, for `endpoint`. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
  readonly startupTimeoutMs: number
}

type Draft = { -readonly [K in keyof KubernetesConfig]: KubernetesConfig[K] }

/** Options that are left out, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  multicluster: 'Fairlead knows no ServiceImports',
  zonal: 'Fairlead has no names for zones; a Service with trafficDistribution stays within its zone by itself',
}

export function kubernetesConfig(directive: Directive, blockZones: readonly string[]): KubernetesConfig {
  const zones = directive.args.length === 0 ? blockZones : zoneNames(directive, directive.args)
  if (zones.every((zone) => /(^|\.)arpa$/.test(zone))) {
    throw corefileError(directive, 'non-reverse zone name must be used for Kubernetes')
  }
  const draft: Draft = {
    ...DEFAULT_ZONE_OPTIONS,
    zones,
    fallthrough: [],
    namespaces: [],
    startupTimeoutMs: 5_000,
  }
  for (const line of directive.block) {
    const read = Object.hasOwn(READERS, line.name) ? READERS[line.name] : undefined
    const why = Object.hasOwn(REFUSED, line.name) ? REFUSED[line.name] : undefined
    if (why !== undefined) throw corefileError(line, `property '${line.name}' is not supported: ${why}`)
    if (read === undefined) throw corefileError(line, `unknown property '${line.name}'`)
    read(draft, line)
  }
  if (draft.namespaces.length > 0 && draft.namespaceLabels !== undefined) {
    throw corefileError(directive, 'namespaces and namespace_labels cannot both be set')
  }
  return draft
}

const READERS: Readonly<Record<string, (draft: Draft, line: Directive) => void>> = {
  ttl: (draft, line) => {
    draft.ttl = wholeNumber(line, requireArguments(line, 1)[0], [0, 3600])
  },
  pods: (draft, line) => {
    const [mode = ''] = requireArguments(line, 1)
    if (mode !== 'disabled' && mode !== 'insecure' && mode !== 'verified') {
      throw corefileError(line, `wrong value for pods: ${mode},  must be one of: disabled, verified, insecure`)
    }
    draft.pods = mode
  },
  endpoint_pod_names: (draft, line) => {
    requireArguments(line, 0)
    draft.endpointPodNames = true
  },
  noendpoints: (draft, line) => {
    requireArguments(line, 0)
    draft.endpoints = false
  },
  ignore: (draft, line) => {
    if (line.args[0] !== 'empty_service') throw corefileError(line, `unable to parse ignore value: '${line.args[0]}'`)
    draft.ignoreEmptyServices = true
  },
  fallthrough: (draft, line) => {
    draft.fallthrough = line.args.length === 0 ? [''] : zoneNames(line, line.args)
  },
  namespaces: (draft, line) => {
    draft.namespaces = [...draft.namespaces, ...requireArguments(line, 1, MANY)]
  },
  labels: (draft, line) => {
    draft.labels = selector(line, 'label')
  },
  namespace_labels: (draft, line) => {
    draft.namespaceLabels = selector(line, 'namespace_label')
  },
  kubeconfig: (draft, line) => {
    const [path = '', context] = requireArguments(line, 1, 2)
    draft.kubeconfig = { path, ...(context === undefined ? {} : { context }) }
  },
  endpoint: (draft, line) => {
    // Several are an old way of writing; the first counts.
    const [text = ''] = requireArguments(line, 1, MANY)
    const isUrl = /^https?:\/\//.test(text) && URL.canParse(text)
    if (!isUrl) throw corefileError(line, `endpoint '${text}' is not a URL such as https://10.0.0.1:6443`)
    draft.endpoint = text
  },
  tls: (draft, line) => {
    const [cert = '', key = '', ca = ''] = requireArguments(line, 3)
    draft.tls = { cert, key, ca }
  },
  startup_timeout: (draft, line) => {
    draft.startupTimeoutMs = duration(line, requireArguments(line, 1)[0])
  },
  apiserver_qps: (_, line) => {
    // Three lists and three watches need no limit.
    const [text = ''] = requireArguments(line, 1)
    if (!(Number(text) >= 0) || text === '') throw corefileError(line, `invalid apiserver_qps "${text}"`)
  },
  apiserver_burst: noLimit,
  apiserver_max_inflight: noLimit,
}

const MANY = 1_000

function noLimit(_: Draft, line: Directive): void {
  wholeNumber(line, requireArguments(line, 1)[0], [0, 1_000_000])
}

function selector(line: Directive, what: string): string {
  const text = requireArguments(line, 1, MANY).join(' ')
  try {
    parseLabelSelector(text)
    return text
  } catch (cause) {
    throw corefileError(line, `unable to parse ${what} selector value: '${text}': ${errorMessage(cause)}`)
  }
}
