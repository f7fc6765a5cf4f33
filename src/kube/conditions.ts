import { formatTime } from '../base/time.ts'
import type { Condition } from './types/meta.ts'

/** The condition of a type, if there is one. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** Whether there is a condition of the type and it is `True`. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True'
}

/**
 * The conditions with one set: in the place of the one of its type, else at the end. `lastTransitionTime` is the time
 * at which the status changed: the old one's while the status is the same, else the given one's or now.
 *
 * @param now Milliseconds since the epoch.
 * @returns The same list when nothing changed.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Condition,
  now: number,
): readonly Condition[] {
  const old = findCondition(conditions, condition.type)
  const since = old?.status === condition.status ? old.lastTransitionTime : condition.lastTransitionTime
  const next: Condition = { ...old, ...condition, lastTransitionTime: since ?? formatTime(now) }
  if (old === undefined) return [...(conditions ?? []), next]
  if (conditions === undefined || isSame(old, next)) return conditions ?? [next]
  return conditions.map((each) => (each === old ? next : each))
}

function isSame(a: Condition, b: Condition): boolean {
  const fields = Object.keys(b) as (keyof Condition)[]
  return fields.every((field) => a[field] === b[field])
}
