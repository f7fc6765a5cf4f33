/** What of the kernel's state a new process should keep to: numbers, counters and slots. */
import type { ListedElement } from '../linux/nftables/program.ts'
import { fromListed, type StoredElement } from './element-map.ts'
import { classOf, numberOf, wordAt } from './encoding.ts'
import type { LayoutSets } from './layout.ts'

export interface Hints {
  /** The data under a frontend's key in one of the `services` maps, if it was the same owner's. */
  frontend(map: keyof LayoutSets, key: string, comment: string): string | undefined
  /** Numbers in use. */
  numbers(): Iterable<number>
  /** Occupants of the slots of a number, by slot; '' for an empty one. */
  slots(number: number): readonly string[]
  /** Ordinals of the endpoints of a list with session affinity: clients are bound to them. */
  ordinals(number: number): ReadonlyMap<string, number>
}

/** What the kernel has of lists with session affinity. */
export interface StickyElements {
  readonly slots: readonly ListedElement[]
  readonly endpoints: readonly ListedElement[]
}

const NO_ORDINALS: ReadonlyMap<string, number> = new Map()

export const NO_HINTS: Hints = {
  frontend: () => undefined,
  numbers: () => [],
  slots: () => [],
  ordinals: () => NO_ORDINALS,
}

/**
 * @param services Elements of the maps from frontends to numbers.
 * @param endpoints Elements of the maps from number and slot to endpoint.
 */
export function readHints(
  services: ReadonlyMap<keyof LayoutSets, readonly ListedElement[]>,
  endpoints: readonly ListedElement[],
  sticky: StickyElements = { slots: [], endpoints: [] },
): Hints {
  const frontends = new Map<keyof LayoutSets, Map<string, StoredElement>>()
  for (const [name, elements] of services) frontends.set(name, new Map(elements.map(fromListed)))
  const slots = new Map<number, string[]>()
  const occupy = (key: string, occupant: string) => {
    const number = wordAt(key, 0)
    const occupants = slots.get(number) ?? []
    occupants[wordAt(key, 4)] = occupant
    slots.set(number, occupants)
  }
  for (const [key, { data = '' }] of endpoints.map(fromListed)) occupy(key, data)
  const bound = new Map(sticky.endpoints.map(fromListed).map(([key, { data = '' }]) => [key, data]))
  for (const [key, { data = '' }] of sticky.slots.map(fromListed)) occupy(key, bound.get(data) ?? '')
  const ordinals = ordinalsOf(bound)
  return {
    frontend(map, key, comment) {
      const found = frontends.get(map)?.get(key)
      return found?.comment === comment ? found.data : undefined
    },
    numbers: () => [...slots.keys(), ...ordinals.keys(), ...numbersOf(frontends.values())],
    ordinals: (number) => ordinals.get(number) ?? NO_ORDINALS,
    slots: (number) => Array.from(slots.get(number) ?? [], (occupant) => occupant ?? ''),
  }
}

function ordinalsOf(bound: ReadonlyMap<string, string>): Map<number, Map<string, number>> {
  const ordinals = new Map<number, Map<string, number>>()
  for (const [binding, endpoint] of bound) {
    const number = numberOf(binding)
    const ofList = ordinals.get(number) ?? new Map<string, number>()
    ofList.set(endpoint, classOf(binding))
    ordinals.set(number, ofList)
  }
  return ordinals
}

function* numbersOf(maps: Iterable<ReadonlyMap<string, StoredElement>>): Generator<number> {
  for (const map of maps) {
    for (const { data } of map.values()) if (data !== undefined) yield numberOf(data)
  }
}
