import { findCondition, isConditionTrue } from '../../kube/conditions.ts'
import type { Pod, Service, ServicePort } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'
import { READINESS_GATE_PREFIX } from '../names.ts'

/** An address that serves a port of a Service. */
export interface Candidate {
  readonly ip: string
  readonly port: number
  readonly nodeName?: string
  readonly pod?: Pod
  /** Uid of the pod, which never changes its interface. */
  readonly podUid?: string
  /** It ends, and still serves what it has: no new connections. */
  readonly isDraining: boolean
}

/** An address that does not serve, and why. */
export interface Unready {
  readonly ip: string
  readonly name: string
  readonly reason: string
}

export interface EndpointFacts {
  readonly slices: readonly EndpointSlice[]
  pod(namespace: string, name: string): Pod | undefined
  readonly addressTypes: readonly ('IPv4' | 'IPv6')[]
  /** Whether terminating endpoints that still serve are kept. */
  readonly graceful: boolean
}

export interface Candidates {
  readonly candidates: readonly Candidate[]
  readonly unready: readonly Unready[]
}

/**
 * Who serves a port of a Service: endpoints that are ready, or would be if the readiness gate of this controller were
 * open. When none is, those that terminate but still serve count in full, as for kube-proxy (KEP-1669).
 */
export function candidatesFor(service: Service, port: ServicePort, facts: EndpointFacts): Candidates {
  const found = new Map<string, Candidate>()
  const unready = new Map<string, Unready>()
  for (const slice of facts.slices) {
    if (!facts.addressTypes.some((type) => type === slice.addressType)) continue
    const target = portIn(slice, port)
    if (target === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0]
      if (ip === undefined) continue
      const pod = podOf(endpoint, service, facts)
      const verdict = stateOf(endpoint, pod, { service, graceful: facts.graceful })
      if (verdict.state === 'out') unready.set(ip, { ip, name: nameOf(endpoint), reason: verdict.reason })
      else if (found.get(ip)?.isDraining !== false)
        found.set(ip, candidate(endpoint, { ip, port: target, pod, isDraining: verdict.state === 'draining' }))
    }
  }
  for (const ip of found.keys()) unready.delete(ip)
  return { candidates: orAllOfThem([...found.values()]), unready: [...unready.values()] }
}

function orAllOfThem(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.some(({ isDraining }) => !isDraining)) return candidates
  return candidates.map((each) => ({ ...each, isDraining: false }))
}

function portIn({ ports }: EndpointSlice, { port, targetPort, name = '' }: ServicePort): number | undefined {
  if (typeof targetPort !== 'string') return targetPort ?? port
  return (ports ?? []).find((each) => (each.name ?? '') === name)?.port
}

function podOf({ targetRef }: Endpoint, { metadata }: Service, facts: EndpointFacts): Pod | undefined {
  if (targetRef?.kind !== 'Pod' || targetRef.name === undefined) return undefined
  return facts.pod(targetRef.namespace ?? metadata.namespace ?? '', targetRef.name)
}

type Verdict = { readonly state: 'in' | 'draining' } | { readonly state: 'out'; readonly reason: string }

function stateOf(
  { conditions = {} }: Endpoint,
  pod: Pod | undefined,
  { service, graceful }: { readonly service: Service; readonly graceful: boolean },
): Verdict {
  const { ready, serving, terminating = false } = conditions
  if (terminating) {
    if (graceful && serving !== false) return { state: 'draining' }
    return { state: 'out', reason: 'it is terminating' }
  }
  // The convention of Kubernetes: not said is ready.
  if (ready !== false) return { state: 'in' }
  if (pod !== undefined && waitsForGate(pod, service)) return { state: 'in' }
  return { state: 'out', reason: `it is not ready${whyNot(pod)}` }
}

/** What the pod itself says: `: containers with unready status: [web]`. */
function whyNot(pod: Pod | undefined): string {
  const conditions = pod?.status?.conditions
  const told = ['PodScheduled', 'Ready'].flatMap((type) => {
    const condition = findCondition(conditions, type)
    return condition?.status === 'False' ? (condition.message ?? '') : []
  })
  const message = told.find((text) => text !== '')
  return message === undefined ? '' : `: ${message}`
}

/** Whether nothing but this Service's readiness gate may keep the pod from being ready. */
export function waitsForGate(pod: Pod, service: Service): boolean {
  return hasGate(pod, service) && isConditionTrue(pod.status?.conditions, 'ContainersReady')
}

export function hasGate({ spec }: Pod, { metadata }: Service): boolean {
  const gate = `${READINESS_GATE_PREFIX}${metadata.name}`
  return spec.readinessGates?.some(({ conditionType }) => conditionType === gate) === true
}

function candidate(
  { nodeName, targetRef }: Endpoint,
  { pod, ...rest }: Pick<Candidate, 'ip' | 'port' | 'isDraining'> & { readonly pod: Pod | undefined },
): Candidate {
  return {
    ...rest,
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(pod === undefined ? {} : { pod }),
    ...(targetRef?.uid === undefined ? {} : { podUid: targetRef.uid }),
  }
}

function nameOf({ targetRef, addresses }: Endpoint): string {
  return targetRef?.name === undefined ? `endpoint ${addresses[0]}` : `pod ${targetRef.name} (${addresses[0]})`
}
