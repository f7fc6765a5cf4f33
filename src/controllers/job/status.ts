import { formatTime } from '../../base/time.ts'
import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { isFinished, type JobEnd, targetCondition } from './end.ts'
import { formatIndexes } from './indexes.ts'
import type { JobCounts } from './tally.ts'
import { type Uncounted, uncountedOf } from './tracking.ts'

type Status = NonNullable<Job['status']>

/** What a status is made from beside the Job. */
export interface JobOutcome {
  readonly counts: JobCounts
  readonly end: JobEnd | undefined
  /** Ends of pods that the status does not know of yet. */
  readonly uncounted?: Uncounted
  /** Something is still to be done before the Job has ended. */
  readonly unfinished?: boolean
  /** Uids of the pods that are still tracked. */
  readonly held?: ReadonlySet<string>
}

const NONE: Uncounted = { succeeded: [], failed: [] }
const NOBODY: ReadonlySet<string> = new Set()

/**
 * The status of a Job after its plan was carried out. The ends of pods that are still tracked (`held`) are named;
 * those of all others count. A Job has ended when none is named any more and no pod is about to end.
 *
 * @param now Milliseconds since the epoch.
 */
export function jobStatus(job: Job, outcome: JobOutcome, now: number): Status {
  const { counts, end, uncounted = NONE, unfinished = false, held = NOBODY } = outcome
  const known = job.status ?? {}
  const before = uncountedOf(job)
  const tallied = (outcome: 'succeeded' | 'failed') => {
    const all = [...new Set([...before[outcome], ...uncounted[outcome]])]
    const left = all.filter((uid) => held.has(uid))
    return { left, count: (known[outcome] ?? 0) + all.length - left.length }
  }
  const [succeeded, failed] = [tallied('succeeded'), tallied('failed')]
  const over = end !== undefined && !unfinished && succeeded.left.length + failed.left.length + counts.terminating === 0
  const conditions = conditionsOf(job, { end, over }, now)
  const startTime = isResumed(job) ? formatTime(now) : (known.startTime ?? firstStart(job, now))
  const completionTime = known.completionTime ?? (over && end.type === 'Complete' ? formatTime(now) : undefined)
  const ended = end !== undefined || isFinished(job)
  const active = ended ? 0 : counts.active
  const done = counts.indexes?.completed.length ?? succeeded.count
  return {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(active === 0 ? {} : { active }),
    ready: ended ? 0 : counts.ready,
    ...(done === 0 ? {} : { succeeded: done }),
    ...(failed.count === 0 ? {} : { failed: failed.count }),
    terminating: counts.terminating,
    ...indexFields(counts),
    uncountedTerminatedPods: {
      ...(succeeded.left.length === 0 ? {} : { succeeded: succeeded.left }),
      ...(failed.left.length === 0 ? {} : { failed: failed.left }),
    },
  }
}

function indexFields({ indexes }: JobCounts): Pick<Status, 'completedIndexes' | 'failedIndexes'> {
  const completed = formatIndexes(indexes?.completed ?? [])
  return {
    ...(completed === '' ? {} : { completedIndexes: completed }),
    ...(indexes?.failed === undefined ? {} : { failedIndexes: formatIndexes(indexes.failed) }),
  }
}

function firstStart(job: Job, now: number): string | undefined {
  return job.spec.suspend === true ? undefined : formatTime(now)
}

function isResumed(job: Job): boolean {
  const suspended = findCondition(job.status?.conditions, 'Suspended')?.status === 'True'
  return suspended && job.spec.suspend !== true && !isFinished(job)
}

function conditionsOf(
  job: Job,
  { end, over }: { readonly end: JobEnd | undefined; readonly over: boolean },
  now: number,
): readonly Condition[] {
  const known = job.status?.conditions ?? []
  if (isFinished(job)) return known
  if (end !== undefined) {
    const { type, reason, message } = end
    const target = setCondition(known, { type: targetCondition(type), status: 'True', reason, message }, now)
    return over ? setCondition(target, { type, status: 'True', reason, message }, now) : target
  }
  const wasSuspended = known.some(({ type, status }) => type === 'Suspended' && status === 'True')
  const suspended = job.spec.suspend === true
  if (suspended === wasSuspended) return known
  const [reason, message] = suspended ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed']
  return setCondition(known, { type: 'Suspended', status: suspended ? 'True' : 'False', reason, message }, now)
}
