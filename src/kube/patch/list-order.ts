import { jsonEqual } from './json.ts'

export interface ListOrder {
  /** Identities in the order that the patch wants (`$setElementOrder`). */
  readonly wanted: readonly unknown[]
  /** Identities in the order of the list before the patch. */
  readonly before: readonly unknown[]
  /** The item's merge key, or the item itself in a list of scalars. */
  identity(item: unknown): unknown
}

/**
 * Orders a merged list: items that the patch names stand as it names them; the others keep their order, and go ahead
 * of a named one only where they stood ahead of it before.
 */
export function orderList(items: readonly unknown[], { wanted, before, identity }: ListOrder): readonly unknown[] {
  const rank = (order: readonly unknown[], item: unknown) => {
    const index = order.findIndex((each) => jsonEqual(each, identity(item)))
    return index === -1 ? Number.POSITIVE_INFINITY : index
  }
  const ranked = items.map((item) => ({ item, wanted: rank(wanted, item), before: rank(before, item) }))
  const named = ranked.filter((each) => each.wanted < Number.POSITIVE_INFINITY).sort((a, b) => a.wanted - b.wanted)
  const others = ranked.filter((each) => each.wanted === Number.POSITIVE_INFINITY).sort((a, b) => a.before - b.before)
  const result: unknown[] = []
  for (const next of named) {
    const waiting = others.findIndex((other) => next.before === Number.POSITIVE_INFINITY || other.before >= next.before)
    result.push(...others.splice(0, waiting === -1 ? others.length : waiting).map(({ item }) => item), next.item)
  }
  return [...result, ...others.map(({ item }) => item)]
}
