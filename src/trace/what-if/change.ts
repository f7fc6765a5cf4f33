/** What is to be changed, from `field=value` words, and the world as it would be then. Nothing is changed really. */

import { closest } from '../../base/closest.ts'
import { FairleadError } from '../../base/error.ts'
import { formatAddress, nthAddress, parseCidr } from '../../base/ip.ts'
import { validateService } from '../../kube/kinds/service-validation.ts'
import type { Pod, Service, ServiceSpec } from '../../kube/types/core.ts'
import { fieldErrorText } from '../../kube/validation/field-error.ts'
import { deriveSlices, isDerived } from '../derive-slices.ts'
import { type Atlas, atlasOf, nameOf, type Surroundings, type World } from '../world.ts'
import { withNetwork } from './change-network.ts'

export interface Fork {
  readonly service: Service
  readonly before: Atlas
  readonly after: Atlas
  /** What the changed objects would look like, for people: `spec.type: ClusterIP -> NodePort`. */
  readonly changes: readonly string[]
  /** What the API would choose by itself, and is only an example here. */
  readonly notes: readonly string[]
}

type Reader = (value: string, service: Service) => Partial<ServiceSpec>

const POLICIES = ['Cluster', 'Local'] as const
const NETWORKS = ['flannel', 'terway-eniip'] as const satisfies readonly Surroundings['network'][]

/** Fields of a Service that decide about packets. */
const FIELDS: Readonly<Record<string, Reader>> = {
  type: (value) => ({ type: oneOf('type', value, ['ClusterIP', 'NodePort', 'LoadBalancer']) }),
  externalTrafficPolicy: (value) => ({ externalTrafficPolicy: oneOf('externalTrafficPolicy', value, POLICIES) }),
  internalTrafficPolicy: (value) => ({ internalTrafficPolicy: oneOf('internalTrafficPolicy', value, POLICIES) }),
  sessionAffinity: (value) => ({ sessionAffinity: oneOf('sessionAffinity', value, ['None', 'ClientIP']) }),
  trafficDistribution: (value) => ({
    trafficDistribution: oneOf('trafficDistribution', value, ['PreferClose', 'PreferSameZone', 'PreferSameNode']),
  }),
  publishNotReadyAddresses: (value) => ({
    publishNotReadyAddresses: oneOf('publishNotReadyAddresses', value, ['true', 'false']) === 'true',
  }),
  loadBalancerSourceRanges: (value) => ({
    loadBalancerSourceRanges: value === '' ? [] : value.split(',').map(requireRange),
  }),
  externalIPs: (value) => ({ externalIPs: value === '' ? [] : value.split(',') }),
  selector: (value) => ({ selector: Object.fromEntries(value.split(',').map(labelOf)) }),
  targetPort: (value, { spec }) => ({
    ports: (spec.ports ?? []).map((port) => ({ ...port, targetPort: /^\d+$/.test(value) ? Number(value) : value })),
  }),
}

function oneOf<T extends string>(field: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value)
  if (found !== undefined) return found
  throw new FairleadError('USAGE', `${field} cannot be "${value}"`, { hint: `Give ${allowed.join(' or ')}` })
}

function requireRange(text: string): string {
  if (parseCidr(text) !== undefined) return text
  throw new FairleadError('USAGE', `loadBalancerSourceRanges "${text}" is not a CIDR`, {
    hint: 'Give one like 10.0.0.0/8',
  })
}

function labelOf(text: string): [string, string] {
  const [key = '', value = ''] = text.split(/[=:]/)
  if (key !== '' && /[=:]/.test(text)) return [key, value]
  throw new FairleadError('USAGE', `"${text}" is not a label`, { hint: 'Give selector=KEY:VALUE,...' })
}

/**
 * The world in which a Service has other fields, other pods (`replicas`), or another `network` under it.
 *
 * @throws FairleadError `USAGE`
 */
