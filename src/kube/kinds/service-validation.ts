import type { FieldError } from '../kind.ts'
import type { Service, ServicePort, ServiceSpec } from '../types/core.ts'
import { cidrProblems, ipProblems, specialIpProblems } from '../validation/addresses.ts'
import { duplicate, forbidden, invalid, notSupported, oneOf, required } from '../validation/field-error.ts'
import {
  labelProblems,
  portNameProblems,
  portNumberProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from '../validation/names.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { validateServiceAddresses } from './service-address-validation.ts'
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from './service-needs.ts'
import { validateLoadBalancerStatus } from './service-status-validation.ts'
import { validateServiceUpdate } from './service-update-validation.ts'

const KUBELET_PORT = 10_250
const AFFINITY_LIMIT = 86_400
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'

/** The rules of a Service with upstream's paths and words; the allocation of addresses and ports adds its own. */
export function validateService(service: Service, old: Service | undefined): readonly FieldError[] {
  const { spec } = service
  return [
    ...(old === undefined ? [] : validateServiceUpdate(spec, old.spec)),
    ...validateTopology(service),
    ...validateType(spec),
    ...validatePorts(spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateServiceAddresses(spec),
    ...validateExternalIps(spec),
    ...validateLoadBalancerFields(service),
    ...validatePolicies(spec),
    ...validateLoadBalancerStatus(service, old),
  ]
}

/** The old name of the annotation may stand beside the new one, when both say the same. */
function validateTopology({ metadata }: Service): readonly FieldError[] {
  const mode = metadata.annotations?.[TOPOLOGY_MODE]
  const hints = metadata.annotations?.[TOPOLOGY_HINTS]
  if (mode === undefined || hints === undefined || mode === hints) return []
  const text = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`
  return [invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, text)]
}

function validateType(spec: ServiceSpec): readonly FieldError[] {
  const unknown = oneOf('spec.type', spec.type, TYPES)
  const portless = isHeadless(asRecord(spec)) || spec.type === 'ExternalName'
  const noPorts = (spec.ports ?? []).length === 0 && !portless ? [required('spec.ports')] : []
  if (spec.type === 'ExternalName') return [...unknown, ...noPorts, ...validateExternalName(spec)]
  const addressed = spec.type === 'LoadBalancer' || spec.type === 'NodePort'
  if (!addressed || !isHeadless(asRecord(spec))) return [...unknown, ...noPorts]
  return [
    ...unknown,
    ...noPorts,
    invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`),
  ]
}

function validateExternalName(spec: ServiceSpec): readonly FieldError[] {
  const text = 'may not be set for ExternalName services'
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  return [
    ...(spec.clusterIPs !== undefined && spec.clusterIPs.length > 0 ? [forbidden('spec.clusterIPs', text)] : []),
    ...(spec.ipFamilies !== undefined && spec.ipFamilies.length > 0 ? [forbidden('spec.ipFamilies', text)] : []),
    ...(spec.ipFamilyPolicy === undefined ? [] : [forbidden('spec.ipFamilyPolicy', text)]),
    ...(name === ''
      ? [required('spec.externalName')]
      : subdomainProblems(name).map((problem) => invalid('spec.externalName', name, problem))),
  ]
}

function validatePorts(spec: ServiceSpec): readonly FieldError[] {
  const ports = spec.ports ?? []
  const seen = { names: new Set<string>(), nodePorts: new Set<string>(), ports: new Set<string>() }
  return ports.flatMap((port, index) => {
    const path = `spec.ports[${index}]`
    return [
      ...validatePort(port, path, { named: ports.length > 1, type: spec.type }),
      ...validateUnique(port, path, seen),
    ]
  })
}

interface PortContext {
  readonly named: boolean
  readonly type: ServiceSpec['type']
}

