import { FairleadError } from '../base/error.ts'
import { History } from './history.ts'
import { compareKeys } from './key-order.ts'
import { SortedKeys } from './sorted-keys.ts'
import type { Entry, ListOptions, ListResult, StoreEvent } from './store.ts'

/** What a store holds, in memory: the newest version of every key, and the changes that led to it since compaction. */
export class VersionedState {
  readonly history: History
  #entries: Map<string, Entry>
  #keys: SortedKeys
  #revision: number

  /** @param base Every entry as of `compacted`, by key. */
  constructor(base: Map<string, Entry>, compacted: number) {
    this.#entries = base
    this.#keys = SortedKeys.of(base.keys())
    this.#revision = compacted
    this.history = new History(compacted)
  }

  get revision(): number {
    return this.#revision
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** Takes over changes that are durable, in order. */
  apply(events: readonly StoreEvent[]): void {
    for (const { key, entry, previous, revision } of events) {
      this.#revision = revision
      if (entry === undefined) {
        this.#entries.delete(key)
        this.#keys.delete(key)
        continue
      }
      this.#entries.set(key, entry)
      if (previous === undefined) this.#keys.add(key)
    }
    this.history.append(events)
  }

  /** {@link Store.list} */
  list(prefix: string, options: ListOptions): ListResult {
    const revision = options.revision ?? this.#revision
    this.requireReached(revision)
    this.history.requireKept(revision)
    const then = this.history.undo(revision, prefix)
    return then.size === 0 ? this.#listNow(prefix, revision, options) : this.#listThen(then, prefix, revision, options)
  }

  /** @throws FairleadError `INVALID_INPUT` when `revision` does not exist yet. */
  requireReached(revision: number): void {
    if (revision <= this.#revision) return
    throw new FairleadError('INVALID_INPUT', `Revision ${revision} does not exist yet; the newest is ${this.#revision}`)
  }

  #listNow(prefix: string, revision: number, { after, limit }: ListOptions): ListResult {
    const page = this.#keys.page(prefix, after, limit ?? Number.POSITIVE_INFINITY)
    return { revision, entries: this.#entriesOf(page.keys), remaining: page.remaining }
  }

  /** As of an older revision: today's keys, without those created since, with what changed since put back. */
  #listThen(then: Map<string, Entry | undefined>, prefix: string, revision: number, options: ListOptions): ListResult {
    const { after, limit = Number.POSITIVE_INFINITY } = options
    // So many keys that `limit` are left even when all that changed turn out not to have existed.
    const page = this.#keys.page(prefix, after, limit + then.size)
    const kept = this.#entriesOf(page.keys).filter(({ key }) => !then.has(key))
    const changed = [...then].filter(([key]) => after === undefined || compareKeys(key, after) > 0)
    const restored = changed.flatMap(([, entry]) => entry ?? [])
    const merged = [...kept, ...restored].sort((a, b) => compareKeys(a.key, b.key))
    const seen = new Set(page.keys)
    const unseenChanged = changed.filter(([key]) => this.#entries.has(key) && !seen.has(key)).length
    const total = kept.length + page.remaining - unseenChanged + restored.length
    const entries = merged.slice(0, limit)
    return { revision, entries, remaining: total - entries.length }
  }

  #entriesOf(keys: readonly string[]): Entry[] {
    return keys.flatMap((key) => this.#entries.get(key) ?? [])
  }
}
