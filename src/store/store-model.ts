import type { Compare, Entry, ListOptions, ListResult, Operation, StoreEvent, TransactionResult } from './store.ts'

/**
 * What a store should do, written as plainly as possible and without regard to cost: every revision keeps a whole copy.
 * The conformance suite compares implementations with it.
 */
export class StoreModel {
  compacted = 1
  readonly #states: Map<string, Entry>[] = [new Map(), new Map()]
  readonly #events: StoreEvent[] = []

  revision(): number {
    return this.#states.length - 1
  }

  at(revision: number): ReadonlyMap<string, Entry> {
    return this.#states[revision] ?? new Map()
  }

  list(prefix: string, options: ListOptions): ListResult {
    const revision = options.revision ?? this.revision()
    const after = options.after === undefined ? undefined : Buffer.from(options.after)
    const all = [...this.at(revision).values()]
      .filter(({ key }) => key.startsWith(prefix))
      .filter(({ key }) => after === undefined || Buffer.compare(Buffer.from(key), after) > 0)
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    const entries = all.slice(0, options.limit)
    return { revision, entries, remaining: all.length - entries.length }
  }

  transact(compares: readonly Compare[], operations: readonly Operation[]): TransactionResult {
    const state = new Map(this.at(this.revision()))
    if (compares.some(({ key, modRevision }) => (state.get(key)?.modRevision ?? 0) !== modRevision)) {
      return { committed: false, current: compares.map(({ key }) => state.get(key)) }
    }
    const revision = this.revision() + 1
    const events = operations.flatMap((operation) => change(state, operation, revision) ?? [])
    if (events.length > 0) {
      this.#states.push(state)
      this.#events.push(...events)
    }
    return { committed: true, revision: this.revision() }
  }

  /** What a watch delivers in all. */
  events(prefix: string, after: number): StoreEvent[] {
    return this.#events.filter(({ key, revision }) => revision > after && key.startsWith(prefix))
  }
}

function change(state: Map<string, Entry>, operation: Operation, revision: number): StoreEvent | undefined {
  const { key, type } = operation
  const previous = state.get(key)
  if (type === 'delete') {
    if (!state.delete(key)) return undefined
    return { type, key, revision, entry: undefined, previous }
  }
  const entry: Entry = {
    key,
    value: operation.value,
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
  }
  state.set(key, entry)
  return { type, key, revision, entry, previous }
}
