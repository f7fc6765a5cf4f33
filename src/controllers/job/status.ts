import { formatTime } from '../../base/time.ts'
import { setCondition } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { formatIndexes } from './indexes.ts'
import { isFinished, type JobPlan } from './plan.ts'

type Status = NonNullable<Job['status']>

/** The status of a Job after its plan was carried out. @param now Milliseconds since the epoch. */
export function jobStatus(job: Job, { counts, end }: JobPlan, now: number): Status {
  const known = job.status ?? {}
  const suspended = job.spec.suspend === true
  const conditions = conditionsOf(job, end, now)
  const startTime = known.startTime ?? (suspended ? undefined : formatTime(now))
  const started = suspended && !isFinished(job) ? undefined : startTime
  const completionTime = known.completionTime ?? (end?.type === 'Complete' ? formatTime(now) : undefined)
  const ended = end !== undefined || isFinished(job)
  const active = ended ? 0 : counts.active
  const indexes = counts.indexes === undefined ? '' : formatIndexes(counts.indexes.completed)
  return {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(started === undefined ? {} : { startTime: started }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(active === 0 ? {} : { active }),
    ready: ended ? 0 : counts.ready,
    ...(counts.succeeded === 0 ? {} : { succeeded: counts.succeeded }),
    ...(counts.failed === 0 ? {} : { failed: counts.failed }),
    terminating: counts.terminating,
    ...(indexes === '' ? {} : { completedIndexes: indexes }),
    uncountedTerminatedPods: {},
  }
}

function conditionsOf(job: Job, end: JobPlan['end'], now: number): readonly Condition[] {
  const known = job.status?.conditions ?? []
  if (end !== undefined) {
    const { type, reason, message } = end
    const first = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
    const target = setCondition(known, { type: first, status: 'True', reason, message }, now)
    return setCondition(target, { type, status: 'True', reason, message }, now)
  }
  const wasSuspended = known.some(({ type, status }) => type === 'Suspended' && status === 'True')
  const suspended = job.spec.suspend === true
  if (isFinished(job) || suspended === wasSuspended) return known
  const [reason, message] = suspended ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed']
  return setCondition(known, { type: 'Suspended', status: suspended ? 'True' : 'False', reason, message }, now)
}
