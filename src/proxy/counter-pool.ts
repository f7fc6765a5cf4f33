import { FairleadError } from '../base/error.ts'
import type { NftBatch } from '../linux/nftables/batch.ts'
import type { Expression } from '../linux/nftables/expression.ts'
import type { Rule } from '../linux/nftables/program.ts'
import type { ElementMap } from './element-map.ts'
import { classKey, classOf, MAX_CLASS, SHARDS } from './encoding.ts'
import { DROP_CHAIN, type Layout, REJECT_CHAIN } from './layout.ts'
import { type Pick, parsePickChain, pickChainName, pickRules } from './pick-chains.ts'
import type { Family } from './service-plan.ts'

/** Counters made before Service ports begin to share them. The kernel's time to add endpoints grows with them. */
export const COUNTERS = 2000

/** Of them, those of lists with session affinity: it hides who is next, and their chains have more rules. */
const STICKY_COUNTERS = 200

export const REJECT_CLASS = 0
export const DROP_CLASS = 1
const FIRST_CLASS = 2

interface Counter extends Pick {
  readonly name: string
  readonly class: number
  users: number
}

/** All counters that pick alike. */
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
 * Pick chains, most of them round-robin counters: chains `rr-<n>-<k>`, whose rule takes n slots in turn (k modulo
 * {@link SHARDS} is the shard of the endpoints). The kernel keeps a counter per rule, so a Service port that must see
 * 0, 1, 0, 1 needs a rule of its own. Each gets one while they last; then those with the fewest users are shared. Chance
 * and hashes keep no count: one chain of a kind is enough.
 */
export class CounterPool {
  readonly #options: CounterPoolOptions
  readonly #limit: number
  readonly #counters = new Map<number, Counter>()
  readonly #groups = new Map<number | string, Group>()
  readonly #rules = new Map<number | string, readonly (readonly Expression[])[]>()
  #sticky = 0
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

  /** How many share the turns of this class; 0 where nobody counts turns: with one slot, by chance and by hashes. */
  sharersOf(serviceClass: number): number {
    const counter = this.#counters.get(serviceClass)
    return counter === undefined || !countsTurns(counter) ? 0 : counter.users
  }

  /** Whether the chain of this class picks so. */
  picks(serviceClass: number, pick: Pick): boolean {
    const counter = this.#counters.get(serviceClass)
    return counter !== undefined && samePick(counter, pick)
  }

  /** Names of the chains that must exist, with their rules. */
  *chains(): Generator<readonly [name: string, rules: readonly Rule[]]> {
    for (const counter of this.#counters.values()) yield [counter.name, this.#rulesOf(counter)]
  }

  /** Takes over a counter that the kernel has; false for a chain that is none of ours. */
  adopt(classKeyText: string, chain: string): boolean {
    const parsed = parsePickChain(chain)
    const serviceClass = classOf(classKeyText)
    if (parsed === undefined || serviceClass < FIRST_CLASS || this.#counters.has(serviceClass)) return false
    const { k, ...pick } = parsed
    const group = this.#group(pick)
    group.last = Math.max(group.last, k)
    this.#insert(group, { ...pick, name: chain, class: serviceClass, users: 0 })
    for (; this.#nextClass <= serviceClass; this.#nextClass += 1) {
      if (this.#nextClass !== serviceClass) this.#freeClasses.push(this.#nextClass)
    }
    this.#freeClasses = this.#freeClasses.filter((free) => free !== serviceClass)
    return true
  }

  /**
   * The class of a chain that picks so.
   *
   * @param wanted Class to have again, if it fits.
   * @throws FairleadError `KERNEL_FEATURE`
   */
  acquire(pick: Pick, wanted?: number): number {
    const group = this.#group(pick)
    const former = wanted === undefined ? undefined : this.#counters.get(wanted)
    const counter = former !== undefined && samePick(former, pick) ? former : this.#choose(group, pick)
    move(group, counter, counter.users + 1)
    return counter.class
  }

  /** One user more of a chain that had one. */
  retain(serviceClass: number): void {
    const counter = this.#counters.get(serviceClass)
    if (counter !== undefined) move(this.#group(counter), counter, counter.users + 1)
  }

  release(serviceClass: number): void {
    const counter = this.#counters.get(serviceClass)
    if (counter !== undefined) move(this.#group(counter), counter, counter.users - 1)
  }

  /** Creates the chains that new elements of the `chains` map lead to. */
  writeAdds(batch: NftBatch): void {
    for (const counter of this.#added.values()) {
      batch.addChain({ ...this.#options.layout.ref, name: counter.name })
      for (const rule of this.#rulesOf(counter)) batch.addRule(rule)
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

  #rulesOf(counter: Counter): Rule[] {
    return this.#expressionsOf(counter).map((expressions) => ({
      ...this.#options.layout.ref,
      chain: counter.name,
      expressions,
    }))
  }

  /** The same arrays for all counters that do the same, so that they are encoded once. */
  #expressionsOf(pick: Pick): readonly (readonly Expression[])[] {
    const key = groupKey(pick)
    let rules = this.#rules.get(key)
    if (rules === undefined) {
      rules = pickRules(this.#options.family, pick)
      this.#rules.set(key, rules)
    }
    return rules
  }

  #choose(group: Group, pick: Pick): Counter {
    const fewest = fewestUsers(group)
    if (fewest !== undefined && (fewest.users === 0 || !countsTurns(pick))) return fewest
    if (fewest !== undefined && pick.seconds > 0 && this.#sticky >= STICKY_COUNTERS) return fewest
    if (this.#counters.size < this.#limit) return this.#create(group, pick)
    if (fewest !== undefined) return fewest
    this.#evict()
    return this.#create(group, pick)
  }

  #create(group: Group, pick: Pick): Counter {
    const { balancing, size, shard, seconds } = pick
    const serviceClass = this.#freeClasses.pop() ?? this.#nextClass
    if (serviceClass > MAX_CLASS) {
      throw new FairleadError(
        'KERNEL_FEATURE',
        `Cannot make a chain that picks one of ${size} slots: all ${MAX_CLASS} are in use`,
      )
    }
    if (serviceClass === this.#nextClass) this.#nextClass += 1
    group.last += group.last === 0 && shard > 0 ? shard : SHARDS
    const name = pickChainName(pick, group.last)
    const counter = { class: serviceClass, name, balancing, size, shard, seconds, users: 0 }
    this.#insert(group, counter)
    this.#added.set(counter.name, counter)
    return counter
  }

  #insert(group: Group, counter: Counter): void {
    if (counter.seconds > 0) this.#sticky += 1
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
      if (counter.seconds > 0) this.#sticky -= 1
      this.#freeClasses.push(counter.class)
      this.#options.elements.delete(classKey(counter.class))
      if (!this.#added.delete(counter.name)) this.#deleted.add(counter.name)
      return
    }
  }

  #group(pick: Pick): Group {
    const key = groupKey(pick)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { byUsers: [], fewest: 0, last: 0 }
      this.#groups.set(key, group)
    }
    return group
  }
}

/** A number for what is common. */
function groupKey({ balancing, size, shard, seconds }: Pick): number | string {
  if (balancing === 'round-robin' && seconds === 0) return size * SHARDS + shard
  return `${balancing} ${size} ${shard} ${seconds}`
}

/** One endpoint needs no counter of its own: everybody gets slot 0. */
function countsTurns({ balancing, size }: Pick): boolean {
  return balancing === 'round-robin' && size > 1
}

function samePick(a: Pick, b: Pick): boolean {
  return a.balancing === b.balancing && a.size === b.size && a.shard === b.shard && a.seconds === b.seconds
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
