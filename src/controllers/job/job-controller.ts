import { isNotFound } from '../../kube/api-error.ts'
import { findCondition } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { jobs, pods } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { carryOut } from '../adopt.ts'
import { claim } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { PodControl } from '../pod-control.ts'
import { slowStart } from '../slow-start.ts'
import { writeStatus } from '../write-status.ts'
import { isFinished, type JobEnd } from './end.ts'
import { jobPod } from './job-pod.ts'
import { LeftBehindPods } from './left-behind-pods.ts'
import { LostPods } from './lost-pods.ts'
import { type JobPlan, planJob } from './plan.ts'
import { settle } from './settle.ts'
import { type JobOutcome, jobStatus } from './status.ts'
import { countsOf, type JobCounts } from './tally.ts'
import { TRACKING, trackedUids, uidOf } from './tracking.ts'

/** Whoever else is named in `spec.managedBy` runs the Job himself. */
const MANAGER = 'kubernetes.io/job-controller'

/**
 * Runs the pods of Jobs to their end, and removes Jobs whose time to live is over. Each end of a pod is counted once:
 * the status names it first, then the pod's finalizer goes, then the number grows (KEP-2307).
 */
export class JobController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<Job>
  readonly #written: OwnWrites<Job>
  readonly #control: PodControl
  readonly #leftBehind: LeftBehindPods
  readonly #pods: Informer<Pod>
  readonly #lost: LostPods

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, jobs)
    this.#lost = new LostPods(this.#loop.owners)
    this.#written = new OwnWrites(this.#loop.owners)
    this.#control = new PodControl(context)
    this.#leftBehind = new LeftBehindPods(context, this.#loop.owners, this.#control)
    this.#pods = context.informers.for(pods)
    this.#loop.follow(this.#pods, (job, { metadata }) => selects(job, metadata.labels))
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconciling = this.#loop.run((job) => this.#reconcile(job), signal)
    await Promise.all([reconciling, this.#leftBehind.run(signal)])
  }

  async #reconcile(informed: Job): Promise<void> {
    const isSame = ({ metadata }: Job) => metadata.uid === informed.metadata.uid
    const [job = informed] = this.#written.view([informed], isSame)
    if ((job.spec.managedBy ?? MANAGER) !== MANAGER) return
    const { clock } = this.#context
    if (!isFinished(job)) await this.#claimPods(job)
    const before = this.#control.podsOf(job)
    const plan = planJob(job, before, { now: clock.now(), lost: this.#lost.of(job) })
    if (plan.expired) return this.#remove(job)
    const failure = await this.#act(job, plan)
    await this.#count(job, plan, before)
    this.#loop.addAfter(job, plan.recheckIn)
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure
  }

  /** Adopts pods that the Job selects and nobody has, and lets go of those that it selects no more. */
  async #claimPods(job: Job): Promise<void> {
    const orphans = this.#pods.byIndex(BY_CONTROLLER, orphansOf(job.metadata.namespace))
    const claimed = claim(job, (labels) => selects(job, labels), [...this.#control.podsOf(job), ...orphans])
    if (claimed.adopt.length + claimed.release.length === 0) return
    const { client } = this.#context
    const wrote = (pod: Pod) => this.#control.wrote(pod)
    await carryOut({ client, ownerResource: jobs, owner: job, resource: pods, finalizer: TRACKING, wrote }, claimed)
  }

  /** @returns the first failure. */
  async #act(job: Job, plan: JobPlan): Promise<unknown> {
    const deleted = await Promise.allSettled(
      plan.delete.map(async (pod) => {
        if (plan.drops) await this.#control.release(pod, TRACKING)
        await this.#control.delete(job, pod)
      }),
    )
    const created = await slowStart(plan.create.length, (at) => {
      const index = plan.create[at]
      const replaced = index === undefined ? undefined : plan.counts.awaiting.get(index)
      return this.#control.create(job, jobPod(job, index, replaced))
    })
    return created.error ?? deleted.find((result) => result.status === 'rejected')?.reason
  }

  /** Names the ends of pods in the status, lets the pods go, and counts them. */
  async #count(job: Job, plan: JobPlan, before: readonly Pod[]): Promise<void> {
    const { end } = plan
    const now = this.#control.podsOf(job)
    const pods = podsToCount(plan, before, now)
    const counts = countsAfter(job, { plan, now, pods })
    const { release, uncounted } = settle(job, pods, { counts, end })
    const outcome = { counts, end, uncounted, held: trackedUids(pods) }
    const named = release.length === 0 ? job : await this.#writeStatus(job, { ...outcome, unfinished: true })
    if (named === undefined) return
    this.#lost.add(job, release)
    const released = await Promise.allSettled(release.map((pod) => this.#control.release(pod, TRACKING)))
    const held = new Set(outcome.held)
    for (const [at, pod] of release.entries()) if (released[at]?.status === 'fulfilled') held.delete(uidOf(pod))
    await this.#writeStatus(named, { ...outcome, held })
    const failure = released.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** @returns the Job as it is now; `undefined` when it is gone. */
  async #writeStatus(job: Job, outcome: JobOutcome): Promise<Job | undefined> {
    const { client, clock } = this.#context
    const status = jobStatus(job, outcome, clock.now())
    const written = await writeStatus(client, jobs, { object: job, status })
    if (written === undefined) return undefined
    if (written !== job) this.#written.wrote(written)
    this.#tell(job, written, outcome.end)
    return written
  }

  #tell(before: Job, after: Job, end: JobEnd | undefined): void {
    const { recorder } = this.#context
    if (isFinished(before)) return
    if (isFinished(after)) {
      this.#tellEnd(after, end)
      return
    }
    const suspension = ({ status }: Job) => findCondition(status?.conditions, 'Suspended')?.status ?? 'False'
    if (suspension(after) === suspension(before)) return
    if (suspension(after) === 'True') recorder.event(after, 'Normal', 'Suspended', 'Job suspended')
    else recorder.event(after, 'Normal', 'Resumed', 'Job resumed')
  }

  #tellEnd(job: Job, end: JobEnd | undefined): void {
    const { recorder } = this.#context
    if (end?.type === 'Failed') {
      recorder.event(job, 'Warning', end.reason, end.message)
      return
    }
    if ((job.status?.succeeded ?? 0) > (job.spec.completions ?? Number.POSITIVE_INFINITY)) {
      const message = 'Too many succeeded pods running after completion count reached'
      recorder.event(job, 'Warning', 'TooManySucceededPods', message)
    }
    recorder.event(job, 'Normal', 'Completed', 'Job completed')
  }

  async #remove({ metadata }: Job): Promise<void> {
    const { uid = '', resourceVersion = '' } = metadata
    const preconditions = { uid, resourceVersion }
    try {
      await this.#context.client.delete(jobs, metadata, { propagationPolicy: 'Foreground', preconditions })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** A Job that selects nothing in particular has no pods; the API lets nobody make one. */
function selects({ spec: { selector } }: Job, labels: Readonly<Record<string, string>> = {}): boolean {
  return selector !== undefined && matchesLabels(labelSelectorFrom(selector), labels)
}

/** A pod that was just deleted is as it was before: to end it is no failure of its own. */
function podsToCount(plan: JobPlan, before: readonly Pod[], now: readonly Pod[]): readonly Pod[] {
  const deleted = plan.delete.filter((pod) => before.includes(pod))
  const uids = new Set(deleted.map(uidOf))
  const others = now.filter((pod) => !uids.has(uidOf(pod)))
  return [...others, ...(plan.drops ? [] : deleted)]
}

interface After {
  readonly plan: JobPlan
  readonly now: readonly Pod[]
  readonly pods: readonly Pod[]
}

/** Pods whose deletion the watch has not shown yet are about to end. */
function countsAfter(job: Job, { plan, now, pods }: After): JobCounts {
  const { active, ready, terminating } = countsOf(job, now)
  const shown = new Set(now.map(uidOf))
  const unseen = plan.delete.filter((pod) => !shown.has(uidOf(pod))).length
  return { ...countsOf(job, pods), active, ready, terminating: terminating + unseen }
}
