/** What of the kernel's state a new process should keep to: numbers, counters and slots. */
import type { ListedElement } from '../linux/nftables/program.ts'
import { fromListed } from './element-map.ts'
import { wordAt } from './encoding.ts'
import type { LayoutSets } from './layout.ts'

export interface Hints {
  /** The data under a frontend's key in one of the `services` maps. */
  frontend(map: keyof LayoutSets, key: string): string | undefined
  /** Occupants of the slots of a number, by slot; '' for an empty one. */
  slots(number: number): readonly string[]
}

export const NO_HINTS: Hints = { frontend: () => undefined, slots: () => [] }

/**
 * @param services Elements of the maps from frontends to numbers.
 * @param endpoints Elements of the maps from number and slot to endpoint.
 */
export function readHints(
  services: ReadonlyMap<keyof LayoutSets, readonly ListedElement[]>,
  endpoints: readonly ListedElement[],
): Hints {
  const frontends = new Map<keyof LayoutSets, Map<string, string>>()
  for (const [name, elements] of services) frontends.set(name, new Map(elements.map(textPair)))
  const slots = new Map<number, string[]>()
  for (const listed of endpoints) {
    const [key, data] = textPair(listed)
    const number = wordAt(key, 0)
    const occupants = slots.get(number) ?? []
    occupants[wordAt(key, 4)] = data
    slots.set(number, occupants)
  }
  return {
    frontend: (map, key) => frontends.get(map)?.get(key),
    slots: (number) => Array.from(slots.get(number) ?? [], (occupant) => occupant ?? ''),
  }
}

function textPair(listed: ListedElement): [string, string] {
  const [key, { data }] = fromListed(listed)
  return [key, data ?? '']
}
