import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { earliestAvailability, isActive } from '../pod-state.ts'
import { podsToDelete } from './deletion-rank.ts'

/** At most so many pods are created or deleted for one ReplicaSet at a time (upstream `BurstReplicas`). */
export const BURST = 500

export interface ReplicaSetPlan {
  /** Number of pods to create. */
  readonly create: number
  readonly delete: readonly Pod[]
  /** Milliseconds until a ready pod becomes available by `minReadySeconds`, if one is waited for. */
  readonly recheckIn: number | undefined
}

/**
 * What brings a ReplicaSet's pods to the wanted number.
 *
 * @param pods Its own pods.
 * @param related Pods of the ReplicaSets of the same controller (a Deployment's old and new ones), its own included.
 */
export function planReplicaSet(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  context: { readonly related: readonly Pod[]; readonly now: number },
): ReplicaSetPlan {
  const active = pods.filter(isActive)
  const recheckIn = earliestAvailability(active, replicaSet.spec.minReadySeconds ?? 0, context.now)
  if (replicaSet.metadata.deletionTimestamp !== undefined) return { create: 0, delete: [], recheckIn }
  const missing = (replicaSet.spec.replicas ?? 1) - active.length
  if (missing >= 0) return { create: Math.min(missing, BURST), delete: [], recheckIn }
  const surplus = podsToDelete(active, Math.min(-missing, BURST), {
    related: context.related.filter(isActive),
    now: context.now,
  })
  return { create: 0, delete: surplus, recheckIn }
}
