import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { isConditionTrue } from '../kube/conditions.ts'
import { serviceKeysOf } from '../kube/endpoint-slice.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import { keyOf } from '../kube/object-key.ts'
import type { Node, Pod, Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import type { WorkQueue } from '../kube/work-queue.ts'
import { runWorkers } from '../kube/workers.ts'
import { annotationOf } from './annotations/read-annotation.ts'
import { BACKEND_ROWS } from './annotations/table.ts'
import { type Claim, isConcerned } from './claim.ts'
import { controllerQueue } from './controller-queue.ts'
import type { InformerView } from './informer-view.ts'
import type { Interfaces } from './interfaces.ts'
import { type BalancerType, type CcmMetrics, elapsed, verbOf } from './metrics/ccm-metrics.ts'
import { READINESS_GATE_PREFIX } from './names.ts'
import { isExcluded } from './node-facts.ts'
import { annotationsOf } from './service-hash.ts'
import { tokenBucket } from './token-bucket.ts'

/** What reconciles Services. */
export interface Reconciler {
  /** Brings one Service, given by its key, in line. @throws what is to be tried again */
  sync(key: string): Promise<void>
  /** Whether nodes that come and go make no difference to a Service. */
  usesPodsOnly(service: Service): boolean
}

export interface ServiceControllerOptions {
  readonly sync: Reconciler
  readonly view: InformerView
  readonly interfaces: Interfaces
  readonly claim: Claim
  readonly recorder: EventRecorder
  readonly workers: number
  /** What it is called, and what it makes. */
  readonly identity: { readonly name: string; readonly type: BalancerType }
  /** Whether nodes that change concern only Services whose backends follow from nodes (`FilterServiceOnNodeChange`). */
  readonly filtersOnNodeChange: boolean
  readonly metrics?: CcmMetrics
  /** How often the cloud is compared with what it should be, in milliseconds; 0: never. */
  readonly driftPeriodMs: number
  /** 0 <= x < 1; spreads the comparisons. @default Math.random */
  readonly random?: () => number
  readonly clock: Clock
  readonly log: Log
}

const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 300_000
const MASTER = 'node-role.kubernetes.io/master'

/** Watches what load balancers depend on, and reconciles Services when it changes. */
export class ServiceController {
  readonly #options: ServiceControllerOptions
  readonly #queue: WorkQueue

  constructor(options: ServiceControllerOptions) {
    this.#options = options
    const { clock, view, metrics, workers } = options
    this.#queue = controllerQueue({
      name: options.identity.name,
      ...{ workers, metrics, clock },
      baseDelayMs: FIRST_RETRY_MS,
      maxDelayMs: LONGEST_RETRY_MS,
      limit: tokenBucket({ perSecond: 10, burst: 100, clock }),
    })
    view.services.on({
      added: (service) => this.#serviceAdded(service),
      updated: (service, old) => this.#serviceUpdated(service, old),
      deleted: (service) => {
        this.#queue.add(keyOf(service))
        this.#addSharing(service)
      },
    })
    view.sliceInformer.on({
      added: (slice) => this.#sliceChanged(slice),
      updated: (slice, old) => {
        if (endpointsOf(slice) !== endpointsOf(old)) this.#sliceChanged(slice)
      },
      deleted: (slice) => this.#sliceChanged(slice),
    })
    view.nodeInformer.on({
      added: (node) => this.#nodeChanged(node),
      updated: (node, old) => {
        if (factsOf(node) !== factsOf(old)) this.#nodeChanged(node)
      },
      deleted: (node) => this.#nodeChanged(node),
    })
    view.pods.on({
      updated: (pod, old) => this.#podUpdated(pod, old),
      deleted: (pod) => options.interfaces.forget(pod.metadata.uid ?? ''),
    })
  }

  /** Reconciles until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { workers, log } = this.#options
    const reconcile = async (key: string) => {
      await this.#measured(key)
      this.#lookAgain(key)
    }
    await runWorkers({ queue: this.#queue, workers, reconcile, log, signal })
  }

  async #measured(key: string): Promise<void> {
    const { sync, view, metrics, clock, claim, identity } = this.#options
    const service = view.service(key)
    if (metrics === undefined || service === undefined || !isConcerned(service, claim)) return sync.sync(key)
    const verb = verbOf(service)
    const started = clock.now()
    try {
      await sync.sync(key)
    } catch (error) {
      metrics.balancerFailed(identity.type, verb)
      throw error
    }
    metrics.balancerReconciled(identity.type, verb, elapsed(service, verb, { started, now: clock.now() }))
  }

  /** Whether nothing waits to be done; what is tried again later aside. */
  get pending(): number {
    return this.#queue.length
  }

  /** After the period, spread out, so that not all Services ask the cloud at once. */
  #lookAgain(key: string): void {
    const { driftPeriodMs, view, claim, random = Math.random } = this.#options
    const service = view.service(key)
    if (driftPeriodMs <= 0 || service === undefined || !claim.isClaimed(service)) return
    this.#queue.addAfter(key, driftPeriodMs * (1 + random() / 10))
  }

  #serviceAdded(service: Service): void {
    if (isConcerned(service, this.#options.claim)) this.#queue.add(keyOf(service))
  }

  #serviceUpdated(service: Service, old: Service): void {
    const { claim } = this.#options
    const news = changesOf(service, old, claim)
    if (news.length === 0) return
    if (!isConcerned(service, claim) && !isConcerned(old, claim)) return
    for (const { reason, message } of news) {
      if (reason !== undefined) this.#options.recorder.event(service, 'Normal', reason, message ?? '')
    }
    this.#queue.add(keyOf(service))
    this.#addSharing(old)
  }

  /** Others on the same instance: one of them may wait for a port that is free now. */
  #addSharing(service: Service): void {
    const idOf = ({ metadata }: Service) => annotationOf(metadata.annotations ?? {}, 'loadbalancer-id')
    const id = idOf(service)
    if (id === '') return
    for (const other of this.#options.view.services.list()) if (idOf(other) === id) this.#serviceAdded(other)
  }

  #sliceChanged(slice: EndpointSlice): void {
    for (const key of serviceKeysOf(slice)) {
      const service = this.#options.view.service(key)
      if (service !== undefined && this.#options.claim.isClaimed(service)) this.#queue.add(key)
    }
  }

  #nodeChanged(node: Node): void {
    if (isExcluded(node) || node.metadata.labels?.[MASTER] !== undefined) return
    const { view, sync, claim } = this.#options
    for (const service of view.services.list()) {
      if (!claim.isClaimed(service) || sync.usesPodsOnly(service)) continue
      if (!this.#options.filtersOnNodeChange || followsNodes(service)) this.#queue.add(keyOf(service))
    }
  }

  /** A pod whose containers became ready may wait for nothing but our readiness gate. */
  #podUpdated(pod: Pod, old: Pod): void {
    const gates = (pod.spec.readinessGates ?? []).filter(({ conditionType }) =>
      conditionType.startsWith(READINESS_GATE_PREFIX),
    )
    if (gates.length === 0) return
    const isReady = ({ status }: Pod) => isConditionTrue(status?.conditions, 'ContainersReady')
    if (isReady(pod) === isReady(old)) return
    for (const { conditionType } of gates) {
      this.#queue.add(`${pod.metadata.namespace}/${conditionType.slice(READINESS_GATE_PREFIX.length)}`)
    }
  }
}

