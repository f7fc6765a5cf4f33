import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import { fenceposts, isRolling, wantedReplicas } from './fenceposts.ts'
import { proportionalSizes } from './proportional.ts'
import { byAge, DESIRED_REPLICAS, sizeOf } from './replica-set.ts'

/** The ReplicaSets of a Deployment: the one with its template, if it exists, and those before it. */
export interface ReplicaSets {
  readonly current: ReplicaSet | undefined
  readonly old: readonly ReplicaSet[]
}

/** Sizes to set, by the ReplicaSets' names. */
export type Sizes = ReadonlyMap<string, number>

const NONE: Sizes = new Map()

/** Whether the wanted number has changed since the ReplicaSets were sized. */
export function isScalingEvent(deployment: Deployment, { current, old }: ReplicaSets): boolean {
  return [...old, ...(current === undefined ? [] : [current])].some((replicaSet) => {
    const noted = replicaSet.metadata.annotations?.[DESIRED_REPLICAS]
    return sizeOf(replicaSet) > 0 && noted !== undefined && Number(noted) !== wantedReplicas(deployment)
  })
}

/**
 * Sizes after the wanted number changed: the only ReplicaSet in use gets it; a finished rollout leaves nothing to the
 * old ones; in the middle of a rollout every ReplicaSet gets its share.
 */
export function sizesForScale(deployment: Deployment, sets: ReplicaSets): Sizes {
  const wanted = wantedReplicas(deployment)
  const all = [...sets.old, ...(sets.current === undefined ? [] : [sets.current])]
  const active = all.filter((replicaSet) => sizeOf(replicaSet) > 0)
  const only = active.length > 1 ? undefined : (active[0] ?? sets.current ?? [...sets.old].sort(byAge).at(-1))
  // Also when the size fits: what was wanted is noted with it, or this would be a scaling event for ever.
  if (only !== undefined) return new Map([[only.metadata.name, wanted]])
  if (sets.current !== undefined && isSaturated(deployment, sets.current)) {
    return changes(active.filter((replicaSet) => replicaSet !== sets.current).map((replicaSet) => [replicaSet, 0]))
  }
  return isRolling(deployment) ? proportionalSizes(deployment, active) : NONE
}

/** Size of the new ReplicaSet in the next step of a rolling update, 0 being what it has when it does not exist yet. */
export function nextSizeOfNew(deployment: Deployment, sets: ReplicaSets): number {
  const wanted = wantedReplicas(deployment)
  const size = sets.current === undefined ? 0 : sizeOf(sets.current)
  if (size >= wanted || !isRolling(deployment)) return wanted
  const room = wanted + fenceposts(deployment).maxSurge - total(sets.old) - size
  return size + Math.max(0, Math.min(room, wanted - size))
}

/**
 * Sizes of the old ReplicaSets in the next step of a rolling update: first pods that are not available anyway, then
 * as many as can go without falling below the least available number; the oldest ReplicaSet first.
 */
export function nextSizesOfOld(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Sizes {
  const minAvailable = wantedReplicas(deployment) - fenceposts(deployment).maxUnavailable
  const newUnavailable = sizeOf(current) - (current.status?.availableReplicas ?? 0)
  const maxDown = total(old) + sizeOf(current) - minAvailable - newUnavailable
  if (maxDown <= 0) return NONE
  const sorted = [...old].sort(byAge).filter((replicaSet) => sizeOf(replicaSet) > 0)
  const sizes = withoutUnhealthy(sorted, maxDown)
  const available = [...old, current].reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0)
  let left = available - minAvailable
  for (const replicaSet of sorted) {
    const size = sizes.get(replicaSet) ?? 0
    const down = Math.max(0, Math.min(size, left))
    sizes.set(replicaSet, size - down)
    left -= down
  }
  return changes([...sizes])
}

/** Every old ReplicaSet to 0, for Recreate. */
export function emptied(old: readonly ReplicaSet[]): Sizes {
  return changes(old.map((replicaSet) => [replicaSet, 0]))
}

function withoutUnhealthy(sorted: readonly ReplicaSet[], maxDown: number): Map<ReplicaSet, number> {
  let left = maxDown
  return new Map(
    sorted.map((replicaSet) => {
      const unhealthy = Math.max(0, sizeOf(replicaSet) - (replicaSet.status?.availableReplicas ?? 0))
      const down = Math.min(left, unhealthy)
      left -= down
      return [replicaSet, sizeOf(replicaSet) - down]
    }),
  )
}

function isSaturated(deployment: Deployment, replicaSet: ReplicaSet): boolean {
  const wanted = wantedReplicas(deployment)
  return (
    sizeOf(replicaSet) === wanted &&
    replicaSet.metadata.annotations?.[DESIRED_REPLICAS] === String(wanted) &&
    (replicaSet.status?.availableReplicas ?? 0) === wanted
  )
}

function total(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + sizeOf(replicaSet), 0)
}

function changes(sizes: readonly (readonly [ReplicaSet, number])[]): Sizes {
  const different = sizes.filter(([replicaSet, size]) => sizeOf(replicaSet) !== size)
  return new Map(different.map(([replicaSet, size]) => [replicaSet.metadata.name, size]))
}
