/**
 * Which endpoints of a Service port take its connections.
 * Source: kube-proxy pkg/proxy/topology.go; KEP-1669 (terminating endpoints)
 */

import type { Endpoint, EndpointSlice } from '../kube/types/discovery.ts'
import type { Protocol } from '../kube/types/meta.ts'
import { canonical } from './canonical.ts'
import type { Backend, Backends, Family, Problem } from './service-plan.ts'

/** An endpoint of one Service port with its conditions filled in. */
export interface Candidate extends Backend {
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

export interface PortSelector {
  /** Name of the Service's port; '' when it has none. */
  readonly name: string
  readonly protocol: Protocol
  readonly family: Family
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
      const candidate = candidateOf(endpoint, number, port.family)
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

function candidateOf(endpoint: Endpoint, port: number, family: Family): Candidate | undefined {
  // All addresses of an endpoint are one and the same backend; consumers take the first.
  const address = canonical(endpoint.addresses[0] ?? '')
  if (address === undefined || address.includes(':') !== (family === 'ip6')) return undefined
  const ready = endpoint.conditions?.ready ?? true
  return {
    address,
    port,
    node: endpoint.nodeName,
    ready,
    serving: endpoint.conditions?.serving ?? ready,
    terminating: endpoint.conditions?.terminating ?? false,
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
    message: `Endpoint address "${endpoint.addresses[0] ?? ''}" is not an ${slice.addressType} address`,
  }
}

/** Cluster policy: the ready endpoints; when there is none, those that are terminating but still serve. */
export function chooseBackends(candidates: readonly Candidate[]): Backends {
  const ready = candidates.filter((candidate) => candidate.ready)
  if (ready.length > 0) return { kind: 'endpoints', because: 'ready', endpoints: ready }
  const leaving = candidates.filter((candidate) => candidate.serving && candidate.terminating)
  if (leaving.length > 0) return { kind: 'endpoints', because: 'terminating', endpoints: leaving }
  return { kind: 'reject', reason: candidates.length === 0 ? 'no-endpoints' : 'no-ready-endpoints' }
}

/** Local policy: the same choice among the endpoints of this node; dropped when only other nodes have some. */
export function chooseLocalBackends(candidates: readonly Candidate[], node: string, cluster: Backends): Backends {
  const local = chooseBackends(candidates.filter((candidate) => candidate.node === node))
  if (local.kind === 'endpoints' || cluster.kind !== 'endpoints') return local.kind === 'endpoints' ? local : cluster
  return { kind: 'drop', reason: 'no-local-endpoints' }
}
