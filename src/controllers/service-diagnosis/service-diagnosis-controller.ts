import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { serviceKeyOf } from '../../kube/endpoint-slice.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { endpointSlices, pods, services } from '../../kube/resource.ts'
import { SERVICE_PROXY_NAME } from '../../kube/service-proxy-name.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_SERVICE } from '../indexes.ts'
import { hasSelector } from '../service-pods.ts'
import { type Complaint, complaintsOf, GRACE_MS, isSuspicious } from './complaints.ts'
import { conditionChanges, hasOpenCondition, RECOVERED } from './service-conditions.ts'
import { ToldReasons } from './told-reasons.ts'

/** Five Events a second at most, whatever goes wrong at once. */
const PAUSE_MS = 200
/** Changes that follow each other so quickly are looked at together. */
const SETTLE_MS = 1_000

/** A Service that something is wrong with, or that is only starting. */
interface Case {
  readonly since: number
  /** What was told; nothing yet while it may still be starting. */
  readonly told?: ToldReasons
}

/**
 * Tells in Events of a Service why it leads to nobody, once that is more than a start that takes its time.
 *
 * It watches nothing of its own, and pods not at all: what matters of them shows in slices. A healthy Service costs a
 * look at its slices when they change, and no memory.
 */
export class ServiceDiagnosisController implements Controller {
  readonly #context: ControllerContext
  readonly #services: Informer<Service>
  readonly #pods: Informer<Pod>
  readonly #slices: Informer<EndpointSlice>
  readonly #queue: WorkQueue
  readonly #cases = new Map<string, Case>()
  /** Keys of cases that nobody has looked at, in the order in which they come due. */
  readonly #fresh = new Set<string>()
  #timer: (() => void) | undefined

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#services = context.informers.for(services)
    this.#pods = context.informers.for(pods)
    this.#slices = context.informers.for(endpointSlices)
    const look = (service: Service) => this.#onService(service)
    this.#services.on({ added: look, updated: look, deleted: (service) => this.#close(keyOf(service)) })
    const onSlice = (slice: EndpointSlice) => this.#onSlice(slice)
    this.#slices.on({ added: onSlice, updated: onSlice, deleted: onSlice })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#diagnose(key, signal)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
    this.#timer?.()
  }

  /** Of a Service with a selector the slices tell that something is wrong: it always gets one. */
  #onService(service: Service): void {
    const key = keyOf(service)
    if (this.#cases.has(key) || !isPlain(service)) this.#look(key, service)
  }

  #onSlice(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice)
    const service = key === undefined ? undefined : this.#services.get(key)
    if (key !== undefined && service !== undefined) this.#look(key, service)
  }

  #look(key: string, service: Service): void {
    const isWrong = isSuspicious(service, this.#slices.byIndex(BY_SERVICE, key))
    const known = this.#cases.get(key)
    if (known?.told !== undefined) this.#queue.addAfter(key, SETTLE_MS)
    else if (!isWrong) this.#close(key)
    else if (known === undefined) this.#open(key)
  }

  #open(key: string): void {
    this.#cases.set(key, { since: this.#context.clock.now() })
    this.#fresh.add(key)
    if (this.#timer === undefined) this.#wait(GRACE_MS)
  }

  #close(key: string): void {
    this.#cases.delete(key)
    this.#fresh.delete(key)
  }

  #wait(ms: number): void {
    this.#timer = this.#context.clock.after(ms, () => this.#ripen())
  }

  /** Hands out the cases that are no longer fresh: one timer for all of them. */
  #ripen(): void {
    const now = this.#context.clock.now()
    this.#timer = undefined
    for (const key of this.#fresh) {
      const left = (this.#cases.get(key)?.since ?? 0) + GRACE_MS - now
      if (left > 0) {
        this.#wait(left)
        return
      }
      this.#fresh.delete(key)
      this.#queue.add(key)
    }
  }

  async #diagnose(key: string, signal: AbortSignal): Promise<void> {
    const known = this.#cases.get(key)
    const service = this.#services.get(key)
    if (known === undefined || service === undefined) return
    const { clock } = this.#context
    const now = clock.now()
    const { told = new ToldReasons() } = known
    const complaints = this.#complaints(service, known.since)
    this.#cases.set(key, { ...known, told })
    const due = told.due(complaints, now)
    for (const complaint of due) this.#tell(service, complaint)
    const troubles = complaints.map((complaint) => ({ ...complaint, told: told.messageOf(complaint.reason) }))
    await this.#writeConditions(service, conditionChanges(service, troubles, now))
    if (complaints.length === 0) {
      this.#close(key)
      if (told.hasWarned && service.metadata.deletionTimestamp === undefined)
        this.#tell(service, { type: 'Normal', ...RECOVERED })
      return
    }
    this.#queue.addAfter(key, told.nextLook(complaints, now) - now)
    for (const _ of due) await clock.sleep(PAUSE_MS, signal)
  }

  /** Conditions of others are theirs: a strategic merge patch names only those that it changes. */
  async #writeConditions(service: Service, conditions: readonly Condition[]): Promise<void> {
    const { uid, deletionTimestamp } = service.metadata
    if (conditions.length === 0 || deletionTimestamp !== undefined) return
    const body = { metadata: { uid }, status: { conditions } }
    try {
      await this.#context.client.patch(
        services,
        service.metadata,
        { type: 'strategic', body },
        { subresource: 'status' },
      )
    } catch (error) {
      // It is gone, or another has its name.
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }

  #complaints(service: Service, since: number): readonly Complaint[] {
    let all: readonly Pod[] | undefined
    return complaintsOf({
      service,
      slices: this.#slices.byIndex(BY_SERVICE, keyOf(service)),
      pods: () => {
        all ??= this.#pods.list()
        return all
      },
      find: (namespace, name) => this.#services.get(`${namespace}/${name}`),
      since,
    })
  }

  #tell(service: Service, { type, reason, message }: Omit<Complaint, 'notBefore'>): void {
    this.#context.recorder.event(service, type, reason, message)
  }
}

/** Nothing can be wrong with it but its endpoints, which its slices tell. */
function isPlain(service: Service): boolean {
  if (hasOpenCondition(service) || service.spec.type === 'LoadBalancer' || !hasSelector(service)) return false
  const { labels } = service.metadata
  return labels === undefined || !(SERVICE_PROXY_NAME in labels)
}
