/** Reads from the kernel's elements what a new process should keep to: numbers, counters and slots. */
import type { ListedElement } from '../linux/nftables/program.ts'
import { fromListed } from './element-map.ts'
import { classOf, LOCAL_SLOTS, numberOf, wordAt } from './encoding.ts'
import type { Hint, Hints } from './family-table.ts'

interface Slots {
  readonly cluster: string[]
  readonly local: string[]
}

/**
 * @param services Elements of all maps from frontends to numbers.
 * @param endpoints Elements of the map from number and slot to endpoint.
 */
export function readHints(services: readonly ListedElement[], endpoints: readonly ListedElement[]): Hints {
  const frontends = new Map<string, Hint>()
  for (const listed of services) {
    const [key, { data }] = fromListed(listed)
    if (data === undefined) continue
    const known = frontends.get(key)
    frontends.set(key, { number: numberOf(data), classes: [...(known?.classes ?? []), classOf(data)] })
  }
  const slots = new Map<number, Slots>()
  for (const listed of endpoints) {
    const [key, { data }] = fromListed(listed)
    if (data === undefined) continue
    const occupants = slotsOf(slots, wordAt(key, 0))
    const slot = wordAt(key, 4)
    if (slot >= LOCAL_SLOTS) occupants.local[slot - LOCAL_SLOTS] = data
    else occupants.cluster[slot] = data
  }
  return {
    frontend: (key) => frontends.get(key),
    slots: (number, scope) => Array.from(slots.get(number)?.[scope] ?? [], (occupant) => occupant ?? ''),
  }
}

function slotsOf(slots: Map<number, Slots>, number: number): Slots {
  let occupants = slots.get(number)
  if (occupants === undefined) {
    occupants = { cluster: [], local: [] }
    slots.set(number, occupants)
  }
  return occupants
}
