import { addressFamily, parseCidr } from '../../base/ip.ts'
import type { Service } from '../../kube/types/core.ts'
import { type ListenerPort, pairs } from '../desired/ports.ts'
import { GROUP_NAME_LENGTH, LISTENER_DESCRIPTION_LENGTH, type Owner, ownedName } from '../names.ts'
import { annotationKey } from './read-annotation.ts'
import type { Problem, ServiceAnnotations } from './service-annotations.ts'
import { BACKEND_ROWS, INSTANCE_ROWS, PORT_ROWS } from './table.ts'

export interface CrossContext {
  readonly service: Service
  readonly owner: Owner
  readonly annotations: ServiceAnnotations
  readonly ports: readonly ListenerPort[]
  /** Names that groups will have. */
  readonly groupNames: readonly string[]
}

const MAXIMUM_ACL_ENTRIES = 300
const LAYER7_SCHEDULERS = ['wrr', 'rr']
const TCP_SCHEDULERS = [...LAYER7_SCHEDULERS, 'wlc', 'sch', 'tch']

/** What is wrong about annotations and fields taken together; each single value is right. */
export function crossProblems(context: CrossContext): readonly Problem[] {
  return [
    ...chargeProblems(context),
    ...placeProblems(context),
    ...listenerProblems(context),
    ...portProblems(context),
    ...groupProblems(context),
    ...rangeProblems(context),
    ...nameProblems(context),
  ]
}

function chargeProblems({ annotations: { instance } }: CrossContext): readonly Problem[] {
  if (instance.internetChargeType !== 'paybybandwidth' || instance.instanceChargeType === 'PayBySpec') return []
  if (instance.id !== undefined) return []
  const wanted = `paybytraffic, or annotation ${annotationKey(INSTANCE_ROWS.instanceChargeType.suffix)}: PayBySpec with it`
  return [problem(INSTANCE_ROWS.internetChargeType.suffix, 'paybybandwidth', wanted)]
}

function placeProblems({ annotations: { instance } }: CrossContext): readonly Problem[] {
  const isIntranet = instance.addressType === 'intranet'
  const problems: Problem[] = []
  if (instance.address !== undefined && !isIntranet && instance.id === undefined) {
    problems.push(problem(INSTANCE_ROWS.address.suffix, instance.address, 'it with address-type intranet only'))
  }
  if (instance.ipVersion === 'ipv6' && isIntranet) {
    problems.push(problem(INSTANCE_ROWS.ipVersion.suffix, 'ipv6', 'ipv4 with address-type intranet'))
  }
  return problems
}

function listenerProblems(context: CrossContext): readonly Problem[] {
  const { listener } = context.annotations
  const protocols = new Set(context.ports.map(({ protocol }) => protocol))
  const [layer4, layer7] = [
    protocols.has('tcp') || protocols.has('udp'),
    protocols.has('http') || protocols.has('https'),
  ]
  const problems: Problem[] = []
  const need = (needed: boolean, suffix: string, wanted: string) => {
    const key = `loadbalancer-${suffix}`
    if (needed && listener[key] === undefined) problems.push(problem(key, '', wanted))
  }
  const is = (suffix: string, value: string) => listener[`loadbalancer-${suffix}`] === value
  const sticky = layer7 && is('sticky-session', 'on')
  need(sticky, 'sticky-session-type', 'insert or server, since sticky-session is on')
  need(
    sticky && is('sticky-session-type', 'insert'),
    'cookie-timeout',
    '1 to 86400, since sticky-session-type is insert',
  )
  need(sticky && is('sticky-session-type', 'server'), 'cookie', 'a name, since sticky-session-type is server')
  need(is('acl-status', 'on'), 'acl-id', 'ids of access control lists, since acl-status is on')
  need(is('acl-status', 'on'), 'acl-type', 'white or black, since acl-status is on')
  need(layer4 && is('connection-drain', 'on'), 'connection-drain-timeout', '10 to 900, since connection-drain is on')
  need(protocols.has('https'), 'cert-id', 'the id of a certificate, since a port has the protocol https')
  return [...problems, ...schedulerProblems(context)]
}

function schedulerProblems({ annotations, ports }: CrossContext): readonly Problem[] {
  const scheduler = annotations.listener['loadbalancer-scheduler']
  if (scheduler === undefined) return []
  for (const { protocol, port } of ports) {
    const allowed =
      protocol === 'udp' ? [...TCP_SCHEDULERS, 'qch'] : protocol === 'tcp' ? TCP_SCHEDULERS : LAYER7_SCHEDULERS
    if (allowed.includes(scheduler)) continue
    return [
      problem('loadbalancer-scheduler', scheduler, `one of ${allowed.join(', ')} for the ${protocol} port ${port}`),
    ]
  }
  return []
}

