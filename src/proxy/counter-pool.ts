import { FairleadError } from '../base/error.ts'
import type { NftBatch } from '../linux/nftables/batch.ts'
import type { Rule } from '../linux/nftables/program.ts'
import type { ElementMap } from './element-map.ts'
import { classKey, classOf, LOCAL_SLOTS, MAX_CLASS } from './encoding.ts'
import { counterRule, DROP_CHAIN, type Layout, REJECT_CHAIN } from './layout.ts'
import type { Family } from './service-plan.ts'

/** Counters made before Service ports begin to share them. The kernel's time to load chains grows with their square. */
export const COUNTERS = 2000

export const REJECT_CLASS = 0
export const DROP_CLASS = 1
const FIRST_CLASS = 2

export type Scope = 'cluster' | 'local'

/** A chain `rr-<n>-<k>` (`rr-local-<n>-<k>`), whose rule holds the counter that takes n slots in turn. */
interface Counter {
  readonly class: number
  readonly chain: string
  readonly size: number
  readonly scope: Scope
  users: number
}

/** All counters of one size and scope. */
interface Group {
  /** Counters by number of users: those at index 0 are free. */
  readonly byUsers: Set<Counter>[]
  last: number
}

export interface CounterPoolOptions {
  readonly family: Family
  readonly layout: Layout
  /** The `chains` map. */
  readonly elements: ElementMap
  /** @default COUNTERS */
  readonly limit?: number
}

/**
 * Round-robin counters. The kernel keeps a counter per rule, so a Service port that must see 0, 1, 0, 1 needs a rule of
 * its own. Each gets one while they last; then those with the fewest users are shared.
 */
export class CounterPool {
  readonly #options: CounterPoolOptions
  readonly #limit: number
  readonly #counters = new Map<number, Counter>()
  readonly #groups = new Map<string, Group>()
  readonly #added = new Map<string, Counter>()
  readonly #deleted = new Set<string>()
  #nextClass = FIRST_CLASS
  #freeClasses: number[] = []

  constructor(options: CounterPoolOptions) {
    this.#options = options
    this.#limit = options.limit ?? COUNTERS
    options.elements.put(classKey(REJECT_CLASS), { data: REJECT_CHAIN })
    options.elements.put(classKey(DROP_CLASS), { data: DROP_CHAIN })
  }

  /** Number of counters. */
  get size(): number {
    return this.#counters.size
  }

  /** How many use the counter of this class. */
  usersOf(serviceClass: number): number {
    return this.#counters.get(serviceClass)?.users ?? 0
  }

