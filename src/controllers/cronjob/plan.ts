import { formatTime } from '../../base/time.ts'
import { findCondition } from '../../kube/conditions.ts'
import { controllerRef } from '../../kube/owner.ts'
import type { CronJob, Job } from '../../kube/types/batch.ts'
import { isFinished } from '../job/end.ts'
import type { Schedule } from './schedule.ts'

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/** From so many missed times on, people are told. */
const MANY = 100

export type CronJobStep =
  /** Nothing is due. */
  | { readonly type: 'wait' }
  /** Due, but not to be done, for the reason that people are told. */
  | {
      readonly type: 'skip'
      readonly reason: string
      readonly message: string
      readonly severity: 'Normal' | 'Warning'
    }
  | { readonly type: 'start'; readonly job: Job; readonly scheduledAt: number; readonly replace: readonly Job[] }

export interface CronJobPlan {
  readonly step: CronJobStep
  /** More times were missed than anyone would catch up with. */
  readonly tooMany: boolean
  /** Jobs that have ended and are not kept any longer. */
  readonly expired: readonly Job[]
  /** Milliseconds until the next time. */
  readonly recheckIn: number | undefined
}

/**
 * What is due for a CronJob: of the times missed, only the last counts (upstream's cronjob_controllerv2).
 *
 * @param jobs Those that it controls. @param now Milliseconds since the epoch.
 */
export function planCronJob(
  cronJob: CronJob,
  schedule: Schedule,
  { jobs, now }: { readonly jobs: readonly Job[]; readonly now: number },
): CronJobPlan {
  const expired = expiredJobs(cronJob, jobs)
  const leaving = cronJob.metadata.deletionTimestamp !== undefined
  if (leaving || cronJob.spec.suspend === true) {
    return { step: { type: 'wait' }, tooMany: false, expired: leaving ? [] : expired, recheckIn: undefined }
  }
  const { last, count } = missedTimes(schedule, startOf(cronJob, now), now)
  const next = schedule.next(now)
  const recheckIn = next === undefined ? undefined : next - now
  const step: CronJobStep = last === undefined ? { type: 'wait' } : stepAt(cronJob, last, { jobs, now })
  return { step, tooMany: count > MANY, expired, recheckIn }
}

/** Times that have come since `from`: the last of them, and their number as far as it matters. */
export function missedTimes(
  schedule: Schedule,
  from: number,
  now: number,
): { readonly last: number | undefined; readonly count: number } {
  let last: number | undefined
  let count = 0
  for (let time = schedule.next(from); time !== undefined && time <= now; time = schedule.next(time)) {
    last = time
    if (++count > MANY) return { last: latest(schedule, now) ?? last, count }
  }
  return { last, count }
}

/** The last time up to now, found from behind so that a year of minutes is not walked through. */
function latest(schedule: Schedule, now: number): number | undefined {
  let found: number | undefined
  for (let back = 60_000; found === undefined && back < 2 ** 42; back *= 2) {
    for (let time = schedule.next(now - back); time !== undefined && time <= now; time = schedule.next(time))
      found = time
  }
  return found
}

function startOf({ metadata, status, spec }: CronJob, now: number): number {
  const known = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '')
  const since = Number.isNaN(known) ? now : known
  const { startingDeadlineSeconds } = spec
  return startingDeadlineSeconds === undefined ? since : Math.max(since, now - startingDeadlineSeconds * 1000)
}

function stepAt(
  cronJob: CronJob,
  scheduledAt: number,
  { jobs, now }: { readonly jobs: readonly Job[]; readonly now: number },
): CronJobStep {
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec
  if (startingDeadlineSeconds !== undefined && scheduledAt + startingDeadlineSeconds * 1000 < now) {
    const message = `Missed scheduled time to start a job: ${formatTime(scheduledAt)}`
    return { type: 'skip', reason: 'MissSchedule', severity: 'Warning', message }
  }
  const job = jobOf(cronJob, scheduledAt)
  if (jobs.some(({ metadata }) => metadata.name === job.metadata.name)) return { type: 'wait' }
  const active = jobs.filter((each) => !isFinished(each))
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid'
    return { type: 'skip', reason: 'JobAlreadyActive', severity: 'Normal', message }
  }
  return { type: 'start', job, scheduledAt, replace: concurrencyPolicy === 'Replace' ? active : [] }
}

/** The Job of one time; its name holds the time, so that it is never made twice. */
function jobOf(cronJob: CronJob, scheduledAt: number): Job {
  const { namespace, name } = cronJob.metadata
  const { metadata, spec } = cronJob.spec.jobTemplate
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(scheduledAt / 60_000)}`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [SCHEDULED_AT]: formatTime(scheduledAt) },
      ownerReferences: [controllerRef(cronJob)],
    },
    spec,
  }
}

/** Ended Jobs beyond the limits, the oldest. */
function expiredJobs({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const beyond = (type: 'Complete' | 'Failed', limit: number | undefined) => {
    if (limit === undefined) return []
    const ended = jobs.filter(({ status }) => findCondition(status?.conditions, type)?.status === 'True')
    return ended.sort(byStart).slice(0, Math.max(0, ended.length - limit))
  }
  return [...beyond('Complete', spec.successfulJobsHistoryLimit), ...beyond('Failed', spec.failedJobsHistoryLimit)]
}

function byStart(left: Job, right: Job): number {
  const order = ({ status, metadata }: Job) => `${status?.startTime ?? ''} ${metadata.name}`
  return order(left) < order(right) ? -1 : 1
}
