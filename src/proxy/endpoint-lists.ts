import { arrange } from './arrange.ts'
import { type CounterPool, DROP_CLASS, REJECT_CLASS } from './counter-pool.ts'
import type { ElementMap } from './element-map.ts'
import { backendData, bindingText, classOf, MAX_ORDINAL, numberOf, shardOf, slotKey } from './encoding.ts'
import { type Hints, NO_HINTS } from './hints.ts'
import { NumberPool } from './number-pool.ts'
import type { Backends, Balancing } from './service-plan.ts'

/** The endpoints of one scope of a Service port, as they stand in the kernel. */
export interface List {
  readonly number: number
  readonly class: number
  /** `addr . port` by slot. */
  readonly slots: readonly string[]
  /** Of a list with session affinity: what clients are bound to, by endpoint. */
  readonly ordinals?: ReadonlyMap<string, number>
  /** The ordinal given last, also when affinity was switched off since: it and those before are not given again soon. */
  readonly lastOrdinal?: number
}

/** What a list shall be. */
export interface ListWish {
  readonly backends: Backends
  readonly balancing: Balancing
  /** Session affinity; 0 is none. */
  readonly seconds: number
}

export interface EndpointListsOptions {
  readonly pool: CounterPool
  /** The maps of endpoints by shard. */
  readonly endpoints: readonly ElementMap[]
  readonly stickySlots: ElementMap
  readonly stickyEndpoints: ElementMap
  /** Size of a Maglev table. */
  readonly maglevSlots?: ((endpoints: number) => number) | undefined
}

/** Brings lists of endpoints into slots, and finds them numbers and chains. */
export class EndpointLists {
  readonly #options: EndpointListsOptions
  readonly #numbers = new NumberPool()
  #hints: Hints = NO_HINTS
  /** Whether clients may be bound to endpoints that left. */
  #orphans = false

  constructor(options: EndpointListsOptions) {
    this.#options = options
  }

  keepTo(hints: Hints): void {
    this.#hints = hints
    this.#orphans = true
    for (const number of hints.numbers()) this.#numbers.reserve(number)
  }

  forgetHints(): void {
    this.#hints = NO_HINTS
    this.#numbers.endReservations()
  }

  /** Whether an endpoint that clients may be bound to left since the last call. */
  takeOrphans(): boolean {
    const orphans = this.#orphans
    this.#orphans = false
    return orphans
  }

  /**
   * Makes `old` what is wished; what both have in common stays as it is.
   *
   * @param hint The value that led to the list in the kernel, when this process is new to it.
   * @throws FairleadError `KERNEL_FEATURE` when the kernel can hold no more; nothing is changed then.
   */
  set(wish: ListWish, old: List | undefined, hint?: string): List {
    const { endpoints, arrangement } = this.#arrange(wish, old?.slots ?? this.#formerSlots(hint))
    const number = old?.number ?? this.#numbers.acquire(hint === undefined ? undefined : numberOf(hint))
    const { slots, balancing } = arrangement
    const sticky = wish.seconds > 0 && slots.length > 0 && endpoints.length <= MAX_ORDINAL
    const seconds = sticky ? wish.seconds : 0
    const pick = { balancing, size: slots.length, shard: sticky ? 0 : shardOf(number), seconds }
    const serviceClass = this.#classFor({ wish, pick, number }, old, hint)
    const given = sticky ? this.#ordinalsFor(endpoints, number, old) : lastOf(old)
    const { ordinals } = given
    this.#writeSlots(number, old, { slots, ordinals })
    return { number, slots, class: serviceClass, ...given }
  }

  drop(list: List): void {
    this.#writeSlots(list.number, list, { slots: [], ordinals: undefined })
    this.#options.pool.release(list.class)
    this.#numbers.release(list.number)
  }

