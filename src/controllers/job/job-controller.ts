import { isNotFound } from '../../kube/api-error.ts'
import { jobs, pods } from '../../kube/resource.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { PodControl } from '../pod-control.ts'
import { slowStart } from '../slow-start.ts'
import { writeStatus } from '../write-status.ts'
import { jobPod } from './job-pod.ts'
import { isFinished, type JobPlan, planJob } from './plan.ts'
import { jobStatus } from './status.ts'

/** Runs the pods of Jobs to their end, and removes Jobs whose time to live is over. */
export class JobController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<Job>
  readonly #written: OwnWrites<Job>
  readonly #control: PodControl

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, jobs)
    this.#written = new OwnWrites(this.#loop.owners)
    this.#control = new PodControl(context)
    this.#loop.follow(context.informers.for(pods))
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((job) => this.#reconcile(job), signal)
  }

  async #reconcile(informed: Job): Promise<void> {
    const isSame = ({ metadata }: Job) => metadata.uid === informed.metadata.uid
    const [job = informed] = this.#written.view([informed], isSame)
    const { clock } = this.#context
    const plan = planJob(job, this.#control.podsOf(job), clock.now())
    if (plan.expired) return this.#remove(job)
    const failure = await this.#act(job, plan)
    const after = planJob(job, this.#control.podsOf(job), clock.now())
    await this.#writeStatus(job, { ...after, end: plan.end })
    this.#loop.addAfter(job, plan.recheckIn)
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure
  }

  /** @returns the first failure. */
  async #act(job: Job, plan: JobPlan): Promise<unknown> {
    const deleted = await Promise.allSettled(plan.delete.map((pod) => this.#control.delete(job, pod)))
    const created = await slowStart(plan.create.length, (index) =>
      this.#control.create(job, jobPod(job, plan.create[index])),
    )
    return created.error ?? deleted.find((result) => result.status === 'rejected')?.reason
  }

  async #writeStatus(job: Job, plan: JobPlan): Promise<void> {
    const { client, clock } = this.#context
    const status = jobStatus(job, plan, clock.now())
    try {
      const written = await writeStatus(client, jobs, { object: job, status })
      if (written !== job) this.#written.wrote(written)
      this.#tell(job, plan, status)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  #tell(job: Job, { end }: JobPlan, status: NonNullable<Job['status']>): void {
    const { recorder } = this.#context
    if (end?.type === 'Complete') recorder.event(job, 'Normal', 'Completed', 'Job completed')
    if (end?.type === 'Failed') recorder.event(job, 'Warning', end.reason, end.message)
    const suspension = (of: Job['status']) =>
      of?.conditions?.find(({ type }) => type === 'Suspended')?.status ?? 'False'
    if (isFinished(job) || suspension(status) === suspension(job.status)) return
    if (suspension(status) === 'True') recorder.event(job, 'Normal', 'Suspended', 'Job suspended')
    else recorder.event(job, 'Normal', 'Resumed', 'Job resumed')
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
