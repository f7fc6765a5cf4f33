import type { Pod } from '../kube/types/core.ts'
import type { Condition } from '../kube/types/meta.ts'

/** The pod has ended for good (phase Succeeded or Failed) and never runs again. */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** Neither ended nor being deleted: the pods that a workload controller counts. */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined
}

/** The pod's condition of type `Ready`, if any. */
export function readyCondition(pod: Pod): Condition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === 'Ready')
}

/** Condition Ready is True. */
export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True'
}

/** Ready for at least `minReadySeconds`. @param now Milliseconds since the epoch. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const wait = availableIn(pod, minReadySeconds, now)
  return wait !== undefined && wait <= 0
}

/** Milliseconds until a ready pod becomes available (0 or less: it is); `undefined` for a pod that is not ready. */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = readyCondition(pod)
  if (ready?.status !== 'True') return undefined
  if (minReadySeconds === 0) return 0
  if (ready.lastTransitionTime === undefined) return undefined
  return Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 - now
}

/** Milliseconds until the next ready pod becomes available; `undefined` when none is waiting for that. */
export function earliestAvailability(pods: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  const waits = pods
    .map((pod) => availableIn(pod, minReadySeconds, now))
    .filter((wait): wait is number => wait !== undefined && wait > 0)
  return waits.length === 0 ? undefined : Math.min(...waits)
}
