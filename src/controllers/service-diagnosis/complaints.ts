/** What people should be told of a Service that leads to nobody, and when it is no longer a start that takes its time. */

import { SERVICE_PROXY_NAME } from '../../kube/service-proxy-name.ts'
import type { Pod, Service, ServicePort } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { isActive, isReady } from '../pod-state.ts'
import { hasSelector, selects } from '../service-pods.ts'
import { targetPortOf } from '../service-ports.ts'
import type { ServiceCause, ServiceCauseCode } from './cause.ts'
import { noEndpoints } from './diagnose-service.ts'
import { CONDITION_OF, hasOpenCondition, type ServiceConditionType } from './service-conditions.ts'
import { addressPending, anotherProxy, externalNameOddity, isTakenUp } from './service-oddities.ts'
import { isBroken } from './unreadiness.ts'

/** How long a Service may be without what it needs before anybody is told. */
export const GRACE_MS = 10_000
/** How long a pod may take to become ready, beside the initial delay of its probes. */
export const STARTING_MS = 30_000

/** Longer messages are cut by the API server's rules for Events. */
const MAX_MESSAGE = 1024

export interface Complaint {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** The condition that it makes False, if it makes one. */
  readonly condition?: ServiceConditionType | undefined
  /** Not to be told before, in milliseconds since the epoch. */
  readonly notBefore: number
}

/** What complaints are made from. */
export interface ServiceFacts {
  readonly service: Service
  /** The slices of the Service. */
  readonly slices: readonly EndpointSlice[]
  /** Pods of all namespaces; asked for only when something is wrong. */
  pods(): readonly Pod[]
  find(namespace: string, name: string): Service | undefined
  /** Since when something has been wrong, in milliseconds since the epoch. */
  readonly since: number
}

const REASONS: Readonly<Record<ServiceCauseCode, string>> = {
  'no-pod-matches': 'NoPodsMatch',
  'pod-ended': 'NoPodsMatch',
  'no-endpoints': 'NoEndpoints',
  'not-ready': 'PodsNotReady',
  'wrong-target-port': 'TargetPortNotFound',
  'another-proxy': 'HandledByAnotherProxy',
  'load-balancer-pending': 'LoadBalancerPending',
  'external-name-loop': 'ExternalNameLoop',
  'external-name-address': 'ExternalNameIsAddress',
  'name-unknown': 'ExternalNameUnknown',
}

/** Whether a Service may have something to complain about: asked at every change, so it looks at nothing but slices. */
export function isSuspicious(service: Service, slices: readonly EndpointSlice[]): boolean {
  const { spec, metadata } = service
  if (metadata.deletionTimestamp !== undefined) return false
  if (spec.type === 'ExternalName' || isPending(service) || hasOpenCondition(service)) return true
  if (metadata.labels !== undefined && SERVICE_PROXY_NAME in metadata.labels) return true
  return !hasReady(slices) || portOfNobody(service, slices) !== undefined
}

/** All that is wrong with a Service. */
export function complaintsOf(facts: ServiceFacts): readonly Complaint[] {
  const { service, slices, find, since } = facts
  const due = since + GRACE_MS
  if (service.metadata.deletionTimestamp !== undefined) return []
  if (service.spec.type === 'ExternalName') {
    const oddity = externalNameOddity(service, find)
    return oddity === undefined ? [] : [complaint(oddity, due)]
  }
  const complaints: Complaint[] = []
  if (SERVICE_PROXY_NAME in (service.metadata.labels ?? {}))
    complaints.push(complaint(anotherProxy(service), due, 'Normal'))
  if (isPending(service)) complaints.push(complaint(addressPending(service), since + STARTING_MS))
  if (hasReady(slices)) {
    const port = portOfNobody(service, slices)
    if (port !== undefined) complaints.push(...aboutEndpoints(facts, port))
  } else {
    complaints.push(...aboutEndpoints(facts, firstUnserved(facts)))
  }
  return complaints
}

/** A load balancer is wanted, and nobody has taken that up; who has, tells itself. */
function isPending(service: Service): boolean {
  const has = (service.status?.loadBalancer?.ingress ?? []).length > 0
  return service.spec.type === 'LoadBalancer' && !has && !isTakenUp(service)
}

function hasReady(slices: readonly EndpointSlice[]): boolean {
  return slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready !== false) === true)
}

/** A port by name of a Service with ready endpoints, none of which has it. */
function portOfNobody(service: Service, slices: readonly EndpointSlice[]): ServicePort | undefined {
  if (!hasSelector(service) || !hasReady(slices)) return undefined
  return service.spec.ports?.find(
    ({ name = '', targetPort }) =>
      typeof targetPort === 'string' &&
      !slices.some((slice) => slice.ports?.some((port) => (port.name ?? '') === name) && hasReady([slice])),
  )
}

/** The port that no pod has, if there is one: no readiness would help it. */
function firstUnserved({ service, pods }: ServiceFacts): ServicePort | undefined {
  const { ports = [] } = service.spec
  if (!ports.some(({ targetPort }) => typeof targetPort === 'string')) return ports[0]
  const mine = pods().filter((pod) => isActive(pod) && isOf(service, pod))
  return ports.find((port) => !mine.some((pod) => targetPortOf(pod, port) !== undefined)) ?? ports[0]
}

function aboutEndpoints({ service, pods, since }: ServiceFacts, port: ServicePort | undefined): readonly Complaint[] {
  const all = pods()
  const cause = noEndpoints(service, port, all)
  const due = since + GRACE_MS
  if (cause.code !== 'not-ready') return [complaint(cause, due)]
  const having = (pod: Pod) => port === undefined || targetPortOf(pod, port) !== undefined
  const mine = all.filter((pod) => isActive(pod) && isOf(service, pod) && having(pod))
  // The slices are behind the pods.
  if (mine.some(isReady)) return []
  const broken = mine.some(isBroken)
  return [complaint(cause, broken ? due : Math.max(due, ...mine.map(startedBy)))]
}

function isOf(service: Service, { metadata }: Pod): boolean {
  return metadata.namespace === service.metadata.namespace && selects(service, metadata.labels)
}

/** When a pod should have become ready. */
function startedBy({ metadata, spec }: Pod): number {
  const delays = spec.containers.flatMap(({ readinessProbe, startupProbe }) =>
    [readinessProbe, startupProbe].map((probe) => probe?.initialDelaySeconds ?? 0),
  )
  const created = metadata.creationTimestamp === undefined ? 0 : Date.parse(metadata.creationTimestamp)
  return created + STARTING_MS + Math.max(0, ...delays) * 1000
}

function complaint(
  { code, sentence, mend }: ServiceCause,
  notBefore: number,
  type: Complaint['type'] = 'Warning',
): Complaint {
  const message = mend === undefined ? sentence : `${sentence}: ${mend}`
  const text = `${message.charAt(0).toUpperCase()}${message.slice(1)}`
  return { type, reason: REASONS[code], condition: CONDITION_OF[code], message: text.slice(0, MAX_MESSAGE), notBefore }
}
