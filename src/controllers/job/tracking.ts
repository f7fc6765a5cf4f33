import { controllerOf } from '../../kube/owner.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'

/** Finalizer of a Job's pods: a pod stays until its end has been counted. */
export const TRACKING = 'batch.kubernetes.io/job-tracking'

/** The pod's end has not been counted yet. */
export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(TRACKING) ?? false
}

/** The pods of these that are tracked, by uid. */
export function trackedUids(pods: readonly Pod[]): ReadonlySet<string> {
  return new Set(pods.filter(isTracked).map(uidOf))
}

export function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? ''
}

/**
 * Whether a pod counts as failed. One that is being deleted may never come to say so; it counts at once, unless it is
 * to be replaced only when it has ended.
 */
export function hasFailed({ spec }: Job, { metadata, status }: Pod): boolean {
  if (status?.phase === 'Failed') return true
  if (spec.podReplacementPolicy === 'Failed') return false
  return metadata.deletionTimestamp !== undefined && status?.phase !== 'Succeeded'
}

/** Ends that the status names by the pods' uids, until their pods are tracked no more. */
export interface Uncounted {
  readonly succeeded: readonly string[]
  readonly failed: readonly string[]
}

export function uncountedOf({ status }: Job): Uncounted {
  const { succeeded = [], failed = [] } = status?.uncountedTerminatedPods ?? {}
  return { succeeded, failed }
}

/** Whether a pod is tracked for a Job that is not there: nobody will count its end. */
export function isLeftBehind(pod: Pod, find: (key: string) => Job | undefined): boolean {
  if (!isTracked(pod)) return false
  const controller = controllerOf(pod)
  if (controller === undefined) return true
  if (controller.kind !== 'Job') return false
  return find(`${pod.metadata.namespace ?? ''}/${controller.name}`)?.metadata.uid !== controller.uid
}
