import { addressFamily, parseCidr } from '../../base/ip.ts'
import type { Service } from '../../kube/types/core.ts'
import { annotationKey } from '../annotations/read-annotation.ts'
import type { Problem } from '../annotations/service-annotations.ts'
import type { BackendPolicy } from '../desired/backends.ts'
import { pairs } from '../desired/ports.ts'
import type { ModelRules } from '../desired/service-plan.ts'
import { LISTENER_DESCRIPTION_LENGTH, NLB_GROUP_NAME_LENGTH, type Owner, ownedNlbName } from '../names.ts'
import type { NlbAnnotations } from './nlb-annotations.ts'
import type { NlbPort } from './nlb-plan.ts'
import { NLB_BACKEND_ROWS, NLB_INSTANCE_ROWS, NLB_PORT_ROWS } from './table.ts'
import { zoneMapsOf } from './zone-maps.ts'

export interface NlbCrossContext {
  readonly service: Service
  readonly owner: Owner
  readonly annotations: NlbAnnotations
  readonly ports: readonly NlbPort[]
  readonly policy: BackendPolicy
  readonly rules: ModelRules
}

const UDP_IDLE_TIMEOUT = 20
/** Rules that a security group takes; one drops the rest. */
const MAXIMUM_RANGES = 199

/** What is wrong about annotations and fields taken together; each single value is right. */
export function nlbCrossProblems(context: NlbCrossContext): readonly Problem[] {
  const always = [...zoneProblems(context), ...rangePortProblems(context)]
  if (context.rules.compat) return always
  return [
    ...always,
    ...listenerProblems(context),
    ...clientAddressProblems(context),
    ...groupProblems(context),
    ...sourceProblems(context),
    ...nameProblems(context),
  ]
}

/** ACK's controller refuses these too. */
function zoneProblems({ annotations, rules }: NlbCrossContext): readonly Problem[] {
  const { instance } = annotations
  const zones = zoneMapsOf(annotations, rules)
  if (instance.id === undefined && zones.length < 2) {
    const wanted =
      '2 to 10 zones with their vSwitches such as cn-hangzhou-k:vsw-a,cn-hangzhou-j:vsw-b (ParameterMissing, zone mappings are required)'
    return [problem(NLB_INSTANCE_ROWS.zoneMaps.suffix, instance.zoneMaps ?? '', wanted)]
  }
  if (rules.compat || instance.zoneMaps === undefined) return []
  const twice = zones.find(({ zoneId }, n) => zones.findIndex((zone) => zone.zoneId === zoneId) < n)
  if (twice !== undefined) {
    return [problem(NLB_INSTANCE_ROWS.zoneMaps.suffix, instance.zoneMaps, `one vSwitch of the zone ${twice.zoneId}`)]
  }
  const hasEip = zones.some(({ allocationId }) => allocationId !== undefined)
  if (!hasEip || instance.addressType?.toLowerCase() !== 'intranet') return []
  return [problem(NLB_INSTANCE_ROWS.zoneMaps.suffix, instance.zoneMaps, 'EIPs with address-type internet only')]
}

function rangePortProblems({ annotations, ports, policy }: NlbCrossContext): readonly Problem[] {
  const { suffix } = NLB_PORT_ROWS.portRange
  const value = annotations.port.portRange ?? ''
  if (value === '') return []
  if (policy !== 'eni') {
    return [problem(suffix, value, 'it with backend-type eni only: ports of nodes are not those of pods')]
  }
  const ranges = pairs(value).map(([range]) => range.split('-').map(Number))
  const wrong = ranges.find(([first = 0, last = 0]) => first < 1 || last > 65_535 || first >= last)
  if (wrong !== undefined) return [problem(suffix, value, `first below last, from 1 to 65535: not ${wrong.join('-')}`)]
  for (const { range, protocol } of ports) {
    if (range === undefined) continue
    const other = ports.find((one) => {
      const [first, last] = one.range === undefined ? [one.port, one.port] : [one.range.first, one.range.last]
      const isSame = one.range === range
      return !isSame && (one.protocol === 'UDP') === (protocol === 'UDP') && first <= range.last && last >= range.first
    })
    if (other === undefined) continue
    const taken = `ranges without the port ${other.range?.first ?? other.port}, which the Service has already`
    return [problem(suffix, value, taken)]
  }
  return []
}

