import { formatTime } from '../../base/time.ts'
import type { Condition } from '../../kube/types/meta.ts'

/**
 * The conditions with one set. One of the same status and reason stays as it is; the time of transition is kept while
 * the status is the same (upstream's SetDeploymentCondition).
 *
 * @param now Milliseconds since the epoch.
 */
export function withCondition(
  conditions: readonly Condition[],
  condition: Pick<Condition, 'type' | 'status'> & { readonly reason: string; readonly message: string },
  now: number,
): readonly Condition[] {
  const known = conditions.find(({ type }) => type === condition.type)
  if (known?.status === condition.status && known.reason === condition.reason) return conditions
  return refreshedCondition(conditions, condition, now)
}

/** Like {@link withCondition}, but a condition of the same status and reason is renewed: its update time is now. */
export function refreshedCondition(
  conditions: readonly Condition[],
  condition: Pick<Condition, 'type' | 'status'> & { readonly reason: string; readonly message: string },
  now: number,
): readonly Condition[] {
  const known = conditions.find(({ type }) => type === condition.type)
  const time = formatTime(now)
  const lastTransitionTime = known?.status === condition.status ? (known.lastTransitionTime ?? time) : time
  return [...without(conditions, condition.type), { ...condition, lastUpdateTime: time, lastTransitionTime }]
}

/** The conditions without those of a type. */
export function without(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.filter((condition) => condition.type !== type)
}
