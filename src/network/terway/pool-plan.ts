/** An interface of the node whose addresses pods get, as the cloud says. */
export interface PoolInterface {
  /** `eni-…` */
  readonly id: string
  readonly macAddress: string
  /** The primary one first; pods get it too. */
  readonly addresses: readonly string[]
}

/** What the node may have, and how much of it is kept ready. */
export interface PoolLimits {
  /** Interfaces beside the primary one. */
  readonly interfaces: number
  /** These are `max_eni`, fewer than the instance's type allows. */
  readonly isCapped?: boolean
  /** Addresses of each, its primary one included. */
  readonly addressesPerInterface: number
  /** So many addresses are free at any time, while the limits allow it (`min_pool_size`). */
  readonly minFree: number
  /** More are given back (`max_pool_size`). */
  readonly maxFree: number
}

/** Terway's `max_pool_size` and `min_pool_size`. */
export const DEFAULT_POOL = { minFree: 0, maxFree: 5 } as const

export interface PoolView {
  readonly interfaces: readonly PoolInterface[]
  /** What pods have, or have had until a moment ago. */
  readonly taken: ReadonlySet<string>
  /** How many pods wait for an address. */
  readonly waiting: number
}

/** The next thing to do, one at a time. */
export type PoolStep =
  | { readonly kind: 'assign'; readonly interfaceId: string; readonly count: number }
  | { readonly kind: 'create'; readonly count: number }
  | { readonly kind: 'unassign'; readonly interfaceId: string; readonly addresses: readonly string[] }
  | { readonly kind: 'remove'; readonly interfaceId: string }
  /** Pods wait, and the instance's type allows no more addresses. */
  | { readonly kind: 'full' }

/** Most addresses that one call asks for. */
const BATCH = 10

/** What brings the number of free addresses between the marks; undefined when it is there. */
export function planPool(view: PoolView, limits: PoolLimits): PoolStep | undefined {
  const free = view.interfaces.flatMap(({ addresses }) => freeOf(view, addresses)).length
  const lacking = Math.max(limits.minFree, view.waiting) - free
  if (lacking > 0) return more(view, limits, lacking) ?? (view.waiting > free ? { kind: 'full' } : undefined)
  return view.waiting > 0 ? undefined : fewer(view, limits, free)
}

/** How many pods can have an address: what Terway computes for a node. */
export function maximumPods({ interfaces, addressesPerInterface }: PoolLimits): number {
  return interfaces * addressesPerInterface
}

function more(view: PoolView, limits: PoolLimits, lacking: number): PoolStep | undefined {
  const count = Math.min(lacking, BATCH, limits.addressesPerInterface)
  const roomy = view.interfaces.find(({ addresses }) => addresses.length < limits.addressesPerInterface)
  if (roomy !== undefined) {
    const room = limits.addressesPerInterface - roomy.addresses.length
    return { kind: 'assign', interfaceId: roomy.id, count: Math.min(count, room) }
  }
  return view.interfaces.length < limits.interfaces ? { kind: 'create', count } : undefined
}

/** Gives back of the interface with the fewest pods, so that one may become empty and go. */
function fewer(view: PoolView, limits: PoolLimits, free: number): PoolStep | undefined {
  const excess = free - limits.maxFree
  if (excess <= 0) return undefined
  const takenOf = ({ addresses }: PoolInterface) => addresses.length - freeOf(view, addresses).length
  for (const card of [...view.interfaces].sort((a, b) => takenOf(a) - takenOf(b))) {
    if (takenOf(card) === 0 && card.addresses.length <= excess) return { kind: 'remove', interfaceId: card.id }
    const addresses = freeOf(view, card.addresses.slice(1)).slice(-excess)
    if (addresses.length > 0) return { kind: 'unassign', interfaceId: card.id, addresses }
  }
  return undefined
}

function freeOf({ taken }: PoolView, addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => !taken.has(address))
}
