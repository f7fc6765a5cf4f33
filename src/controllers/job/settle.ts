import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isFinished, type JobEnd } from './end.ts'
import type { JobCounts } from './tally.ts'
import { countsAs } from './tally.ts'
import { hasFailed, isTracked, type Uncounted, uidOf, uncountedOf } from './tracking.ts'

/** Pods whose end is to be counted now, and then tracked no more. */
export interface Settlement {
  readonly release: readonly Pod[]
  /** Which of their ends the status must name before that. */
  readonly uncounted: Uncounted
}

/** So many ends are named at a time, that a status stays small (upstream's `MaxUncountedPods`). */
const MOST_UNCOUNTED = 500

/** Which ends of pods are counted now. `end` is how the Job ends, if it does: then all of them are. */
export function settle(
  job: Job,
  pods: readonly Pod[],
  { counts, end }: { readonly counts: JobCounts; readonly end: JobEnd | undefined },
): Settlement {
  const known = uncountedOf(job)
  const ends = end !== undefined || isFinished(job) || job.metadata.deletionTimestamp !== undefined
  const awaiting = new Set([...counts.awaiting.values()].map(uidOf))
  const due = pods.filter((pod) => isTracked(pod) && (ends || isDue(job, pod, awaiting)))
  const room = Math.max(0, MOST_UNCOUNTED - known.succeeded.length - known.failed.length)
  const release = due.slice(0, room)
  const outcomes = release.map((pod) => ({ uid: uidOf(pod), outcome: outcomeOf(job, pod, end) }))
  const named = (outcome: 'succeeded' | 'failed') =>
    outcomes.filter((each) => each.outcome === outcome && !known[outcome].includes(each.uid)).map(({ uid }) => uid)
  // An index says itself that it is done.
  const indexed = job.spec.completionMode === 'Indexed'
  return { release, uncounted: { succeeded: indexed ? [] : named('succeeded'), failed: named('failed') } }
}

function isDue(job: Job, pod: Pod, awaiting: ReadonlySet<string>): boolean {
  if (pod.status?.phase === 'Succeeded') return true
  return hasFailed(job, pod) && !awaiting.has(uidOf(pod))
}

/** What a Job that fails still runs has failed; of one that succeeds early it does not count. */
function outcomeOf(job: Job, pod: Pod, end: JobEnd | undefined): 'succeeded' | 'failed' | undefined {
  if (countsAs(job, pod, 'succeeded')) return 'succeeded'
  if (countsAs(job, pod, 'failed')) return 'failed'
  if (hasFailed(job, pod) || pod.status?.phase === 'Succeeded') return undefined
  return end?.type === 'Failed' && !isFinished(job) ? 'failed' : undefined
}
