import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { verdictOn } from './failure-policy.ts'
import { indexOf } from './indexes.ts'
import { hasFailed, isTracked } from './tracking.ts'

/** How often pods of an index failed before this one; the second are those that a policy ignores. */
export const FAILURE_COUNT = 'batch.kubernetes.io/job-index-failure-count'
export const IGNORED_FAILURE_COUNT = 'batch.kubernetes.io/job-index-ignored-failure-count'

/** How often the pods of one index have failed. */
export interface IndexFailures {
  readonly counted: number
  readonly ignored: number
}

/** Whether each index has failures of its own (`backoffLimitPerIndex`). */
export function limitsEachIndex({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed' && spec.backoffLimitPerIndex !== undefined
}

/** The failures of an index up to and with this pod. */
export function failuresWith(job: Job, pod: Pod): IndexFailures {
  const { counted, ignored } = failuresBefore(pod)
  return verdictOn(job, pod).type === 'ignore' ? { counted, ignored: ignored + 1 } : { counted: counted + 1, ignored }
}

/** The pod's failure is the last one of its index. */
export function failsIndex(job: Job, pod: Pod): boolean {
  if (!isTracked(pod) || !hasFailed(job, pod)) return false
  const { type } = verdictOn(job, pod)
  if (type === 'fail-index') return true
  return type !== 'ignore' && failuresBefore(pod).counted >= (job.spec.backoffLimitPerIndex ?? 0)
}

/**
 * The last failed pod of each index that will have another. It stays tracked until that one is there, which inherits
 * its number of failures.
 *
 * @param settled Indexes that have a pod, or need none any more.
 */
export function awaitingSuccessors(job: Job, pods: readonly Pod[], settled: ReadonlySet<number>) {
  const last = new Map<number, Pod>()
  for (const pod of pods) {
    const index = indexOf(pod)
    if (index === undefined || index >= (job.spec.completions ?? 0) || settled.has(index)) continue
    if (!isTracked(pod) || !hasFailed(job, pod)) continue
    const before = last.get(index)
    if (before === undefined || allFailures(before) <= allFailures(pod)) last.set(index, pod)
  }
  return last as ReadonlyMap<number, Pod>
}

function allFailures(pod: Pod): number {
  const { counted, ignored } = failuresBefore(pod)
  return counted + ignored
}

function failuresBefore({ metadata }: Pod): IndexFailures {
  return {
    counted: numberIn(metadata.annotations?.[FAILURE_COUNT]),
    ignored: numberIn(metadata.annotations?.[IGNORED_FAILURE_COUNT]),
  }
}

/** What is no number is none: users may write there. */
function numberIn(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0
}