function listenerProblems({ service, annotations, ports }: NlbCrossContext): readonly Problem[] {
  const problems: Problem[] = []
  const { settings, port } = annotations
  const has = (protocol: NlbPort['protocol']) => ports.some((one) => one.protocol === protocol)
  const isOn = (suffix: string) => settings[`loadbalancer-${suffix}`]?.toLowerCase() === 'on'
  const need = (needed: boolean, suffix: string, wanted: string) => {
    const key = `loadbalancer-${suffix}`
    if (needed && settings[key] === undefined) problems.push(problem(key, '', wanted))
  }
  need(has('TCPSSL'), 'cert-id', 'the id of a certificate, since a port has the protocol tcpssl')
  need(has('TCPSSL') && isOn('cacert'), 'cacert-id', 'the id of a CA certificate, since cacert is on')
  need(has('TCPSSL') && isOn('alpn'), 'alpn-policy', 'HTTP1Only, HTTP2Only, HTTP2Optional or HTTP2Preferred, for alpn')
  const idle = settings['loadbalancer-idle-timeout']
  if (idle !== undefined && has('UDP') && Number(idle) > UDP_IDLE_TIMEOUT) {
    problems.push(problem('loadbalancer-idle-timeout', idle, `10 to ${UDP_IDLE_TIMEOUT} for UDP ports`))
  }
  const scheduler = settings['loadbalancer-scheduler']
  if (scheduler?.toLowerCase() === 'qch' && (has('TCP') || has('TCPSSL'))) {
    problems.push(problem('loadbalancer-scheduler', scheduler, 'one of Wrr, Wlc, rr, sch, tch for TCP ports'))
  }
  const numbers = [...pairs(port.protocolPort), ...pairs(annotations.backend.groupPort)].map(([, number]) => number)
  const wrong = numbers.find((number) => Number(number) < 1 || Number(number) > 65_535)
  if (wrong !== undefined) problems.push(problem(NLB_PORT_ROWS.protocolPort.suffix, wrong, 'ports from 1 to 65535'))
  const strange = service.spec.ports?.find(({ protocol }) => protocol === 'SCTP')
  if (strange !== undefined) {
    problems.push({ where: `spec.ports[${strange.port}].protocol`, value: 'SCTP', wanted: 'TCP or UDP' })
  }
  return problems
}

/** Who ends TLS is the client of servers; datagrams have no other. */
function clientAddressProblems({ annotations, ports }: NlbCrossContext): readonly Problem[] {
  const suffix = 'loadbalancer-preserve-client-ip'
  const value = annotations.settings[suffix]
  const wanted = value?.toLowerCase()
  const kept = ports.find(({ protocol }) => protocol === 'TCPSSL')
  if (wanted === 'on' && kept !== undefined) {
    return [
      problem(suffix, value ?? '', `off: the tcpssl port ${kept.servicePort.port} cannot show servers the client`),
    ]
  }
  const datagrams = ports.find(({ protocol }) => protocol === 'UDP')
  if (wanted !== 'off' || datagrams === undefined) return []
  return [problem(suffix, value ?? '', `on: the UDP port ${datagrams.servicePort.port} cannot hide the client`)]
}

function groupProblems({ annotations: { backend, instance } }: NlbCrossContext): readonly Problem[] {
  const { groupPort, weight } = NLB_BACKEND_ROWS
  const id = annotationKey(NLB_INSTANCE_ROWS.id.suffix)
  if (backend.groupPort !== undefined && instance.id === undefined) {
    return [problem(groupPort.suffix, backend.groupPort, `it together with ${id} only`)]
  }
  if (backend.weight === undefined || backend.groupPort !== undefined) return []
  return [problem(weight.suffix, backend.weight, `it together with ${id} and ${annotationKey(groupPort.suffix)} only`)]
}

function sourceProblems({ service, annotations }: NlbCrossContext): readonly Problem[] {
  const ranges = annotations.instance.id === undefined ? (service.spec.loadBalancerSourceRanges ?? []) : []
  const where = 'spec.loadBalancerSourceRanges'
  const wrong = ranges.find(
    (range) => parseCidr(range.trim()) === undefined || addressFamily(range.split('/')[0]?.trim() ?? '') !== 4,
  )
  if (wrong !== undefined) return [{ where, value: wrong, wanted: 'ranges of IPv4 addresses' }]
  if (ranges.length <= MAXIMUM_RANGES) return []
  return [{ where, value: `${ranges.length} ranges`, wanted: `at most ${MAXIMUM_RANGES}` }]
}

/** Names that the API would refuse: found before anything is made. */
function nameProblems({ owner, ports, service }: NlbCrossContext): readonly Problem[] {
  const group = ports.find(({ groupName }) => groupName.length > NLB_GROUP_NAME_LENGTH)?.groupName
  const listener = ports
    .map(({ port, protocol }) => ownedNlbName(port, protocol, owner))
    .find((name) => name.length > LISTENER_DESCRIPTION_LENGTH)
  const [name, most] = group === undefined ? [listener, LISTENER_DESCRIPTION_LENGTH] : [group, NLB_GROUP_NAME_LENGTH]
  if (name === undefined) return []
  const wanted = `shorter names of Service and namespace: '${name}' has ${name.length} characters, the cloud takes ${most}`
  return [{ where: 'metadata.name', value: service.metadata.name, wanted }]
}

function problem(suffix: string, value: string, wanted: string): Problem {
  return { where: annotationKey(suffix), value, wanted }
}
