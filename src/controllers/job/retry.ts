import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { failuresWith } from './index-failures.ts'

/** First wait after a failure; doubled for each further one. */
const RETRY_MS = 10_000
const RETRY_LIMIT_MS = 600_000

/** Milliseconds until a pod may be made again after failures since the last success; 0 or less: now. */
export function retryIn(pods: readonly Pod[], now: number): number {
  const succeeded = pods.filter(({ status }) => status?.phase === 'Succeeded').map(endTime)
  const since = Math.max(0, ...succeeded)
  const failed = pods.filter((pod) => pod.status?.phase === 'Failed' && endTime(pod) >= since)
  return failed.length === 0 ? 0 : waitAfter(failed.length, Math.max(...failed.map(endTime)), now)
}

/** The same for an index of its own, whose last pod failed. */
export function retryIndexIn(job: Job, pod: Pod, now: number): number {
  const { counted, ignored } = failuresWith(job, pod)
  return waitAfter(counted + ignored, endTime(pod), now)
}

function waitAfter(failures: number, last: number, now: number): number {
  return last + Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_LIMIT_MS) - now
}

function endTime({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => {
    const at = Date.parse(state?.terminated?.finishedAt ?? '')
    return Number.isNaN(at) ? [] : [at]
  })
  return ends.length > 0 ? Math.max(...ends) : Date.parse(metadata.creationTimestamp ?? '') || 0
}
