import type { Node, ServicePort } from '../../kube/types/core.ts'
import type { Backend } from '../model.ts'
import {
  instanceIdOf,
  isVirtual,
  machineRefusal,
  type NodeRefusal,
  type NodeWishes,
  nodeRefusal,
} from '../node-facts.ts'
import type { Candidate } from './endpoints.ts'

/** How pods are attached: themselves by their interface, or nodes at the node port, those with pods or all. */
export type BackendPolicy = 'eni' | 'local' | 'cluster'

/** What is known of an address: on which interface it is, or why it is on none. */
export type InterfaceOf = (candidate: Candidate) => InterfaceLookup

export type InterfaceLookup =
  | { readonly found: true; readonly id: string }
  /** `outside`: not an address of the VPC at all. */
  | { readonly found: false; readonly outside: boolean }

export interface WeightRules {
  /** Annotation `weight`: shared out among all backends. */
  readonly total?: number
  /** Of each backend but nodes with pods. */
  readonly each: number
}

export interface BackendContext {
  readonly policy: BackendPolicy
  readonly nodes: ReadonlyMap<string, Node>
  /** Whether servers are addresses alone: no interface or machine is asked for. @default false */
  readonly byAddress?: boolean
  readonly wishes: NodeWishes
  readonly weights: WeightRules
  readonly interfaceOf: InterfaceOf
  /** What backends are described with: whose they are. */
  readonly description: string
}

/** Who is not attached though one might expect it. */
export interface MissingBackend {
  /** `pod web-1 (10.0.0.7)`, `node worker-2` */
  readonly who: string
  readonly reason: string
  /** What the Event is about: an interface that is not known, an address of elsewhere, or anything else. */
  readonly kind: 'interface' | 'outside' | 'node' | 'pod'
  /** Pods concerned, for readiness gates. */
  readonly podName?: string
}

export interface PortBackends {
  readonly backends: readonly Backend[]
  readonly missing: readonly MissingBackend[]
  /** Nodes that somebody wants not to be attached: of interest when nobody else is. */
  readonly excluded: readonly MissingBackend[]
  readonly isIncomplete: boolean
}

/** The backends of a port of a Service (ACK "External traffic policies", and what its controller makes of weights). */
export function backendsFor(
  port: ServicePort,
  candidates: readonly Candidate[],
  context: BackendContext,
): PortBackends {
  switch (context.policy) {
    case 'eni':
      return podBackends(candidates, context)
    case 'local':
      return localBackends(port, candidates, context)
    case 'cluster':
      return clusterBackends(port, candidates, context)
    default:
      return context.policy satisfies never
  }
}

function podBackends(candidates: readonly Candidate[], context: BackendContext): PortBackends {
  return attachPods(candidates, context, shareOf(context.weights, candidates.length))
}

/** Pods by their interfaces, each with the same weight. */
function attachPods(candidates: readonly Candidate[], context: BackendContext, weight: number): PortBackends {
  const backends: Backend[] = []
  const missing: MissingBackend[] = []
  for (const candidate of candidates) {
    const rest = { port: candidate.port, weight: candidate.isDraining ? 0 : weight, description: context.description }
    if (context.byAddress === true) {
      backends.push({ type: 'ip', serverId: candidate.ip, serverIp: candidate.ip, ...rest })
      continue
    }
    const lookup = context.interfaceOf(candidate)
    if (!lookup.found) {
      missing.push(unattached(candidate, lookup.outside))
      continue
    }
    backends.push({ type: 'eni', serverId: lookup.id, serverIp: candidate.ip, ...rest })
  }
  return { backends, missing, excluded: [], isIncomplete: missing.some(({ kind }) => kind === 'interface') }
}

function unattached(candidate: Candidate, outside: boolean): MissingBackend {
  const podName = candidate.pod?.metadata.name
  return {
    who: podName === undefined ? `endpoint ${candidate.ip}` : `pod ${podName} (${candidate.ip})`,
    reason: outside ? 'its ip is not in vpc cidrs' : 'no network interface in use holds its address',
    kind: outside ? 'outside' : 'interface',
    ...(podName === undefined ? {} : { podName }),
  }
}

function localBackends(port: ServicePort, candidates: readonly Candidate[], context: BackendContext): PortBackends {
  const missing: MissingBackend[] = []
  const byNode = new Map<string, { readonly node: Node; ready: number }>()
  const virtual: Candidate[] = []
  for (const candidate of candidates) {
    const node = context.nodes.get(candidate.nodeName ?? '')
    const refusal = node === undefined ? noNode(candidate) : nodeRefusal(node, context.wishes)?.reason
    if (node === undefined || refusal !== undefined) {
      missing.push({ who: whoIs(candidate), reason: refusedBecause(candidate, refusal), kind: 'node' })
    } else if (isVirtual(node)) virtual.push(candidate)
    else {
      const entry = byNode.get(node.metadata.name) ?? { node, ready: 0 }
      byNode.set(node.metadata.name, entry)
      if (!candidate.isDraining) entry.ready++
    }
  }
  const { total } = context.weights
  const machines = attachMachines(
    port,
    [...byNode.values()].map(({ node, ready }) => ({ node, weight: localWeight(ready, total, candidates.length) })),
    context,
  )
  const pods = attachPods(virtual, context, total === undefined ? 1 : Math.floor(total / candidates.length))
  return joined(machines, pods, { missing, excluded: [] })
}