export function fork(before: Atlas, service: Service, words: readonly string[]): Fork {
  if (words.length === 0) throw new FairleadError('USAGE', 'Nothing is to be changed', { hint: 'Give field=value' })
  let changed = service
  const { objects, around, kernel } = before
  let world: World = { objects, around, ...(kernel === undefined ? {} : { kernel }) }
  const changes: string[] = []
  const notes: string[] = []
  const asked = new Set<keyof ServiceSpec>()
  for (const word of words) {
    const [, field = '', value = ''] = /^(?:spec\.)?([^=]+)=(.*)$/.exec(word) ?? []
    if (field === '') throw new FairleadError('USAGE', `"${word}" is no change`, { hint: 'Give field=value' })
    if (field === 'replicas') {
      const count = requireCount(value)
      const own = ownPods(changed, world.objects.pods)
      changes.push(`replicas: ${own.length} -> ${count}`)
      const pods = withReplicas({ own, count, pods: world.objects.pods, before, notes })
      world = { ...world, objects: { ...world.objects, pods } }
      continue
    }
    if (field === 'network') {
      const network = oneOf(field, value, NETWORKS)
      changes.push(`network: ${world.around.network} -> ${network}`)
      notes.push(
        'the network of a cluster is chosen when it is made: this is the Service in a cluster that has the other',
      )
      world = withNetwork(world, network)
      continue
    }
    const spec = readerOf(field)(value, changed)
    for (const key of Object.keys(spec) as (keyof ServiceSpec)[]) {
      asked.add(key)
      changes.push(`spec.${key}: ${text(changed.spec[key])} -> ${text(spec[key])}`)
    }
    changed = completed({ ...changed, spec: { ...changed.spec, ...spec } }, before, notes)
  }
  requireTaken(changed, service, asked)
  return { service: changed, before, after: replaced(world, changed), changes, notes }
}

/** What the API would refuse is no forecast. Only what was asked for counts: the rest it fills in and takes away itself. */
function requireTaken(service: Service, old: Service, asked: ReadonlySet<keyof ServiceSpec>): void {
  // Upstream writes `spec.LoadBalancerSourceRanges`.
  const known = new Set(validateService(old, old).map(fieldErrorText))
  const fields = new Set(asked)
  // A type may not go with what the Service has, or has not, and the API does not fill in.
  if (asked.has('type') && service.spec.clusterIP === 'None') fields.add('clusterIPs')
  if (asked.has('type') && (service.spec.ports ?? []).length === 0) fields.add('ports')
  const errors = validateService(service, old).filter(({ field }) =>
    [...fields].some((key) => new RegExp(`^spec\\.${key}\\b`, 'i').test(field)),
  )
  const told = errors.map(fieldErrorText).find((one) => !known.has(one))
  if (told === undefined) return
  throw new FairleadError('USAGE', `The API would not take that: ${told}`, {
    hint: 'kubectl explain service.spec says what is allowed',
  })
}

