import { setCondition } from '../../kube/conditions.ts'
import type { Resource } from '../../kube/resource.ts'
import type { Condition, KubeObject } from '../../kube/types/meta.ts'

/** Objects of one kind that are still in a namespace. */
export interface RemainingContent {
  readonly resource: Resource<KubeObject>
  readonly count: number
  /** The finalizers that hold them, one entry per object and finalizer. */
  readonly finalizers: readonly string[]
}

/**
 * The conditions that say why a namespace does not go, in upstream's words.
 *
 * @param now Milliseconds since the epoch. @returns The same list when nothing changed.
 */
export function contentConditions(
  conditions: readonly Condition[] | undefined,
  remaining: readonly RemainingContent[],
  now: number,
): readonly Condition[] | undefined {
  const content = remaining.map(({ resource, count }) => `${qualified(resource)} has ${count} resource instances`)
  const next = setCondition(
    conditions,
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${content.sort().join(', ')}`,
    },
    now,
  )
  const held = countFinalizers(remaining)
  if (held.length === 0) return next
  const message = `Some content in the namespace has finalizers remaining: ${held.join(', ')}`
  const condition = { type: 'NamespaceFinalizersRemaining', status: 'True', reason: 'SomeFinalizersRemain' } as const
  return setCondition(next, { ...condition, message }, now)
}

function qualified({ plural, group }: Resource<KubeObject>): string {
  return `${plural}.${group}`
}

function countFinalizers(remaining: readonly RemainingContent[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const finalizer of remaining.flatMap(({ finalizers }) => finalizers)) {
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1)
  }
  return [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).sort()
}