  #arrange({ backends, balancing }: ListWish, former: readonly string[]) {
    const wanted = backends.kind === 'endpoints' ? backends.endpoints : []
    const endpoints = wanted.map(({ address, port, weight = 1 }) => ({ key: backendData(address, port), weight }))
    const { maglevSlots } = this.#options
    return { endpoints, arrangement: arrange(endpoints, { balancing, former, maglevSlots }) }
  }

  #formerSlots(hint: string | undefined): readonly string[] {
    return hint === undefined ? [] : this.#hints.slots(numberOf(hint))
  }

  #classFor({ wish, pick, number }: ClassWish, old: List | undefined, hint: string | undefined): number {
    const { pool } = this.#options
    const fixed = fixedClass(wish.backends)
    if (old !== undefined && fixed === undefined && pool.picks(old.class, pick)) return old.class
    if (old !== undefined) pool.release(old.class)
    if (fixed !== undefined) return fixed
    try {
      return pool.acquire(pick, hint === undefined ? undefined : classOf(hint))
    } catch (error) {
      if (old === undefined) this.#numbers.release(number)
      else pool.retain(old.class)
      throw error
    }
  }

  /** Who stays keeps the ordinal; who is new gets one that was not used for as long as possible. */
  #ordinalsFor(endpoints: readonly { readonly key: string }[], number: number, old: List | undefined): GivenOrdinals {
    const former = old?.ordinals ?? this.#hints.ordinals(number)
    const taken = new Set(former.values())
    // Of those that go now, too: there are at least as many ordinals as endpoints, but not twice as many.
    if (taken.size + endpoints.length > MAX_ORDINAL) taken.clear()
    for (const { key } of endpoints) taken.add(former.get(key) ?? 0)
    let lastOrdinal = old?.lastOrdinal ?? Math.max(0, ...taken)
    const ordinals = new Map<string, number>()
    for (const { key } of endpoints) {
      let ordinal = former.get(key)
      while (ordinal === undefined) {
        lastOrdinal = (lastOrdinal % MAX_ORDINAL) + 1
        if (!taken.has(lastOrdinal)) ordinal = lastOrdinal
      }
      taken.add(ordinal)
      ordinals.set(key, ordinal)
    }
    return { ordinals, lastOrdinal }
  }

  #writeSlots(number: number, before: Slots | undefined, now: Slots): void {
    const { endpoints, stickySlots } = this.#options
    const plain = endpoints[shardOf(number)]
    const mapOf = ({ ordinals }: Slots) => (ordinals === undefined ? plain : stickySlots)
    const old = before === undefined ? undefined : mapOf(before)
    const length = Math.max(now.slots.length, before?.slots.length ?? 0)
    for (let slot = 0; slot < length; slot += 1) {
      const was = before === undefined ? undefined : occupantOf(before, slot, number)
      const occupant = occupantOf(now, slot, number)
      if (old === mapOf(now) && was === occupant) continue
      const key = slotKey(number, slot)
      if (was !== undefined) old?.delete(key)
      if (occupant !== undefined) mapOf(now)?.put(key, { data: occupant })
    }
    this.#writeBindings(number, before?.ordinals, now.ordinals)
  }

  #writeBindings(number: number, before: Slots['ordinals'], now: Slots['ordinals']): void {
    if (before === undefined && now === undefined) return
    const { stickyEndpoints } = this.#options
    for (const [key, ordinal] of before ?? []) {
      if (now?.get(key) === ordinal) continue
      stickyEndpoints.delete(bindingText(ordinal, number))
      this.#orphans = true
    }
    for (const [key, ordinal] of now ?? []) stickyEndpoints.put(bindingText(ordinal, number), { data: key })
  }
}

interface Slots {
  readonly slots: readonly string[]
  readonly ordinals?: ReadonlyMap<string, number> | undefined
}

type GivenOrdinals = Pick<List, 'ordinals' | 'lastOrdinal'>

function lastOf(old: List | undefined): GivenOrdinals {
  return old?.lastOrdinal === undefined ? {} : { lastOrdinal: old.lastOrdinal }
}

interface ClassWish {
  readonly wish: ListWish
  readonly pick: Parameters<CounterPool['acquire']>[0]
  readonly number: number
}

function fixedClass({ kind }: Backends): number | undefined {
  if (kind === 'endpoints') return undefined
  return kind === 'reject' ? REJECT_CLASS : DROP_CLASS
}

/** What the element of a slot says: the endpoint, or what a client of it is bound to. */
function occupantOf({ slots, ordinals }: Slots, slot: number, number: number): string | undefined {
  const key = slots[slot]
  if (key === undefined || ordinals === undefined) return key
  return bindingText(ordinals.get(key) ?? 0, number)
}