/** Whether nodes are backends for what they are, not for the pods that they have. */
function followsNodes({ spec, metadata }: Service): boolean {
  if ((spec.externalTrafficPolicy ?? 'Cluster') === 'Cluster') return true
  const annotations = metadata.annotations ?? {}
  return [BACKEND_ROWS.backendLabel, BACKEND_ROWS.removeUnscheduled].some(
    ({ suffix }) => annotationOf(annotations, suffix) !== '',
  )
}

interface News {
  readonly reason?: string
  readonly message?: string
}

/** What of an update the controller takes note of, with the Events that ACK's controller tells it by. */
export function changesOf(service: Service, old: Service, claim: Claim): readonly News[] {
  const news: News[] = []
  const told = (reason: string, message: string) => news.push({ reason, message })
  if (claim.isClaimed(service) !== claim.isClaimed(old) && !claim.isHidden(service)) {
    told('TypeChanged', `${old.spec.type ?? 'ClusterIP'} -> ${service.spec.type ?? 'ClusterIP'}`)
  }
  if (service.metadata.uid !== old.metadata.uid) news.push({})
  if (JSON.stringify(annotationsOf(service)) !== JSON.stringify(annotationsOf(old))) {
    told('AnnotationChanged', 'The service will be updated because the annotations has been changed.')
  }
  if (JSON.stringify(service.spec) !== JSON.stringify(old.spec)) {
    told('ServiceSpecChanged', 'The service will be updated because the spec has been changed.')
  }
  if ((service.metadata.deletionTimestamp === undefined) !== (old.metadata.deletionTimestamp === undefined)) {
    told('DeleteTimestampChanged', 'The service will be deleted because the DeleteTimestamp has been changed.')
  }
  const shown = ({ status }: Service) => (status?.loadBalancer?.ingress ?? []).length
  // Somebody cleared the status: the way to say that a load balancer which is gone is to be made anew.
  if (shown(service) === 0 && shown(old) > 0) news.push({})
  return news
}

function endpointsOf({ endpoints, ports }: EndpointSlice): string {
  return JSON.stringify([endpoints, ports])
}

function factsOf({ metadata, spec, status }: Node): string {
  const ready = isConditionTrue(status?.conditions, 'Ready')
  const taints = (spec?.taints ?? []).map(({ key }) => key)
  return JSON.stringify([metadata.labels, spec?.unschedulable, ready, spec?.providerID, taints])
}