function portProblems({ service, annotations, ports }: CrossContext): readonly Problem[] {
  const problems: Problem[] = []
  for (const [from, to] of pairs(annotations.port.forwardPort)) {
    const source = ports.find(({ port }) => String(port) === from)
    const target = ports.find(({ port }) => String(port) === to)
    const isThere = target?.protocol === 'https' || annotations.instance.id !== undefined
    if (source !== undefined && source.protocol !== 'http') {
      problems.push(
        problem(
          PORT_ROWS.forwardPort.suffix,
          `${from}:${to}`,
          `an http port before the colon: ${from} is ${source.protocol}`,
        ),
      )
    } else if (source !== undefined && !isThere) {
      problems.push(
        problem(PORT_ROWS.forwardPort.suffix, `${from}:${to}`, 'an https port of the Service after the colon'),
      )
    }
  }
  const strange = service.spec.ports?.find(({ protocol }) => protocol === 'SCTP')
  if (strange !== undefined) {
    problems.push({ where: `spec.ports[${strange.port}].protocol`, value: 'SCTP', wanted: 'TCP or UDP' })
  }
  return [...problems, ...numberProblems(annotations)]
}

function numberProblems({ port, backend }: ServiceAnnotations): readonly Problem[] {
  const numbers = [
    ...pairs(port.protocolPort).map(([, number]) => [PORT_ROWS.protocolPort.suffix, number] as const),
    ...pairs(port.forwardPort).flatMap(([a, b]) =>
      [a, b].map((number) => [PORT_ROWS.forwardPort.suffix, number] as const),
    ),
    ...pairs(backend.groupPort).map(([, number]) => [BACKEND_ROWS.groupPort.suffix, number] as const),
  ]
  return numbers
    .filter(([, number]) => Number(number) < 1 || Number(number) > 65_535)
    .map(([suffix, number]) => problem(suffix, number, 'ports from 1 to 65535'))
}

function groupProblems({ annotations: { backend, instance } }: CrossContext): readonly Problem[] {
  if (backend.weight === undefined && backend.groupPort === undefined) return []
  const problems: Problem[] = []
  const id = annotationKey(INSTANCE_ROWS.id.suffix)
  if (backend.groupPort !== undefined && instance.id === undefined) {
    problems.push(problem(BACKEND_ROWS.groupPort.suffix, backend.groupPort, `it together with ${id} only`))
  }
  if (backend.weight !== undefined && backend.groupPort === undefined) {
    const wanted = `it together with ${id} and ${annotationKey(BACKEND_ROWS.groupPort.suffix)} only`
    problems.push(problem(BACKEND_ROWS.weight.suffix, backend.weight, wanted))
  }
  return problems
}

function rangeProblems({ service, annotations }: CrossContext): readonly Problem[] {
  const ranges = service.spec.loadBalancerSourceRanges ?? []
  if (ranges.length === 0) return []
  const where = 'spec.loadBalancerSourceRanges'
  const problems: Problem[] = []
  const family = annotations.instance.ipVersion === 'ipv6' ? 6 : 4
  const wrong = ranges.find((range) => addressFamily(range.split('/')[0]?.trim() ?? '') !== family)
  if (wrong !== undefined || ranges.some((range) => parseCidr(range.trim()) === undefined)) {
    problems.push({
      where,
      value: wrong ?? ranges.join(','),
      wanted: `ranges of IPv${family} addresses, as the instance has`,
    })
  }
  if (ranges.length > MAXIMUM_ACL_ENTRIES) {
    problems.push({ where, value: `${ranges.length} ranges`, wanted: `at most ${MAXIMUM_ACL_ENTRIES}` })
  }
  if (annotations.listener['loadbalancer-acl-status'] === 'on') {
    problems.push({
      where,
      value: ranges.join(','),
      wanted: `either it or annotation ${annotationKey('loadbalancer-acl-id')}`,
    })
  }
  return problems
}

/** Names that the API would refuse: found before anything is made. */
function nameProblems({ owner, ports, groupNames }: CrossContext): readonly Problem[] {
  const group = groupNames.find((name) => name.length > GROUP_NAME_LENGTH)
  const listener = ports
    .map(({ port }) => ownedName(port, owner))
    .find((name) => name.length > LISTENER_DESCRIPTION_LENGTH)
  const problems: Problem[] = []
  if (group !== undefined) problems.push(tooLong(group, GROUP_NAME_LENGTH))
  if (listener !== undefined) problems.push(tooLong(listener, LISTENER_DESCRIPTION_LENGTH))
  return problems
}

function tooLong(name: string, most: number): Problem {
  const wanted = `shorter names of Service and namespace: '${name}' has ${name.length} characters, the cloud takes ${most}`
  return { where: 'metadata.name', value: name.split('/')[2] ?? '', wanted }
}

function problem(suffix: string, value: string, wanted: string): Problem {
  return { where: annotationKey(suffix), value, wanted }
}
