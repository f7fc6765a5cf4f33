import type { Endpoint } from '../../kube/types/discovery.ts'
import { sameJson } from '../canonical-json.ts'

export interface Packing {
  /** What becomes of each existing list, in the same order; `emptied` has nothing left that is wanted. */
  readonly kept: readonly (readonly Endpoint[] | 'unchanged' | 'emptied')[]
  /** Lists to add. */
  readonly added: readonly (readonly Endpoint[])[]
}

interface Slot {
  readonly endpoints: Endpoint[]
  changed: boolean
}

/**
 * Distributes endpoints over lists of at most `max` with few lists changed (upstream's reconcileByPortMapping):
 *
 * 1. every endpoint stays where it is; a list changes when one of its endpoints did, or left;
 * 2. new endpoints go into lists that change anyway, the fullest first;
 * 3. a rest that fits into one list unchanged so far goes into the one it fills most; otherwise lists are added.
 *
 * Never rebalances.
 */
export function packEndpoints(
  existing: readonly (readonly Endpoint[])[],
  desired: readonly Endpoint[],
  max: number,
): Packing {
  const left = new Map(desired.map((endpoint) => [endpointKey(endpoint), endpoint]))
  const slots = existing.map((endpoints) => keepWanted(endpoints, left))
  const rest = [...left.values()]
  const changing = slots.filter((slot) => slot.changed && slot.endpoints.length > 0)
  for (const slot of changing.sort((a, b) => b.endpoints.length - a.endpoints.length)) fill(slot, rest, max)
  const added: Endpoint[][] = []
  while (rest.length > 0) {
    const target = rest.length < max ? tightestFit(slots, rest.length, max) : undefined
    if (target !== undefined) fill(target, rest, max)
    else added.push(rest.splice(0, max))
  }
  return {
    kept: slots.map((slot) => (slot.endpoints.length === 0 ? 'emptied' : slot.changed ? slot.endpoints : 'unchanged')),
    added,
  }
}

/** Identity of an endpoint: what it is, not how it does. */
export function endpointKey(endpoint: Endpoint): string {
  const { targetRef, hostname = '', addresses } = endpoint
  const sorted = addresses.length > 1 ? [...addresses].sort().join() : addresses[0]
  return `${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}/${hostname}/${sorted ?? ''}`
}

/** The endpoints of a list that are still wanted, as they are now; takes them out of `left`. */
function keepWanted(endpoints: readonly Endpoint[], left: Map<string, Endpoint>): Slot {
  const slot: Slot = { endpoints: [], changed: false }
  for (const old of endpoints) {
    const wanted = left.get(endpointKey(old))
    if (wanted === undefined) {
      slot.changed = true
      continue
    }
    left.delete(endpointKey(old))
    slot.endpoints.push(wanted)
    if (!sameJson(old, wanted)) slot.changed = true
  }
  return slot
}

function fill(slot: Slot, rest: Endpoint[], max: number): void {
  const taken = rest.splice(0, Math.max(0, max - slot.endpoints.length))
  if (taken.length === 0) return
  slot.endpoints.push(...taken)
  slot.changed = true
}

/** The unchanged list that has room for `count` more and ends up fullest. */
function tightestFit(slots: readonly Slot[], count: number, max: number): Slot | undefined {
  return slots
    .filter((slot) => !slot.changed && slot.endpoints.length + count <= max)
    .reduce<Slot | undefined>(
      (best, slot) => (best === undefined || slot.endpoints.length > best.endpoints.length ? slot : best),
      undefined,
    )
}
