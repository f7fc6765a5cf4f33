import type { Node, Pod } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { DesiredGroup } from '../model.ts'
import { type BackendContext, backendsFor, type InterfaceOf, type MissingBackend } from './backends.ts'
import { type Candidate, type Candidates, candidatesFor, type EndpointFacts, type Unready } from './endpoints.ts'
import type { PlannedPort, ServicePlan } from './service-plan.ts'

/** What a cluster knows of a Service's endpoints. */
export interface ServiceFacts {
  readonly slices: readonly EndpointSlice[]
  readonly nodes: ReadonlyMap<string, Node>
  pod(namespace: string, name: string): Pod | undefined
}

/** The groups of a Service, and who is not in them. */
export interface BuiltGroups {
  readonly groups: readonly DesiredGroup[]
  readonly missing: readonly MissingBackend[]
  /** Nodes that somebody wants not to be attached. */
  readonly excluded: readonly MissingBackend[]
  readonly unready: readonly Unready[]
  /** Pods that are backends by themselves or by their node, for readiness gates. */
  readonly servedPods: readonly Pod[]
}

const DEFAULT_WEIGHT = 100

/** The endpoints of each port: whose interfaces have to be looked up before {@link buildGroups}. */
export function candidatesOf(plan: ServicePlan, facts: ServiceFacts): ReadonlyMap<PlannedPort, Candidates> {
  const endpointFacts: EndpointFacts = {
    slices: facts.slices,
    pod: facts.pod,
    addressTypes: plan.addressTypes,
    graceful: isGraceful(plan),
  }
  const ports = plan.ports.filter(({ groupName }) => groupName !== undefined)
  return new Map(ports.map((port) => [port, candidatesFor(plan.service, port.servicePort, endpointFacts)]))
}

/** With `ignore-weight-update` a weight of 0 would never reach the cloud. */
function isGraceful({ annotations: { backend }, policy, rules }: ServicePlan): boolean {
  if (ignoresWeights(backend.ignoreWeightUpdate)) return false
  if (rules.compat) return policy === 'eni' && backend.gracefulShutdown === 'true'
  return policy !== 'cluster' && backend.gracefulShutdown !== 'false'
}

/** Whether differences of weight alone are no reason for a change. */
export function ignoresWeights(value: string | undefined): boolean {
  return value?.toLowerCase() === 'on'
}

/** Which addresses are attached by their interface: all in ENI mode, else those of virtual nodes. */
export function interfaceCandidates(
  { policy, byAddress }: ServicePlan,
  candidates: readonly Candidate[],
  isOnVirtualNode: (candidate: Candidate) => boolean,
): readonly Candidate[] {
  if (byAddress) return []
  return policy === 'eni' ? candidates : candidates.filter(isOnVirtualNode)
}

/** The groups of servers that a Service asks for; ports with the same group share it. */
export function buildGroups(
  plan: ServicePlan,
  { nodes }: ServiceFacts,
  {
    candidates,
    interfaceOf,
  }: { readonly candidates: ReadonlyMap<PlannedPort, Candidates>; readonly interfaceOf: InterfaceOf },
): BuiltGroups {
  const groups = new Map<string, DesiredGroup>()
  const missing = new Map<string, MissingBackend>()
  const excluded = new Map<string, MissingBackend>()
  const unready = new Map<string, Unready>()
  const served = new Map<string, Pod>()
  for (const [{ groupName: name = '', groupId, servicePort }, found] of candidates) {
    const key = groupId ?? name
    if (groups.has(key)) continue
    const built = backendsFor(servicePort, found.candidates, contextOf(plan, nodes, { name, interfaceOf }))
    groups.set(key, {
      name,
      ...(groupId === undefined ? {} : { id: groupId }),
      backends: built.backends,
      isIncomplete: built.isIncomplete,
    })
    for (const each of built.missing) missing.set(`${each.who}: ${each.reason}`, each)
    for (const each of built.excluded) excluded.set(each.who, each)
    for (const each of found.unready) unready.set(each.ip, each)
    const out = new Set(built.missing.flatMap(({ podName }) => podName ?? []))
    for (const { pod } of found.candidates) {
      if (pod !== undefined && !out.has(pod.metadata.name)) served.set(pod.metadata.name, pod)
    }
  }
  return {
    groups: [...groups.values()],
    missing: [...missing.values()],
    excluded: [...excluded.values()],
    unready: [...unready.values()],
    servedPods: [...served.values()],
  }
}

function contextOf(
  { annotations: { backend }, policy, byAddress }: ServicePlan,
  nodes: ReadonlyMap<string, Node>,
  { name, interfaceOf }: { readonly name: string; readonly interfaceOf: InterfaceOf },
): BackendContext {
  const total = backend.groupPort === undefined ? undefined : backend.weight
  const labels = (backend.backendLabel ?? '').split(',').flatMap((item) => {
    const [label = '', value = ''] = item.split('=')
    return label === '' ? [] : [[label.trim(), value.trim()] as const]
  })
  return {
    policy,
    nodes,
    byAddress,
    wishes: { labels, removeUnscheduled: backend.removeUnscheduled === 'on' },
    weights: {
      ...(total === undefined ? {} : { total: Number(total) }),
      each: backend.defaultWeight === undefined ? DEFAULT_WEIGHT : Number(backend.defaultWeight),
    },
    interfaceOf,
    description: name,
  }
}
