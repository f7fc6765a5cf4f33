import { errorMessage, isFairleadError } from '../../base/error.ts'
import { formatTime } from '../../base/time.ts'
import { isAlreadyExists } from '../../kube/api-error.ts'
import { isConditionTrue } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { cronJobs, jobs } from '../../kube/resource.ts'
import type { CronJob, Job } from '../../kube/types/batch.ts'
import type { ObjectReference } from '../../kube/types/meta.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, controllerUid } from '../indexes.ts'
import { isFinished } from '../job/end.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { writeStatus } from '../write-status.ts'
import { type CronJobPlan, planCronJob } from './plan.ts'
import { parseSchedule, type Schedule } from './schedule.ts'

type Status = NonNullable<CronJob['status']>

/** Starts the Jobs of CronJobs when their time has come, and clears away those that have ended. */
export class CronJobController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<CronJob>
  readonly #jobs: Informer<Job>
  readonly #cronJobs: OwnWrites<CronJob>
  readonly #written: OwnWrites<Job>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, cronJobs)
    this.#jobs = context.informers.for(jobs)
    this.#cronJobs = new OwnWrites(this.#loop.owners)
    this.#written = new OwnWrites(this.#jobs)
    this.#loop.follow(this.#jobs)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((cronJob) => this.#reconcile(cronJob), signal)
  }

  async #reconcile(informed: CronJob): Promise<void> {
    const isSame = ({ metadata }: CronJob) => metadata.uid === informed.metadata.uid
    const [cronJob = informed] = this.#cronJobs.view([informed], isSame)
    const own = this.#jobsOf(cronJob)
    const status = this.#observed(cronJob, own)
    const schedule = this.#scheduleOf(cronJob)
    if (schedule === undefined) return this.#writeStatus(cronJob, status)
    const plan = planCronJob(cronJob, schedule, { jobs: own, now: this.#context.clock.now() })
    await this.#writeStatus(cronJob, await this.#act(cronJob, plan, status))
    for (const job of plan.expired) await this.#delete(cronJob, job)
    this.#loop.addAfter(cronJob, plan.recheckIn)
  }

  #jobsOf({ metadata: { uid = '' } }: CronJob): readonly Job[] {
    return this.#written.view(this.#jobs.byIndex(BY_CONTROLLER, uid), (job) => controllerUid(job) === uid)
  }

  #scheduleOf(cronJob: CronJob): Schedule | undefined {
    const { schedule, timeZone } = cronJob.spec
    try {
      return parseSchedule(schedule, timeZone)
    } catch (error) {
      if (!isFairleadError(error, 'INVALID_INPUT')) throw error
      const message = errorMessage(error)
      const zone = message.startsWith('unknown time zone')
      const text = zone ? `invalid timeZone: ${JSON.stringify(timeZone)}: ${message}` : message
      this.#context.recorder.event(cronJob, 'Warning', zone ? 'UnknownTimeZone' : 'UnparseableSchedule', text)
      return undefined
    }
  }

  /** What the Jobs that there are say; each end is told once. */
  #observed(cronJob: CronJob, own: readonly Job[]): Status {
    const { recorder } = this.#context
    const known = cronJob.status?.active ?? []
    let { lastSuccessfulTime } = cronJob.status ?? {}
    for (const job of own.filter(isFinished)) {
      const done = isConditionTrue(job.status?.conditions, 'Complete')
      const ended = job.status?.completionTime
      if (done && ended !== undefined && ended > (lastSuccessfulTime ?? '')) lastSuccessfulTime = ended
      if (!known.some(({ uid }) => uid === job.metadata.uid)) continue
      const message = `Saw completed job: ${job.metadata.name}, condition: ${done ? 'Complete' : 'Failed'}`
      recorder.event(cronJob, 'Normal', 'SawCompletedJob', message)
    }
    const active = own.filter((job) => !isFinished(job)).map(referenceTo)
    for (const { uid, name } of known) {
      if (own.some(({ metadata }) => metadata.uid === uid)) continue
      recorder.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`)
    }
    const { lastScheduleTime } = cronJob.status ?? {}
    return {
      ...(active.length === 0 ? {} : { active }),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
    }
  }

  async #act(cronJob: CronJob, { step, tooMany }: CronJobPlan, status: Status): Promise<Status> {
    const { recorder } = this.#context
    if (tooMany) {
      const text = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew'
      recorder.event(cronJob, 'Warning', 'TooManyMissedTimes', text)
    }
    if (step.type === 'skip') recorder.event(cronJob, step.severity, step.reason, step.message)
    if (step.type !== 'start') return status
    for (const job of step.replace) await this.#delete(cronJob, job)
    const made = await this.#create(cronJob, step.job)
    if (made === undefined) return status
    const replaced = new Set(step.replace.map(({ metadata }) => metadata.uid))
    const left = (status.active ?? []).filter(({ uid }) => uid === undefined || !replaced.has(uid))
    return { ...status, active: [...left, referenceTo(made)], lastScheduleTime: formatTime(step.scheduledAt) }
  }

  async #create(cronJob: CronJob, job: Job): Promise<Job | undefined> {
    const { client, recorder } = this.#context
    try {
      const made = await client.create(jobs, job)
      this.#written.wrote(made)
      recorder.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata.name}`)
      return made
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined
      if (isAlreadyExists(error)) {
        const found = await client.find(jobs, job.metadata)
        return found !== undefined && controllerUid(found) === cronJob.metadata.uid ? found : undefined
      }
      recorder.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${errorMessage(error)}`)
      throw error
    }
  }

  async #delete(cronJob: CronJob, job: Job): Promise<void> {
    const { client, recorder } = this.#context
    const request = () => client.delete(jobs, job.metadata, { propagationPolicy: 'Background' })
    try {
      const done = await this.#written.delete(job, request)
      if (done) recorder.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`)
    } catch (error) {
      recorder.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${errorMessage(error)}`)
      throw error
    }
  }

  async #writeStatus(cronJob: CronJob, status: Status): Promise<void> {
    const written = await writeStatus(this.#context.client, cronJobs, { object: cronJob, status })
    if (written !== undefined && written !== cronJob) this.#cronJobs.wrote(written)
  }
}

/** Without a resource version, which would make a new status of every change of the Job. */
function referenceTo({ metadata: { namespace, name, uid } }: Job): ObjectReference {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  }
}
