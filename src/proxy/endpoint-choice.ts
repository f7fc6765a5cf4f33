/**
 * Which endpoints of a Service port take its connections.
 * Source: kube-proxy pkg/proxy/topology.go; KEP-1669 (terminating endpoints), KEP-3015 (traffic distribution)
 */

import type { Endpoint, EndpointSlice } from '../kube/types/discovery.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { WeightOf } from './balancing.ts'
import { canonical } from './canonical.ts'
import type { NodeView } from './node-view.ts'
import type { Backend, Backends, Family, Problem, Topology } from './service-plan.ts'

/** An endpoint of one Service port with its conditions filled in. */
export interface Candidate extends Backend {
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  /** Nodes and zones that the EndpointSlice controller wants to use this endpoint; left out when it does not say. */
  readonly forNodes?: readonly string[]
  readonly forZones?: readonly string[]
}

export interface PortSelector {
  /** Name of the Service's port; '' when it has none. */
  readonly name: string
  readonly protocol: Protocol
  readonly family: Family
  /** Left out when all endpoints count alike. */
  readonly weightOf?: WeightOf | undefined
}

const ADDRESS_TYPES = { ip: 'IPv4', ip6: 'IPv6' } as const

/**
 * The endpoints behind a port, from all slices of the Service, each address and port once: of duplicates (slices
 * overlap while a controller moves an endpoint) a ready one wins.
 */
export function candidatesOf(
  slices: readonly EndpointSlice[],
  port: PortSelector,
  problems: Problem[],
): readonly Candidate[] {
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    if (slice.addressType !== ADDRESS_TYPES[port.family]) continue
    const number = targetPort(slice, port)
    if (number === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const candidate = candidateOf(endpoint, number, port)
      if (candidate === undefined) problems.push(invalidAddress(slice, endpoint))
      else addCandidate(found, candidate)
    }
  }
  return [...found.values()]
}

function targetPort(slice: EndpointSlice, port: PortSelector): number | undefined {
  return slice.ports?.find(({ name, protocol }) => (name ?? '') === port.name && (protocol ?? 'TCP') === port.protocol)
    ?.port
}

function candidateOf(endpoint: Endpoint, port: number, { family, weightOf }: PortSelector): Candidate | undefined {
  // All addresses of an endpoint are one and the same backend; consumers take the first.
  const address = canonical(endpoint.addresses[0] ?? '')
  if (address === undefined || address.includes(':') !== (family === 'ip6')) return undefined
  const ready = endpoint.conditions?.ready ?? true
  const candidate: Candidate = {
    address,
    port,
    node: endpoint.nodeName,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating ?? false,
  }
  // Seldom there, and this is done for every endpoint.
  const weight = weightOf?.(address, endpoint.targetRef?.name)
  if (weight === undefined && endpoint.hints === undefined) return candidate
  return { ...candidate, ...(weight === undefined ? {} : { weight }), ...hintsOf(endpoint.hints) }
}

function hintsOf(hints: Endpoint['hints']): Pick<Candidate, 'forNodes' | 'forZones'> {
  return {
    ...(hints?.forNodes?.length ? { forNodes: hints.forNodes.map(({ name }) => name) } : {}),
    ...(hints?.forZones?.length ? { forZones: hints.forZones.map(({ name }) => name) } : {}),
  }
}

function addCandidate(found: Map<string, Candidate>, candidate: Candidate): void {
  const key = `${candidate.address} ${candidate.port}`
  const known = found.get(key)
  if (known === undefined || (!known.ready && candidate.ready)) found.set(key, candidate)
}

function invalidAddress(slice: EndpointSlice, endpoint: Endpoint): Problem {
  return {
    object: 'EndpointSlice',
    name: `${slice.metadata.namespace ?? ''}/${slice.metadata.name}`,
    reason: 'InvalidAddress',
    message: `Endpoint address "${endpoint.addresses[0] ?? ''}" is not an ${slice.addressType} address`,
  }
}

/**
 * Cluster policy: the ready endpoints, of them those that are hinted for this node or zone; when none is ready, those that
 * are terminating but still serve.
 */
export function chooseBackends(candidates: readonly Candidate[], node: NodeView): Backends {
  const ready = candidates.filter((candidate) => candidate.ready)
  const topology = topologyOf(ready, node)
  if (topology === undefined) return readyOrLeaving(candidates, ready)
  const endpoints = ready.filter((candidate) => isHintedFor(candidate, topology, node))
  return { kind: 'endpoints', because: 'ready', topology, endpoints: weighted(endpoints) }
}

/**
 * Local policy: the same choice among the endpoints of this node, whatever hints say; dropped when only other nodes have
 * some. In IPVS's way that is refused: its virtual server has no destination.
 */
export function chooseLocalBackends(candidates: readonly Candidate[], node: NodeView): Backends {
  const here = candidates.filter((candidate) => candidate.node === node.name)
  const local = readyOrLeaving(
    here,
    here.filter(({ ready }) => ready),
  )
  if (local.kind === 'endpoints') return local
  const anywhere = candidates.some(({ ready, serving, terminating }) => ready || (serving && terminating))
  if (!anywhere) return nobody(candidates)
  return { kind: node.mode === 'ipvs' ? 'reject' : 'drop', reason: 'no-local-endpoints' }
}

function readyOrLeaving(candidates: readonly Candidate[], ready: readonly Candidate[]): Backends {
  if (ready.length > 0) return { kind: 'endpoints', because: 'ready', endpoints: weighted(ready) }
  const leaving = candidates.filter((candidate) => candidate.serving && candidate.terminating)
  if (leaving.length > 0) return { kind: 'endpoints', because: 'terminating', endpoints: weighted(leaving) }
  return nobody(candidates)
}

function nobody(candidates: readonly Candidate[]): Backends {
  return { kind: 'reject', reason: candidates.length === 0 ? 'no-endpoints' : 'no-ready-endpoints' }
}

/**
 * Which hints are followed: those for nodes when every ready endpoint has some and one is for this node; else those for
 * zones in the same way; else none. One endpoint without a hint makes all hints of its kind void.
 */
function topologyOf(ready: readonly Candidate[], { name, zone = '' }: NodeView): Topology | undefined {
  const [first] = ready
  if (first?.forNodes === undefined && first?.forZones === undefined) return undefined
  const follow = (hints: 'forNodes' | 'forZones', here: string) =>
    ready.every((candidate) => candidate[hints] !== undefined) &&
    ready.some((candidate) => candidate[hints]?.includes(here))
  if (follow('forNodes', name)) return 'PreferSameNode'
  return follow('forZones', zone) ? 'PreferSameZone' : undefined
}

function isHintedFor(candidate: Candidate, topology: Topology, { name, zone = '' }: NodeView): boolean {
  const hints = topology === 'PreferSameNode' ? candidate.forNodes : candidate.forZones
  return hints?.includes(topology === 'PreferSameNode' ? name : zone) ?? false
}

/** Without those of weight 0, unless all are. */
function weighted(endpoints: readonly Candidate[]): readonly Candidate[] {
  if (!endpoints.some(({ weight }) => weight === 0)) return endpoints
  const some = endpoints.filter(({ weight }) => weight !== 0)
  return some.length > 0 ? some : endpoints.map(({ weight: _, ...rest }) => rest)
}
