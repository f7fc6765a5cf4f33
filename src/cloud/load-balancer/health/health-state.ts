/** What a backend's probes make of it. Pure. */

/** One backend's health, and how many probes in a row said otherwise. */
export interface HealthState {
  readonly healthy: boolean
  readonly contrary: number
}

export interface Thresholds {
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
}

/** A backend is given connections from the start, and until its probes failed in a row. */
export const INITIAL_HEALTH: HealthState = { healthy: true, contrary: 0 }

/** The state after one more probe: it turns after `threshold` contrary results in a row, and only in a row. */
export function afterProbe(state: HealthState, passed: boolean, thresholds: Thresholds): HealthState {
  if (passed === state.healthy) return { healthy: state.healthy, contrary: 0 }
  const contrary = state.contrary + 1
  const wanted = passed ? thresholds.healthyThreshold : thresholds.unhealthyThreshold
  return contrary >= wanted ? { healthy: passed, contrary: 0 } : { healthy: state.healthy, contrary }
}

/** Milliseconds that a probe may take: a timeout below the interval counts as the interval. */
export function probeTimeoutMs({ timeout, interval }: { readonly timeout: number; readonly interval: number }): number {
  return Math.max(timeout, interval) * 1000
}