  /** Names of the chains that must exist. */
  get chains(): string[] {
    return [...this.#counters.values()].map(({ chain }) => chain)
  }

  /** The rule that a counter chain must have; undefined for a chain that is none. */
  ruleOf(chain: string): Rule | undefined {
    const parsed = parseChain(chain)
    return parsed && counterRule(this.#options.layout.ref, this.#options.family, { name: chain, ...parsed })
  }

  /** Takes over a counter that the kernel has; false for a chain that is none of ours. */
  adopt(classKeyText: string, chain: string): boolean {
    const parsed = parseChain(chain)
    const serviceClass = classOf(classKeyText)
    if (parsed === undefined || serviceClass < FIRST_CLASS || this.#counters.has(serviceClass)) return false
    const { scope, size, k } = parsed
    const group = this.#group(scope, size)
    group.last = Math.max(group.last, k)
    this.#insert(group, { class: serviceClass, chain, size, scope, users: 0 })
    for (; this.#nextClass <= serviceClass; this.#nextClass += 1) {
      if (this.#nextClass !== serviceClass) this.#freeClasses.push(this.#nextClass)
    }
    this.#freeClasses = this.#freeClasses.filter((free) => free !== serviceClass)
    return true
  }

  /**
   * A counter over `size` slots.
   *
   * @param wanted Classes of which to have one again, if one fits.
   */
  acquire(scope: Scope, size: number, wanted: readonly number[] = []): number {
    const group = this.#group(scope, size)
    const counter = this.#wanted(scope, size, wanted) ?? this.#choose(group, scope, size)
    this.#move(group, counter, counter.users + 1)
    return counter.class
  }

  release(serviceClass: number): void {
    const counter = this.#counters.get(serviceClass)
    if (counter !== undefined) this.#move(this.#group(counter.scope, counter.size), counter, counter.users - 1)
  }

  /** Creates the chains that new elements of the `chains` map lead to. */
  writeAdds(batch: NftBatch): void {
    for (const counter of this.#added.values()) this.#write(batch, counter)
  }

  /** Deletes chains; nothing leads to them once the elements are deleted. */
  writeDeletes(batch: NftBatch): void {
    for (const name of this.#deleted) {
      batch.flushChain({ ...this.#options.layout.ref, name })
      batch.deleteChain({ ...this.#options.layout.ref, name })
    }
  }

  committed(): void {
    this.#added.clear()
    this.#deleted.clear()
  }

  /** Takes these chains as what the kernel has, so that the next transaction makes the difference. */
  compare(existing: ReadonlySet<string>, fixed: ReadonlySet<string>): void {
    this.committed()
    const wanted = new Set(this.chains)
    for (const counter of this.#counters.values())
      if (!existing.has(counter.chain)) this.#added.set(counter.chain, counter)
    for (const name of existing) if (!wanted.has(name) && !fixed.has(name)) this.#deleted.add(name)
  }

  #write(batch: NftBatch, { chain, size, scope }: Counter): void {
    const { layout, family } = this.#options
    const offset = offsetOf(scope)
    batch.addChain({ ...layout.ref, name: chain })
    batch.addRule(counterRule(layout.ref, family, { name: chain, size, offset }))
  }

  #wanted(scope: Scope, size: number, wanted: readonly number[]): Counter | undefined {
    for (const serviceClass of wanted) {
      const counter = this.#counters.get(serviceClass)
      if (counter !== undefined && counter.scope === scope && counter.size === size) return counter
    }
    return undefined
  }

  #choose(group: Group, scope: Scope, size: number): Counter {
    // One endpoint needs no counter of its own: everybody gets slot 0.
    const existing = size === 1 ? fewestUsers(group) : first(group.byUsers[0])
    if (existing !== undefined) return existing
    if (this.#counters.size < this.#limit) return this.#create(group, scope, size)
    const shared = fewestUsers(group)
    if (shared !== undefined) return shared
    this.#evict()
    return this.#create(group, scope, size)
  }

  #create(group: Group, scope: Scope, size: number): Counter {
    const serviceClass = this.#freeClasses.pop() ?? this.#nextClass
    if (serviceClass > MAX_CLASS) {
      throw new FairleadError(
        'KERNEL_FEATURE',
        `Cannot make a counter over ${size} endpoints: all ${MAX_CLASS} are in use`,
      )
    }
    if (serviceClass === this.#nextClass) this.#nextClass += 1
    group.last += 1
    const chain = `rr-${scope === 'local' ? 'local-' : ''}${size}-${group.last}`
    const counter = { class: serviceClass, chain, size, scope, users: 0 }
    this.#insert(group, counter)
    this.#added.set(chain, counter)
    return counter
  }

  #insert(group: Group, counter: Counter): void {
    this.#counters.set(counter.class, counter)
    usersSet(group, 0).add(counter)
    this.#options.elements.put(classKey(counter.class), { data: counter.chain })
  }

  /** Gives up a counter that nobody uses, of whatever size. */
  #evict(): void {
    for (const group of this.#groups.values()) {
      const counter = first(group.byUsers[0])
      if (counter === undefined) continue
      group.byUsers[0]?.delete(counter)
      this.#counters.delete(counter.class)
      this.#freeClasses.push(counter.class)
      this.#options.elements.delete(classKey(counter.class))
      if (!this.#added.delete(counter.chain)) this.#deleted.add(counter.chain)
      return
    }
  }

  #move(group: Group, counter: Counter, users: number): void {
    group.byUsers[counter.users]?.delete(counter)
    counter.users = users
    usersSet(group, users).add(counter)
  }

  #group(scope: Scope, size: number): Group {
    const key = `${scope} ${size}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { byUsers: [], last: 0 }
      this.#groups.set(key, group)
    }
    return group
  }
}

function parseChain(chain: string): { scope: Scope; size: number; k: number; offset: number } | undefined {
  const match = /^rr-(local-)?([1-9]\d*)-([1-9]\d*)$/.exec(chain)
  if (match === null) return undefined
  const scope: Scope = match[1] === undefined ? 'cluster' : 'local'
  return { scope, size: Number(match[2]), k: Number(match[3]), offset: offsetOf(scope) }
}

function offsetOf(scope: Scope): number {
  return scope === 'local' ? LOCAL_SLOTS : 0
}

function usersSet(group: Group, users: number): Set<Counter> {
  for (let i = group.byUsers.length; i <= users; i += 1) group.byUsers.push(new Set())
  return group.byUsers[users] ?? new Set()
}

function fewestUsers(group: Group): Counter | undefined {
  for (const counters of group.byUsers) {
    const counter = first(counters)
    if (counter !== undefined) return counter
  }
  return undefined
}

function first<T>(set: ReadonlySet<T> | undefined): T | undefined {
  if (set === undefined) return undefined
  for (const item of set) return item
  return undefined
}