function text(value: unknown): string {
  if (value === undefined) return '(not set)'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function readerOf(field: string): Reader {
  const label = /^selector\.(.+)$/.exec(field)?.[1]
  if (label !== undefined) return (value, { spec }) => ({ selector: { ...spec.selector, [label]: value } })
  const reader = FIELDS[field]
  if (reader !== undefined) return reader
  const known = [...Object.keys(FIELDS), 'replicas', 'network']
  const near = closest(field, known)
  const hint = near === undefined ? `Known are ${known.join(', ')}` : `Perhaps ${near} is meant`
  throw new FairleadError('USAGE', `whatif knows no field "${field}" of a Service`, { hint })
}

function requireCount(value: string): number {
  const count = Number(value)
  if (/^\d+$/.test(value) && count <= 1000) return count
  throw new FairleadError('USAGE', `replicas cannot be "${value}"`, { hint: 'Give a whole number up to 1000' })
}

const FIRST_NODE_PORT = 30_000

/** What the API server would fill in or take away. */
function completed(service: Service, { servicesByNodePort }: Atlas, notes: string[]): Service {
  const { spec } = service
  if (spec.type === 'ClusterIP') {
    const { externalTrafficPolicy: _, ...rest } = spec
    const ports = (spec.ports ?? []).map(({ nodePort: __, ...port }) => port)
    return { ...service, spec: { ...rest, ports }, status: { ...service.status, loadBalancer: {} } }
  }
  let free = FIRST_NODE_PORT
  const ports = (spec.ports ?? []).map((port) => {
    if (port.nodePort !== undefined) return port
    while (servicesByNodePort.has(free)) free += 1
    notes.push(`port ${port.port} would get some free node port, ${free} in this forecast`)
    free += 1
    return { ...port, nodePort: free - 1 }
  })
  const policy = spec.externalTrafficPolicy ?? 'Cluster'
  if (spec.type === 'LoadBalancer' && (service.status?.loadBalancer?.ingress ?? []).length === 0) {
    notes.push('the address of the load balancer is not known before the cloud gives one')
  }
  const status = spec.type === 'NodePort' ? { status: { ...service.status, loadBalancer: {} } } : {}
  return { ...service, spec: { ...spec, externalTrafficPolicy: policy, ports }, ...status }
}

function ownPods({ metadata, spec }: Service, pods: readonly Pod[]): readonly Pod[] {
  const selector = Object.entries(spec.selector ?? {})
  return pods.filter(
    (pod) =>
      selector.length > 0 &&
      pod.metadata.namespace === metadata.namespace &&
      selector.every(([key, value]) => pod.metadata.labels?.[key] === value),
  )
}

interface Scaling {
  readonly own: readonly Pod[]
  readonly count: number
  readonly pods: readonly Pod[]
  readonly before: Atlas
  readonly notes: string[]
}

/** Fewer pods: the last ones go. More: copies of the first, on the nodes that have the fewest. */
function withReplicas({ own, count, pods, before, notes }: Scaling): readonly Pod[] {
  const kept = new Set(own.slice(0, count))
  const rest = pods.filter((pod) => !own.includes(pod) || kept.has(pod))
  const [model] = own
  if (count <= own.length || model === undefined) return rest
  const nodes = before.objects.nodes
    .filter(({ spec }) => spec?.unschedulable !== true)
    .map(({ metadata }) => metadata.name)
  const added: Pod[] = []
  for (let index = own.length; index < count; index += 1) {
    const load = (node: string) => [...own, ...added].filter(({ spec }) => spec.nodeName === node).length
    const node = [...nodes].sort((a, b) => load(a) - load(b))[0] ?? ''
    added.push(copyOf(model, { node, index, before }))
  }
  notes.push(`new pods are expected on ${added.map(({ spec }) => spec.nodeName).join(', ')}; the scheduler decides`)
  return [...rest, ...added]
}

function copyOf(model: Pod, place: { readonly node: string; readonly index: number; readonly before: Atlas }): Pod {
  const { node, index, before } = place
  const name = `${model.metadata.name}-new-${index}`
  const range = parseCidr(before.nodesByName.get(node)?.spec?.podCIDR ?? '')
  // From the end of the range, where pods seldom are.
  const podIP = range === undefined ? '' : formatAddress(nthAddress(range, -2 - index))
  return {
    ...model,
    metadata: { ...model.metadata, name, uid: `new-${index}` },
    spec: { ...model.spec, nodeName: node },
    status: {
      ...model.status,
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  }
}

function replaced(world: World, service: Service): Atlas {
  const { objects } = world
  const key = nameOf(service)
  const { slicesByService } = atlasOf(world)
  const own = slicesByService.get(key) ?? []
  const slices = [
    ...objects.slices.filter((slice) => !own.includes(slice)),
    ...own.filter((slice) => !isDerived(slice)),
    ...deriveSlices(service, objects),
  ]
  const services = objects.services.map((one) => (nameOf(one) === key ? service : one))
  return atlasOf({ ...world, objects: { ...objects, services, slices } })
}
