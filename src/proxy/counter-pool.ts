import { FairleadError } from '../base/error.ts'
import type { NftBatch } from '../linux/nftables/batch.ts'
import type { Expression } from '../linux/nftables/expression.ts'
import type { Rule } from '../linux/nftables/program.ts'
import type { ElementMap } from './element-map.ts'
import { classKey, classOf, MAX_CLASS, SHARDS } from './encoding.ts'
import { type CounterChain, counterExpressions, DROP_CHAIN, type Layout, REJECT_CHAIN } from './layout.ts'
import type { Family } from './service-plan.ts'

/** Counters made before Service ports begin to share them. The kernel's time to add endpoints grows with them. */
export const COUNTERS = 2000

export const REJECT_CLASS = 0
export const DROP_CLASS = 1
const FIRST_CLASS = 2

interface Counter extends CounterChain {
  readonly class: number
  users: number
}

/** All counters of one size and shard. */
interface Group {
  /** Counters by number of users: those at index 0 are free. */
  readonly byUsers: Set<Counter>[]
  /** No counter has fewer users. */
  fewest: number
  /** Greatest k of a chain `rr-<n>-<k>`. */
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
 * Round-robin counters: chains `rr-<n>-<k>`, whose rule takes n slots in turn (k modulo {@link SHARDS} is the shard of
 * the endpoints). The kernel keeps a counter per rule, so a Service port that must see 0, 1, 0, 1 needs a rule of its
 * own. Each gets one while they last; then those with the fewest users are shared.
 */
export class CounterPool {
  readonly #options: CounterPoolOptions
  readonly #limit: number
  readonly #counters = new Map<number, Counter>()
  readonly #groups = new Map<number, Group>()
  readonly #expressions = new Map<number, readonly Expression[]>()
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

  /** Names of the chains that must exist, with their rules. */
  *chains(): Generator<readonly [name: string, rule: Rule]> {
    for (const counter of this.#counters.values()) yield [counter.name, this.#ruleOf(counter)]
  }

  /** Takes over a counter that the kernel has; false for a chain that is none of ours. */
  adopt(classKeyText: string, chain: string): boolean {
    const parsed = parseChain(chain)
    const serviceClass = classOf(classKeyText)
    if (parsed === undefined || serviceClass < FIRST_CLASS || this.#counters.has(serviceClass)) return false
    const { k, ...counter } = parsed
    const group = this.#group(counter.shard, counter.size)
    group.last = Math.max(group.last, k)
    this.#insert(group, { ...counter, class: serviceClass, users: 0 })
    for (; this.#nextClass <= serviceClass; this.#nextClass += 1) {
      if (this.#nextClass !== serviceClass) this.#freeClasses.push(this.#nextClass)
    }
    this.#freeClasses = this.#freeClasses.filter((free) => free !== serviceClass)
    return true
  }

  /**
   * A counter over `size` slots of endpoints in this shard.
   *
   * @param wanted Class to have again, if it fits.
   */
  acquire(shard: number, size: number, wanted?: number): number {
    const group = this.#group(shard, size)
    const former = wanted === undefined ? undefined : this.#counters.get(wanted)
    const fits = former?.shard === shard && former.size === size
    const counter = former !== undefined && fits ? former : this.#choose(group, shard, size)
    move(group, counter, counter.users + 1)
    return counter.class
  }

  release(serviceClass: number): void {
    const counter = this.#counters.get(serviceClass)
    if (counter !== undefined) move(this.#group(counter.shard, counter.size), counter, counter.users - 1)
  }

  /** Creates the chains that new elements of the `chains` map lead to. */
  writeAdds(batch: NftBatch): void {
    for (const counter of this.#added.values()) {
      batch.addChain({ ...this.#options.layout.ref, name: counter.name })
      batch.addRule(this.#ruleOf(counter))
    }
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
    const wanted = new Set<string>()
    for (const counter of this.#counters.values()) {
      wanted.add(counter.name)
      if (!existing.has(counter.name)) this.#added.set(counter.name, counter)
    }
    for (const name of existing) if (!wanted.has(name) && !fixed.has(name)) this.#deleted.add(name)
  }

  #ruleOf(counter: Counter): Rule {
    return { ...this.#options.layout.ref, chain: counter.name, expressions: this.#expressionsOf(counter) }
  }

  /** One array for all counters that do the same, so that it is encoded once. */
  #expressionsOf({ size, shard }: Counter): readonly Expression[] {
    const key = groupKey(shard, size)
    let expressions = this.#expressions.get(key)
    if (expressions === undefined) {
      expressions = counterExpressions(this.#options.family, { size, shard })
      this.#expressions.set(key, expressions)
    }
    return expressions
  }

  #choose(group: Group, shard: number, size: number): Counter {
    const fewest = fewestUsers(group)
    // One endpoint needs no counter of its own: everybody gets slot 0.
    if (fewest !== undefined && (fewest.users === 0 || size === 1)) return fewest
    if (this.#counters.size < this.#limit) return this.#create(group, shard, size)
    if (fewest !== undefined) return fewest
    this.#evict()
    return this.#create(group, shard, size)
  }

  #create(group: Group, shard: number, size: number): Counter {
    const serviceClass = this.#freeClasses.pop() ?? this.#nextClass
    if (serviceClass > MAX_CLASS) {
      throw new FairleadError(
        'KERNEL_FEATURE',
        `Cannot make a counter of ${size} endpoints: all ${MAX_CLASS} are in use`,
      )
    }
    if (serviceClass === this.#nextClass) this.#nextClass += 1
    group.last += group.last === 0 && shard > 0 ? shard : SHARDS
    const counter = { class: serviceClass, name: `rr-${size}-${group.last}`, size, shard, users: 0 }
    this.#insert(group, counter)
    this.#added.set(counter.name, counter)
    return counter
  }

  #insert(group: Group, counter: Counter): void {
    this.#counters.set(counter.class, counter)
    usersSet(group, 0).add(counter)
    group.fewest = 0
    this.#options.elements.put(classKey(counter.class), { data: counter.name })
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
      if (!this.#added.delete(counter.name)) this.#deleted.add(counter.name)
      return
    }
  }

  #group(shard: number, size: number): Group {
    const key = groupKey(shard, size)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { byUsers: [], fewest: 0, last: 0 }
      this.#groups.set(key, group)
    }
    return group
  }
}

function groupKey(shard: number, size: number): number {
  return size * SHARDS + shard
}

function parseChain(name: string): (CounterChain & { readonly k: number }) | undefined {
  const match = /^rr-([1-9]\d*)-([1-9]\d*)$/.exec(name)
  if (match === null) return undefined
  const k = Number(match[2])
  return { name, size: Number(match[1]), k, shard: k % SHARDS }
}

function move(group: Group, counter: Counter, users: number): void {
  group.byUsers[counter.users]?.delete(counter)
  counter.users = users
  usersSet(group, users).add(counter)
  group.fewest = Math.min(group.fewest, users)
}

function usersSet(group: Group, users: number): Set<Counter> {
  for (let i = group.byUsers.length; i <= users; i += 1) group.byUsers.push(new Set())
  return group.byUsers[users] ?? new Set()
}

function fewestUsers(group: Group): Counter | undefined {
  for (; group.fewest < group.byUsers.length; group.fewest += 1) {
    const counter = first(group.byUsers[group.fewest])
    if (counter !== undefined) return counter
  }
  group.fewest = 0
  return undefined
}

function first<T>(set: ReadonlySet<T> | undefined): T | undefined {
  if (set === undefined) return undefined
  for (const item of set) return item
  return undefined
}
