import type { Compare, Entry, Operation, StoreEvent, TransactionResult } from './store.ts'

/** A transaction that waits for its turn. */
export interface Transaction {
  readonly compares: readonly Compare[]
  readonly operations: readonly Operation[]
}

export interface BatchOutcome {
  /** What every transaction comes to once `events` are durable, in order. */
  readonly results: readonly TransactionResult[]
  readonly events: readonly StoreEvent[]
}

/**
 * Evaluates transactions one after the other, each on what the ones before it left, without changing anything.
 *
 * @param revision The revision before the first one.
 */
export function evaluateBatch(
  transactions: readonly Transaction[],
  revision: number,
  current: (key: string) => Entry | undefined,
): BatchOutcome {
  const changed = new Map<string, Entry | undefined>()
  const read = (key: string) => (changed.has(key) ? changed.get(key) : current(key))
  const events: StoreEvent[] = []
  let newest = revision
  const results = transactions.map(({ compares, operations }): TransactionResult => {
    const lost = compares.some(({ key, modRevision }) => (read(key)?.modRevision ?? 0) !== modRevision)
    if (lost) return { committed: false, current: compares.map(({ key }) => read(key)) }
    const mine = operations.flatMap((operation) => eventOf(operation, newest + 1, read(operation.key)) ?? [])
    for (const event of mine) changed.set(event.key, event.entry)
    events.push(...mine)
    if (mine.length > 0) newest++
    return { committed: true, revision: newest }
  })
  return { results, events }
}

function eventOf(operation: Operation, revision: number, previous: Entry | undefined): StoreEvent | undefined {
  const { key, type } = operation
  if (type === 'delete') return previous && { type, key, revision, entry: undefined, previous }
  const createRevision = previous?.createRevision ?? revision
  const entry = { key, value: operation.value, createRevision, modRevision: revision }
  return { type, key, revision, entry, previous }
}
