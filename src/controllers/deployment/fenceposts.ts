import { resolveIntOrPercent } from '../../kube/quantity.ts'
import type { Deployment } from '../../kube/types/apps.ts'

/** How many pods a rolling update may have too many and too few. */
export interface Fenceposts {
  readonly maxSurge: number
  readonly maxUnavailable: number
}

/** The number of pods wanted; 1 when not given. */
export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1
}

/** Whether the strategy is RollingUpdate, which is the default. */
export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate'
}

/**
 * Surge and unavailability in pods: per cents of the wanted number, surge rounded up and unavailable rounded down; when
 * both come to 0, one pod may be unavailable, or nothing could move. Both are 0 for Recreate.
 */
export function fenceposts(deployment: Deployment): Fenceposts {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 }
  const wanted = wantedReplicas(deployment)
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {}
  const surge = resolveIntOrPercent(maxSurge, wanted, 'up')
  const unavailable = resolveIntOrPercent(maxUnavailable, wanted, 'down')
  if (surge === 0 && unavailable === 0) return { maxSurge: 0, maxUnavailable: Math.min(1, wanted) }
  return { maxSurge: surge, maxUnavailable: Math.min(unavailable, wanted) }
}
