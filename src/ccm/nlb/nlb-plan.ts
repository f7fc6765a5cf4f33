import type { Service, ServicePort } from '../../kube/types/core.ts'
import { pairs } from '../desired/ports.ts'
import { groupPort, type ModelRules, type PlannedPort, policyOf, type ServicePlan } from '../desired/service-plan.ts'
import type { GroupType } from '../model.ts'
import { ownedNlbName, ownerOf } from '../names.ts'
import { nlbCrossProblems } from './cross-rules.ts'
import { type NlbAnnotations, nlbAnnotationProblems, readNlbAnnotations } from './nlb-annotations.ts'
import type { NlbProtocol } from './table.ts'

/** First and last port of a listener that has several. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** A port of a Service as a listener. */
export interface NlbPort extends PlannedPort {
  /** 0 for a range. */
  readonly port: number
  readonly range?: PortRange
  readonly protocol: NlbProtocol
  readonly groupName: string
}

/** A Service that asks for a Network Load Balancer. */
export interface NlbPlan extends ServicePlan {
  readonly annotations: NlbAnnotations
  readonly ports: readonly NlbPort[]
  readonly groupType: GroupType
}

/** Reads and checks a Service. */
export function planNlbService(service: Service, rules: ModelRules): NlbPlan {
  const raw = service.metadata.annotations ?? {}
  const annotations = readNlbAnnotations(raw)
  const owner = ownerOf(service, rules.clusterId)
  const policy = policyOf(service, annotations, rules)
  const groupType: GroupType = annotations.port.groupType?.toLowerCase() === 'ip' ? 'Ip' : 'Instance'
  const nameOf = (servicePort: ServicePort, protocol: string, range?: PortRange) =>
    ownedNlbName(range === undefined ? groupPort(servicePort, policy) : rangeText(range), protocol, owner)
  const ports = nlbPorts(service, annotations, nameOf)
  const single = nlbAnnotationProblems(raw, rules)
  const cross = nlbCrossProblems({ service, owner, annotations, ports, policy, rules })
  const seen = new Set(single.map(({ where }) => where))
  return {
    service,
    owner,
    annotations,
    ports,
    policy,
    groupType,
    addressTypes: addressTypesOf(annotations, rules),
    byAddress: groupType === 'Ip',
    problems: [...single, ...cross.filter(({ where }) => !seen.has(where))],
    rules,
  }
}

/** `1000_2000`, as names have it. */
export function rangeText({ first, last }: PortRange): string {
  return `${first}_${last}`
}

function nlbPorts(
  { spec }: Service,
  { port, backend, instance }: NlbAnnotations,
  nameOf: (port: ServicePort, protocol: string, range?: PortRange) => string,
): NlbPort[] {
  const protocols = new Map(pairs(port.protocolPort).map(([protocol, number]) => [number, protocol.toUpperCase()]))
  const ranges = new Map(pairs(port.portRange).map(([range, number]) => [number, range]))
  const groups = new Map(
    instance.id === undefined ? [] : pairs(backend.groupPort).map(([id, number]) => [number, id] as const),
  )
  return (spec.ports ?? []).map((servicePort) => {
    const key = String(servicePort.port)
    const protocol = protocolOf(servicePort, protocols.get(key))
    const range = rangeOf(ranges.get(key))
    const groupId = groups.get(key)
    return {
      servicePort,
      port: range === undefined ? servicePort.port : 0,
      protocol,
      ...(range === undefined ? {} : { range }),
      // TLS ends at the load balancer: its servers are those of TCP.
      groupName: nameOf(servicePort, protocol === 'UDP' ? 'UDP' : 'TCP', range),
      ...(groupId === undefined ? {} : { groupId }),
    }
  })
}

/** A UDP port stays one: what is annotated is the TCP port of the same number. */
function protocolOf({ protocol = 'TCP' }: ServicePort, annotated: string | undefined): NlbProtocol {
  if (protocol === 'UDP') return 'UDP'
  return annotated === 'TCPSSL' ? annotated : 'TCP'
}

function rangeOf(text: string | undefined): PortRange | undefined {
  const [first, last] = (text ?? '').split('-').map(Number)
  return first === undefined || last === undefined ? undefined : { first, last }
}

function addressTypesOf({ backend, instance }: NlbAnnotations, rules: ModelRules): readonly ('IPv4' | 'IPv6')[] {
  if (!rules.ipv6DualStack || instance.ipVersion?.toLowerCase() !== 'dualstack') return ['IPv4']
  if (backend.backendIpVersion === 'ipv6') return ['IPv6']
  return backend.backendIpVersion === 'dualstack' ? ['IPv4', 'IPv6'] : ['IPv4']
}
