import type { Node, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { crossProblems } from '../annotations/cross-rules.ts'
import {
  annotationProblems,
  type Problem,
  readAnnotations,
  type ServiceAnnotations,
} from '../annotations/service-annotations.ts'
import type { DesiredGroup, DesiredListener, DesiredModel } from '../model.ts'
import { APPLIED_TAGS_ANNOTATION, defaultInstanceName, type Owner, ownedName, ownerOf } from '../names.ts'
import {
  type BackendContext,
  type BackendPolicy,
  backendsFor,
  type InterfaceOf,
  type MissingBackend,
} from './backends.ts'
import { type Candidate, candidatesFor, type EndpointFacts, type Unready } from './endpoints.ts'
import { desiredSettings, reuseOf, tagsFrom } from './instance.ts'
import { domainExtensions, listenerSettings } from './listeners.ts'
import { type ListenerPort, listenerPorts } from './ports.ts'

/** How the controller is set up, as far as models depend on it. */
export interface ModelRules {
  readonly clusterId: string
  /** ACK's own way in everything where this controller does better. */
  readonly compat: boolean
  /** For Services that do not say. */
  readonly defaultBackendType: 'eni' | 'ecs'
  /** Whether `backend-ip-version: ipv6` counts. */
  readonly ipv6DualStack: boolean
}

/** What a cluster knows of a Service. */
export interface ServiceFacts {
  readonly service: Service
  readonly slices: readonly EndpointSlice[]
  readonly nodes: ReadonlyMap<string, Node>
  pod(namespace: string, name: string): Pod | undefined
}

/** A Service with its annotations read: what can be said without asking the cloud. */
export interface ServicePlan {
  readonly service: Service
  readonly owner: Owner
  readonly annotations: ServiceAnnotations
  readonly ports: readonly ListenerPort[]
  readonly policy: BackendPolicy
  readonly problems: readonly Problem[]
  readonly rules: ModelRules
}

export interface BuiltModel {
  readonly model: DesiredModel
  readonly missing: readonly MissingBackend[]
  readonly unready: readonly Unready[]
  /** Pods that are backends by themselves or by their node, for readiness gates. */
  readonly servedPods: readonly Pod[]
}

const DEFAULT_WEIGHT = 100

/** Reads and checks a Service. */
export function planService(service: Service, rules: ModelRules): ServicePlan {
  const raw = service.metadata.annotations ?? {}
  const annotations = readAnnotations(raw)
  const owner = ownerOf(service, rules.clusterId)
  const ports = listenerPorts(service, annotations)
  const policy = policyOf(service, annotations, rules)
  const single = annotationProblems(raw, rules)
  const groupNames = ports.filter(hasGroup).map((port) => groupName(port, policy, owner))
  const cross = rules.compat ? [] : crossProblems({ service, owner, annotations, ports, groupNames })
  const seen = new Set(single.map(({ where }) => where))
  const problems = [...single, ...cross.filter(({ where }) => !seen.has(where))]
  return { service, owner, annotations, ports, policy, problems, rules }
}

function policyOf({ spec }: Service, { backend }: ServiceAnnotations, rules: ModelRules): BackendPolicy {
  const type = backend.backendType ?? rules.defaultBackendType
  if (type === 'eni') return 'eni'
  return spec.externalTrafficPolicy === 'Local' ? 'local' : 'cluster'
}

/** A port that only redirects needs no backends. */
function hasGroup({ forwardTo }: ListenerPort): boolean {
  return forwardTo === undefined
}

/** ENI: by the port of pods; else by that of nodes. */
function groupName({ servicePort }: ListenerPort, policy: BackendPolicy, owner: Owner): string {
  const port = policy === 'eni' ? (servicePort.targetPort ?? servicePort.port) : (servicePort.nodePort ?? 0)
  return ownedName(port, owner)
}

/** The endpoints of each port: whose interfaces have to be looked up before {@link buildModel}. */
export function candidatesOf(
  plan: ServicePlan,
  facts: ServiceFacts,
): ReadonlyMap<ListenerPort, ReturnType<typeof candidatesFor>> {
  const endpointFacts: EndpointFacts = {
    slices: facts.slices,
    pod: facts.pod,
    addressType: usesIpv6(plan) ? 'IPv6' : 'IPv4',
    graceful: isGraceful(plan),
  }
  return new Map(
    plan.ports.filter(hasGroup).map((port) => [port, candidatesFor(plan.service, port.servicePort, endpointFacts)]),
  )
}

function usesIpv6({ annotations, rules }: ServicePlan): boolean {
  const { backend, instance } = annotations
  return rules.ipv6DualStack && backend.backendIpVersion === 'ipv6' && instance.ipVersion === 'ipv6'
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
  plan: ServicePlan,
  candidates: readonly Candidate[],
  isOnVirtualNode: (candidate: Candidate) => boolean,
): readonly Candidate[] {
  return plan.policy === 'eni' ? candidates : candidates.filter(isOnVirtualNode)
}

/** The load balancer that a Service asks for. */
export function buildModel(
  plan: ServicePlan,
  facts: ServiceFacts,
  {
    candidates,
    interfaceOf,
  }: {
    readonly candidates: ReturnType<typeof candidatesOf>
    readonly interfaceOf: InterfaceOf
  },
): BuiltModel {
  const groups = new Map<string, DesiredGroup>()
  const missing = new Map<string, MissingBackend>()
  const unready = new Map<string, Unready>()
  const served = new Map<string, Pod>()
  for (const [port, found] of candidates) {
    const name = groupName(port, plan.policy, plan.owner)
    const key = port.groupId ?? name
    if (groups.has(key)) continue
    const built = backendsFor(port.servicePort, found.candidates, contextOf(plan, facts, { name, interfaceOf }))
    groups.set(key, {
      name,
      ...(port.groupId === undefined ? {} : { id: port.groupId }),
      backends: built.backends,
      isIncomplete: built.isIncomplete,
    })
    for (const each of built.missing) missing.set(`${each.who}: ${each.reason}`, each)
    for (const each of found.unready) unready.set(each.ip, each)
    const out = new Set(built.missing.flatMap(({ podName }) => podName ?? []))
    for (const { pod } of found.candidates) {
      if (pod !== undefined && !out.has(pod.metadata.name)) served.set(pod.metadata.name, pod)
    }
  }
  return {
    model: modelOf(plan, [...groups.values()]),
    missing: [...missing.values()],
    unready: [...unready.values()],
    servedPods: [...served.values()],
  }
}

function contextOf(
  { annotations: { backend }, policy }: ServicePlan,
  { nodes }: ServiceFacts,
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
    wishes: { labels, removeUnscheduled: backend.removeUnscheduled === 'on' },
    weights: {
      ...(total === undefined ? {} : { total: Number(total) }),
      each: backend.defaultWeight === undefined ? DEFAULT_WEIGHT : Number(backend.defaultWeight),
    },
    interfaceOf,
    description: name,
  }
}

