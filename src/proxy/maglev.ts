/**
 * Maglev's consistent hashing: a table whose slots are dealt out to endpoints so that each gets its share, and few slots
 * change hands when an endpoint comes or goes. The table depends on the endpoints alone: every node, and every restart,
 * makes the same one.
 * Source: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4
 */
import { FairleadError } from '../base/error.ts'

export interface Weighted {
  readonly key: string
  readonly weight: number
}

/**
 * Slots of a table for so many endpoints: a prime that is many times as large. It must not grow with every endpoint,
 * since another size deals all slots anew.
 */
export function maglevSize(endpoints: number): number {
  if (endpoints <= 100) return 2039
  return endpoints <= 800 ? 16381 : 65521
}

/**
 * The occupant of each slot.
 *
 * @param size A prime, not smaller than the number of endpoints.
 */
export function maglevTable(endpoints: readonly Weighted[], size: number): readonly string[] {
  if (endpoints.length === 0 || endpoints.length > size) {
    throw new FairleadError('BUG', `Cannot deal ${size} slots to ${endpoints.length} endpoints`)
  }
  const greatest = Math.max(...endpoints.map(({ weight }) => weight))
  const dealers = endpoints
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, weight }) => ({
      key,
      offset: hash(key, 0x9747b28c) % size,
      skip: (hash(key, 0x3c6ef372) % (size - 1)) + 1,
      next: 0,
      share: weight / greatest,
      // In the first round everybody takes one.
      credit: 1 - weight / greatest,
    }))
  const slots = new Array<string | undefined>(size).fill(undefined)
  for (let filled = 0; ; ) {
    for (const dealer of dealers) {
      // A share of 1 takes a slot each round, a smaller one in some rounds only.
      dealer.credit += dealer.share
      if (dealer.credit < 1 - 1e-9) continue
      dealer.credit -= 1
      let slot = (dealer.offset + dealer.next * dealer.skip) % size
      while (slots[slot] !== undefined) {
        dealer.next += 1
        slot = (dealer.offset + dealer.next * dealer.skip) % size
      }
      dealer.next += 1
      slots[slot] = dealer.key
      filled += 1
      if (filled === size) return slots.map((key) => key ?? '')
    }
  }
}

/** FNV-1a over the characters, then mixed, so that keys that differ in their last byte lie far apart. */
function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
