/** What of the kernel's state a new process should keep to: numbers, counters and slots. */
import type { ListedElement } from '../linux/nftables/program.ts'
import { fromListed, type StoredElement } from './element-map.ts'
import { numberOf, wordAt } from './encoding.ts'
import type { LayoutSets } from './layout.ts'

export interface Hints {
  /** The data under a frontend's key in one of the `services` maps, if it was the same owner's. */
  frontend(map: keyof LayoutSets, key: string, comment: string): string | undefined
  /** Numbers in use. */
  numbers(): Iterable<number>
  /** Occupants of the slots of a number, by slot; '' for an empty one. */
  slots(number: number): readonly string[]
}

export const NO_HINTS: Hints = { frontend: () => undefined, numbers: () => [], slots: () => [] }

/**
 * @param services Elements of the maps from frontends to numbers.
 * @param endpoints Elements of the maps from number and slot to endpoint.
 */
export function readHints(
  services: ReadonlyMap<keyof LayoutSets, readonly ListedElement[]>,
  endpoints: readonly ListedElement[],
): Hints {
  const frontends = new Map<keyof LayoutSets, Map<string, StoredElement>>()
  for (const [name, elements] of services) frontends.set(name, new Map(elements.map(fromListed)))
  const slots = new Map<number, string[]>()
  for (const listed of endpoints) {
    const [key, { data = '' }] = fromListed(listed)
    const number = wordAt(key, 0)
    const occupants = slots.get(number) ?? []
    occupants[wordAt(key, 4)] = data
    slots.set(number, occupants)
  }
  return {
    frontend(map, key, comment) {
      const found = frontends.get(map)?.get(key)
      return found?.comment === comment ? found.data : undefined
    },
    numbers: () => [...slots.keys(), ...numbersOf(frontends.values())],
    slots: (number) => Array.from(slots.get(number) ?? [], (occupant) => occupant ?? ''),
  }
}

function* numbersOf(maps: Iterable<ReadonlyMap<string, StoredElement>>): Generator<number> {
  for (const map of maps) {
    for (const { data } of map.values()) if (data !== undefined) yield numberOf(data)
  }
}