function noNode({ nodeName }: Candidate): string {
  return nodeName === undefined ? 'its endpoint names no node' : `can not find correspond node ${nodeName}`
}

function refusedBecause(candidate: Candidate, refusal: string | undefined): string {
  return candidate.nodeName === undefined || refusal?.startsWith('can not') === true
    ? (refusal ?? '')
    : `its node ${candidate.nodeName} is no backend: ${refusal}`
}

function whoIs({ pod, ip }: Candidate): string {
  return pod === undefined ? `endpoint ${ip}` : `pod ${pod.metadata.name} (${ip})`
}

/** As many as the node has pods, or its part of the whole; a node whose pods all end gets nothing new. */
function localWeight(ready: number, total: number | undefined, count: number): number {
  if (ready === 0 || total === 0) return 0
  if (total === undefined) return Math.min(ready, MAXIMUM_WEIGHT)
  return Math.max(1, Math.floor((total * ready) / count))
}

const MAXIMUM_WEIGHT = 100

function clusterBackends(port: ServicePort, candidates: readonly Candidate[], context: BackendContext): PortBackends {
  const missing: MissingBackend[] = []
  const excluded: MissingBackend[] = []
  const machines: Node[] = []
  for (const node of context.nodes.values()) {
    if (isVirtual(node)) continue
    const refusal = nodeRefusal(node, context.wishes)
    if (refusal === undefined) machines.push(node)
    else (refusal.isFault ? missing : excluded).push(refusedNode(node, refusal))
  }
  const onVirtual = candidates.filter(({ nodeName }) => isAttachable(context, nodeName))
  const weight = shareOf(context.weights, machines.length + onVirtual.length)
  const nodes = attachMachines(
    port,
    machines.map((node) => ({ node, weight })),
    context,
  )
  return joined(nodes, attachPods(onVirtual, context, weight), { missing, excluded })
}

function refusedNode({ metadata }: Node, { reason }: NodeRefusal): MissingBackend {
  return { who: `node ${metadata.name}`, reason, kind: 'node' }
}

function isAttachable({ nodes, wishes }: BackendContext, nodeName: string | undefined): boolean {
  const node = nodes.get(nodeName ?? '')
  return node !== undefined && isVirtual(node) && nodeRefusal(node, wishes) === undefined
}

function attachMachines(
  { nodePort, port }: ServicePort,
  machines: readonly { readonly node: Node; readonly weight: number }[],
  { description, byAddress = false }: BackendContext,
): PortBackends {
  const backends: Backend[] = []
  const missing: MissingBackend[] = []
  const excluded: MissingBackend[] = []
  for (const { node, weight } of machines) {
    const who = `node ${node.metadata.name}`
    const refusal = machineRefusal(node)
    const server = refusal === undefined ? serverOf(node, byAddress) : undefined
    if (refusal !== undefined) {
      ;(refusal.isFault ? missing : excluded).push(refusedNode(node, refusal))
    } else if (server === undefined) {
      missing.push({ who, reason: 'it has no address of type InternalIP', kind: 'node' })
    } else if (nodePort === undefined || nodePort === 0) {
      missing.push({ who, reason: `port ${port} of the Service has no node port`, kind: 'node' })
    } else backends.push({ ...server, port: nodePort, weight, description })
  }
  return { backends, missing, excluded, isIncomplete: false }
}

function serverOf(node: Node, byAddress: boolean): Pick<Backend, 'type' | 'serverId' | 'serverIp'> | undefined {
  if (!byAddress) return { type: 'ecs', serverId: instanceIdOf(node) ?? '' }
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  return address === undefined ? undefined : { type: 'ip', serverId: address, serverIp: address }
}

/** Each backend's part of the annotation `weight`, at least 1; without it the weight of each. */
function shareOf({ total, each }: WeightRules, count: number): number {
  if (total === undefined) return each
  return total === 0 || count === 0 ? 0 : Math.max(1, Math.floor(total / count))
}

function joined(
  a: PortBackends,
  b: PortBackends,
  { missing, excluded }: Pick<PortBackends, 'missing' | 'excluded'>,
): PortBackends {
  return {
    backends: [...a.backends, ...b.backends],
    missing: [...missing, ...a.missing, ...b.missing],
    excluded: [...excluded, ...a.excluded, ...b.excluded],
    isIncomplete: a.isIncomplete || b.isIncomplete,
  }
}