function validatePort(port: ServicePort, path: string, context: PortContext): readonly FieldError[] {
  const errors: FieldError[] = []
  const name = port.name ?? ''
  if (context.named && name === '') errors.push(required(`${path}.name`))
  if (name !== '') errors.push(...labelProblems(name).map((text) => invalid(`${path}.name`, name, text)))
  errors.push(...portNumberProblems(port.port).map((text) => invalid(`${path}.port`, port.port ?? 0, text)))
  if (context.type === 'LoadBalancer' && port.port === KUBELET_PORT) {
    errors.push(invalid(path, port.port, `may not expose port ${KUBELET_PORT} externally since it is used by kubelet`))
  }
  errors.push(...oneOf(`${path}.protocol`, port.protocol, PROTOCOLS))
  const target = port.targetPort
  const targetProblems = typeof target === 'string' ? portNameProblems(target) : portNumberProblems(target)
  errors.push(...targetProblems.map((text) => invalid(`${path}.targetPort`, target, text)))
  if (port.appProtocol !== undefined) {
    errors.push(
      ...qualifiedNameProblems(port.appProtocol).map((text) => invalid(`${path}.appProtocol`, port.appProtocol, text)),
    )
  }
  if (context.type === 'ClusterIP' && port.nodePort) {
    errors.push(forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
  }
  return errors
}

interface Seen {
  readonly names: Set<string>
  readonly nodePorts: Set<string>
  readonly ports: Set<string>
}

function validateUnique(port: ServicePort, path: string, seen: Seen): readonly FieldError[] {
  const errors: FieldError[] = []
  if (port.name && isSeen(seen.names, port.name)) errors.push(duplicate(`${path}.name`, port.name))
  if (port.nodePort && isSeen(seen.nodePorts, `${port.protocol}/${port.nodePort}`)) {
    errors.push(duplicate(`${path}.nodePort`, port.nodePort))
  }
  if (isSeen(seen.ports, `${port.protocol}/${port.port}`)) {
    errors.push(duplicate(path, { protocol: port.protocol, port: port.port }))
  }
  return errors
}

function isSeen(set: Set<string>, value: string): boolean {
  if (set.has(value)) return true
  set.add(value)
  return false
}

function validateAffinity(spec: ServiceSpec): readonly FieldError[] {
  const unknown = oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
  const path = 'spec.sessionAffinityConfig'
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig !== undefined) {
    return [...unknown, forbidden(path, 'must not be set when session affinity is None')]
  }
  if (spec.sessionAffinity !== 'ClientIP') return unknown
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (seconds === undefined) {
    return [...unknown, required(`${path}.clientIP.timeoutSeconds`, 'when session affinity type is ClientIP')]
  }
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= AFFINITY_LIMIT) return unknown
  const text = `must be greater than 0 and less than ${AFFINITY_LIMIT}`
  return [...unknown, invalid(`${path}.clientIP.timeoutSeconds`, seconds, text)]
}

function validateExternalIps(spec: ServiceSpec): readonly FieldError[] {
  return (spec.externalIPs ?? []).flatMap((ip, index) => {
    const problems = ipProblems(ip)
    const all = problems.length > 0 ? problems : specialIpProblems(ip)
    return all.map((text) => invalid(`spec.externalIPs[${index}]`, ip, text))
  })
}

function validateLoadBalancerFields(service: Service): readonly FieldError[] {
  const { spec } = service
  const errors: FieldError[] = [...validateSourceRanges(service)]
  const only = "may only be used when `type` is 'LoadBalancer'"
  if (spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts !== undefined) {
      errors.push(forbidden('spec.allocateLoadBalancerNodePorts', only))
    }
    if (spec.loadBalancerClass !== undefined) errors.push(forbidden('spec.loadBalancerClass', only))
  } else if (spec.loadBalancerClass !== undefined) {
    const name = spec.loadBalancerClass
    errors.push(...qualifiedNameProblems(name).map((text) => invalid('spec.loadBalancerClass', name, text)))
  }
  return errors
}

/** The path has a capital L in upstream too. Ranges may be padded with blanks, as they once were in the annotation. */
function validateSourceRanges({ metadata, spec }: Service): readonly FieldError[] {
  const ranges = spec.loadBalancerSourceRanges ?? []
  const annotated = metadata.annotations?.[SOURCE_RANGES_ANNOTATION]
  if (ranges.length === 0 && annotated === undefined) return []
  const path = ranges.length > 0 ? 'spec.LoadBalancerSourceRanges' : `metadata.annotations[${SOURCE_RANGES_ANNOTATION}]`
  const misplaced =
    spec.type === 'LoadBalancer' ? [] : [forbidden(path, "may only be used when `type` is 'LoadBalancer'")]
  const trimmed = (annotated ?? '').trim()
  const annotatedRanges = trimmed === '' ? [] : trimmed.split(',')
  const given = ranges.length > 0 ? ranges : annotatedRanges
  const wrong = given.flatMap((range, index) => {
    const at = ranges.length > 0 ? `${path}[${index}]` : path
    return cidrProblems(range.trim()).map((text) => invalid(at, range.trim(), text))
  })
  return [...misplaced, ...wrong]
}

function validatePolicies(spec: ServiceSpec): readonly FieldError[] {
  const errors: FieldError[] = []
  const policies = ['Cluster', 'Local']
  if (isExternallyAccessible(asRecord(spec))) {
    errors.push(...oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, policies))
  } else if (spec.externalTrafficPolicy) {
    const text = 'may only be set for externally-accessible services'
    errors.push(invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, text))
  }
  if (spec.healthCheckNodePort && !needsHealthCheckPort(asRecord(spec))) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(invalid('spec.healthCheckNodePort', spec.healthCheckNodePort, text))
  } else if (spec.healthCheckNodePort) {
    const problems = portNumberProblems(spec.healthCheckNodePort)
    errors.push(...problems.map((text) => invalid('spec.healthCheckNodePort', spec.healthCheckNodePort, text)))
  }
  errors.push(...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, policies))
  const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone']
  if (spec.trafficDistribution !== undefined && !distributions.includes(spec.trafficDistribution)) {
    errors.push(notSupported('spec.trafficDistribution', spec.trafficDistribution, distributions))
  }
  return errors
}

function asRecord(spec: ServiceSpec): Readonly<Record<string, unknown>> {
  return spec as unknown as Readonly<Record<string, unknown>>
}
