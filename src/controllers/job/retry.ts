import { findCondition } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { failuresWith } from './index-failures.ts'
import { hasFailed, isTracked, uidOf } from './tracking.ts'

/** First wait after a failure; doubled for each further one. */
const RETRY_MS = 10_000
const RETRY_LIMIT_MS = 600_000

/** A pod that has failed, as its end was counted, and when; in milliseconds since the epoch. */
export interface LostPod {
  readonly uid: string
  readonly endedAt: number
}

/** When pods of a Job have failed since the last one succeeded; in milliseconds since the epoch. */
export function failuresOf(job: Job, pods: readonly Pod[], lost: readonly LostPod[]): readonly number[] {
  const succeeded = pods.filter(({ status }) => status?.phase === 'Succeeded').map(endTime)
  const since = Math.max(0, ...succeeded)
  const failed = new Map(lost.map(({ uid, endedAt }) => [uid, endedAt]))
  for (const pod of pods) {
    // One that is ended because it is too many, or for a suspension, is let go first.
    const counts = pod.status?.phase === 'Failed' || isTracked(pod)
    if (counts && hasFailed(job, pod)) failed.set(uidOf(pod), endTime(pod))
  }
  return [...failed.values()].filter((time) => time >= since)
}

/** Milliseconds until a pod may be made again after failures at these times; 0 or less: now. */
export function retryIn(failures: readonly number[], now: number): number {
  return failures.length === 0 ? 0 : waitAfter(failures.length, Math.max(...failures), now)
}

/** The same for an index of its own, whose last pod failed. */
export function retryIndexIn(job: Job, pod: Pod, now: number): number {
  const { counted, ignored } = failuresWith(job, pod)
  return waitAfter(counted + ignored, endTime(pod), now)
}

function waitAfter(failures: number, last: number, now: number): number {
  return last + Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_LIMIT_MS) - now
}

/** When a pod ended, or its end was asked for (upstream `getFinishedTime`); milliseconds since the epoch. */
export function endTime({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => timeOf(state?.terminated?.finishedAt) ?? [])
  if (ends.length > 0) return Math.max(...ends)
  const ready = findCondition(status?.conditions, 'Ready')
  const unready = ready?.status === 'False' ? timeOf(ready.lastTransitionTime) : undefined
  const due = timeOf(metadata.deletionTimestamp)
  const asked = due === undefined ? undefined : due - (metadata.deletionGracePeriodSeconds ?? 0) * 1000
  return unready ?? asked ?? timeOf(metadata.creationTimestamp) ?? 0
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}
