/** Who stands in which slot: one each when all count alike, more for those with more weight, a table for Maglev. */
import { maglevSize, maglevTable, type Weighted } from './maglev.ts'
import type { Balancing } from './service-plan.ts'
import { assignSlots } from './slots.ts'

/** Slots of one list with weights; beyond, weights are rounded. */
const MAX_WEIGHTED_SLOTS = 1000

export interface Arrangement {
  readonly balancing: Balancing
  readonly slots: readonly string[]
}

export interface ArrangeOptions {
  readonly balancing: Balancing
  /** Occupants so far: who stays keeps the slot where that is possible. */
  readonly former: readonly string[]
  /** Size of a Maglev table. @default maglevSize */
  readonly maglevSlots?: ((endpoints: number) => number) | undefined
}

/** @param endpoints Each once, with weights of 1 and more. */
export function arrange(endpoints: readonly Weighted[], options: ArrangeOptions): Arrangement {
  const { balancing, former, maglevSlots = maglevSize } = options
  // One endpoint, or none, needs no choice.
  if (endpoints.length < 2) return { balancing: 'round-robin', slots: endpoints.map(({ key }) => key) }
  if (balancing === 'maglev') return { balancing, slots: maglevTable(endpoints, maglevSlots(endpoints.length)) }
  const [first] = endpoints
  if (endpoints.every(({ weight }) => weight === first?.weight)) {
    return {
      balancing,
      slots: assignSlots(
        former,
        endpoints.map(({ key }) => key),
      ),
    }
  }
  return { balancing, slots: smoothSlots(reduced(endpoints)) }
}

/**
 * Spreads the turns of each endpoint evenly over the whole: of weights 5, 1, 1 come a a b a c a a.
 * Source: nginx, "smooth weighted round-robin"
 */
export function smoothSlots(endpoints: readonly Weighted[]): readonly string[] {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
  const states = endpoints
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, weight }) => ({ key, weight, current: 0 }))
  return Array.from({ length: total }, () => {
    let chosen = states[0]
    for (const state of states) {
      state.current += state.weight
      if (chosen === undefined || state.current > chosen.current) chosen = state
    }
    if (chosen !== undefined) chosen.current -= total
    return chosen?.key ?? ''
  })
}

function reduced(endpoints: readonly Weighted[]): Weighted[] {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
  const divisor = endpoints.reduce((common, { weight }) => greatestCommonDivisor(common, weight), 0)
  const scale = Math.max(divisor, total / Math.max(MAX_WEIGHTED_SLOTS, endpoints.length))
  return endpoints.map(({ key, weight }) => ({ key, weight: Math.max(1, Math.round(weight / scale)) }))
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