function modelOf(plan: ServicePlan, groups: readonly DesiredGroup[]): DesiredModel {
  const { service, annotations, rules } = plan
  const reuse = reuseOf(annotations)
  const tags = tagsFrom(annotations)
  const ranges = rules.compat ? [] : (service.spec.loadBalancerSourceRanges ?? [])
  return {
    settings: desiredSettings(annotations, { compat: rules.compat, defaultName: defaultInstanceName(service) }),
    tags,
    droppedTags: droppedTags(service, new Set(tags.map(({ key }) => key))),
    ...(reuse === undefined ? {} : { reuse }),
    groups,
    listeners: plan.ports.map((port) => listenerOf(port, plan)),
    ...(ranges.length === 0 ? {} : { sourceRanges: [...new Set(ranges.map((range) => range.trim()))].sort() }),
  }
}

function droppedTags({ metadata }: Service, kept: ReadonlySet<string>): readonly string[] {
  const applied = (metadata.annotations?.[APPLIED_TAGS_ANNOTATION] ?? '').split(',')
  return applied.filter((key) => key !== '' && !kept.has(key))
}

function listenerOf(port: ListenerPort, plan: ServicePlan): DesiredListener {
  const extensions = domainExtensions(port.protocol, plan.annotations)
  return {
    port: port.port,
    protocol: port.protocol,
    description: ownedName(port.port, plan.owner),
    ...(hasGroup(port) ? { groupName: port.groupId ?? groupName(port, plan.policy, plan.owner) } : {}),
    ...listenerSettings(port, plan.annotations, plan.rules),
    ...(extensions === undefined ? {} : { domainExtensions: extensions }),
  }
}
