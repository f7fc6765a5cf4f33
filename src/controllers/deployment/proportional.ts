import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import { fenceposts, wantedReplicas } from './fenceposts.ts'
import { byAge, MAX_REPLICAS, sizeOf } from './replica-set.ts'

/**
 * Sizes when a Deployment is scaled in the middle of a rollout: the pods to add or remove are shared out in proportion
 * to the sizes that the ReplicaSets have; what rounding leaves over goes to the largest (of the same size: the newest
 * when adding, the oldest when removing).
 *
 * @param active ReplicaSets with pods. @returns Sizes by name, of all of them.
 */
export function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): ReadonlyMap<string, number> {
  const wanted = wantedReplicas(deployment)
  const allowed = wanted === 0 ? 0 : wanted + fenceposts(deployment).maxSurge
  const change = allowed - active.reduce((sum, replicaSet) => sum + sizeOf(replicaSet), 0)
  const sorted = [...active].sort((left, right) => {
    const bySize = sizeOf(right) - sizeOf(left)
    return bySize === 0 ? byAge(left, right) * (change > 0 ? -1 : 1) : bySize
  })
  const sizes = new Map<string, number>()
  let left = change
  for (const replicaSet of sorted) {
    const share = fraction(deployment, replicaSet)
    const taken = change > 0 ? Math.min(share, left) : change < 0 ? Math.max(share, left) : 0
    sizes.set(replicaSet.metadata.name, sizeOf(replicaSet) + taken)
    left -= taken
  }
  const [largest] = sorted
  if (largest !== undefined) {
    const { name } = largest.metadata
    sizes.set(name, Math.max(0, (sizes.get(name) ?? 0) + left))
  }
  return sizes
}

/** By how much a ReplicaSet grows (or shrinks) when the allowed total changes. */
function fraction(deployment: Deployment, replicaSet: ReplicaSet): number {
  const wanted = wantedReplicas(deployment)
  if (wanted === 0) return -sizeOf(replicaSet)
  const noted = Number(replicaSet.metadata.annotations?.[MAX_REPLICAS])
  const before = noted > 0 ? noted : (deployment.status?.replicas ?? 0)
  if (before === 0) return 0
  const after = wanted + fenceposts(deployment).maxSurge
  return Math.round((sizeOf(replicaSet) * after) / before) - sizeOf(replicaSet)
}
