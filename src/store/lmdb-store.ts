import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { FairleadError, isFairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { CompactionSchedule, DEFAULT_HISTORY_LIMITS, type HistoryLimits } from './compaction-schedule.ts'
import { lockDirectory } from './directory-lock.ts'
import { LmdbLog, type LogWrite } from './lmdb-log.ts'
import { type LoadedLog, loadLog } from './load-log.ts'
import { encodeHeader, encodeRecord, HEADER_KEY, recordKey } from './log-record.ts'
import {
  type Compare,
  type Entry,
  type ListOptions,
  type ListResult,
  MAX_KEY_BYTES,
  type Operation,
  type Store,
  type StoreEvent,
  type TransactionResult,
  type WatchOptions,
} from './store.ts'
import { evaluateBatch, type Transaction } from './transaction-batch.ts'
import type { VersionedState } from './versioned-state.ts'
import { WatchHub } from './watch-hub.ts'
import { WATCH_QUEUE_LIMIT } from './watcher.ts'

export interface LmdbStoreOptions {
  /** Directory of the database, made when missing. One process at a time has it open. */
  readonly directory: string
  readonly log: Log
  readonly clock: Clock
  /** @default {@link DEFAULT_HISTORY_LIMITS} */
  readonly history?: HistoryLimits
  /** Changes that may wait for a watch's reader. @default {@link WATCH_QUEUE_LIMIT} */
  readonly watchQueue?: number
}

interface Waiting<Result> {
  readonly resolve: (result: Result) => void
  readonly reject: (reason: unknown) => void
}

type WaitingTransaction = Transaction & Waiting<TransactionResult>
type WaitingCompaction = { readonly revision: number } & Waiting<void>

/** What one commit writes. */
interface Batch {
  readonly transactions: readonly WaitingTransaction[]
  readonly compaction: WaitingCompaction | undefined
  /** Keys of records. */
  readonly removals: readonly Uint8Array[]
}

/** Transactions that share a commit at most. */
const BATCH_TRANSACTIONS = 512
/** Forgotten records that a commit removes on the side: few enough not to be felt. */
const BATCH_REMOVALS = 1_000

/**
 * Opens the store in a directory, or makes an empty one.
 *
 * @throws FairleadError `ALREADY_RUNNING` when another process has it open, `DISK_FULL`, `STORE_FAILED`.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const { directory } = options
  const database = LmdbLog.open(directory)
  const opened: AsyncDisposable[] = [database]
  try {
    opened.push(await lockDirectory(directory))
    const loaded = loadLog(database, directory)
    if (loaded.fresh) database.commit({ puts: [headerRecord(loaded.state.revision)], removals: [] })
    return new LmdbStore(options, loaded, database, opened)
  } catch (error) {
    for (const resource of opened.reverse()) await resource[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * The store on one machine's disk: all reads are from memory, every change goes through {@link LmdbLog} first.
 *
 * One loop writes. What came in while it wrote shares the next commit; memory, results and watches follow after the
 * commit only, so that nobody ever sees what power loss could take back.
 */
class LmdbStore implements Store {
  readonly #log: Log
  readonly #state: VersionedState
  readonly #database: LmdbLog
  readonly #resources: readonly AsyncDisposable[]
  readonly #hub = new WatchHub()
  readonly #watchQueue: number
  readonly #schedule: CompactionSchedule
  #transactions: WaitingTransaction[] = []
  #compactions: WaitingCompaction[] = []
  /** Compactions that are done but for the removal of records. */
  #draining: WaitingCompaction[] = []
  /** Keys of forgotten records that are still on disk. */
  #garbage: Uint8Array[]
  /** The last removal found no room to work in: leave it until something else was written. */
  #garbageStuck = false
  #writing: Promise<void> | undefined
  #closed = false

  constructor(
    options: LmdbStoreOptions,
    loaded: LoadedLog,
    database: LmdbLog,
    /** In order of opening. */
    resources: readonly AsyncDisposable[],
  ) {
    this.#log = options.log
    this.#state = loaded.state
    this.#garbage = [...loaded.garbage]
    this.#database = database
    this.#resources = resources
    this.#watchQueue = options.watchQueue ?? WATCH_QUEUE_LIMIT
    const limits = options.history ?? DEFAULT_HISTORY_LIMITS
    this.#schedule = new CompactionSchedule(
      limits,
      options.clock,
      () => this.#state.revision,
      (revision) => this.#compactInBackground(revision),
    )
    if (this.#garbage.length > 0) this.#wake()
  }

  revision(): number {
    return this.#state.revision
  }

  get(key: string): Entry | undefined {
    return this.#state.get(key)
  }

  list(prefix: string, options: ListOptions = {}): ListResult {
    return this.#state.list(prefix, options)
  }

  async transact(compares: readonly Compare[], operations: readonly Operation[]): Promise<TransactionResult> {
    this.#requireOpen()
    requireStorable(operations)
    return new Promise((resolve, reject) => {
      this.#transactions.push({ compares, operations, resolve, reject })
      this.#wake()
    })
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<readonly StoreEvent[]> {
    this.#requireOpen()
    const { history } = this.#state
    const after = options.after === 0 ? history.compacted : options.after
    history.requireKept(after)
    const replay = history.after(after, prefix)
    return this.#hub.add({ prefix, after, replay, queueLimit: this.#watchQueue, signal: options.signal })
  }

  async compact(revision: number): Promise<void> {
    this.#requireOpen()
    this.#state.requireReached(revision)
    if (revision <= this.#state.history.compacted) return
    await new Promise<void>((resolve, reject) => {
      this.#compactions.push({ revision, resolve, reject })
      this.#wake()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#schedule[Symbol.dispose]()
    this.#hub.end()
    await this.#writing
    for (const resource of this.#resources.toReversed()) await resource[Symbol.asyncDispose]()
  }

  #wake(): void {
    this.#writing ??= this.#writeAll()
  }

  /** Writes until nothing waits. The turn of the event loop in between lets whatever else came in share the commit. */
  async #writeAll(): Promise<void> {
    do {
      await nextTurn()
      this.#writeBatch()
      const due = this.#schedule.due(this.#state.history)
      if (due !== undefined) this.#compactInBackground(due)
    } while (this.#transactions.length + this.#compactions.length > 0 || this.#canRemove())
    this.#writing = undefined
  }

  #canRemove(): boolean {
    return this.#garbage.length > 0 && !this.#garbageStuck && !this.#closed
  }

  #writeBatch(): void {
    const batch = this.#takeBatch()
    const { results, events } = evaluateBatch(batch.transactions, this.#state.revision, (key) => this.#state.get(key))
    const puts = encodeEvents(events)
    if (batch.compaction !== undefined) puts.push(headerRecord(this.#compactedAfter(batch.compaction)))
    try {
      if (puts.length + batch.removals.length > 0) this.#database.commit({ puts, removals: batch.removals })
    } catch (error) {
      this.#refuse(batch, error)
      return
    }
    this.#garbageStuck &&= puts.length === 0
    this.#state.apply(events)
    batch.transactions.forEach(({ resolve }, i) => {
      resolve(results[i] as TransactionResult)
    })
    this.#hub.publish(events)
    if (batch.compaction !== undefined) this.#forget(batch.compaction)
    if (this.#garbage.length === 0) for (const { resolve } of this.#draining.splice(0)) resolve()
  }

  #takeBatch(): Batch {
    return {
      transactions: this.#transactions.splice(0, BATCH_TRANSACTIONS),
      compaction: this.#compactions.shift(),
      removals: this.#garbageStuck ? [] : this.#garbage.splice(0, BATCH_REMOVALS),
    }
  }

  /** A commit failed and changed nothing. What needs no more room than before is tried again without the removals. */
  #refuse(batch: Batch, error: unknown): void {
    const { transactions, compaction, removals } = batch
    this.#garbage = [...removals, ...this.#garbage]
    if (removals.length > 0 && isFairleadError(error, 'DISK_FULL')) {
      this.#garbageStuck = true
      this.#transactions = [...transactions, ...this.#transactions]
      if (compaction !== undefined) this.#compactions.unshift(compaction)
    } else {
      this.#garbageStuck ||= removals.length > 0
      for (const { reject } of transactions) reject(error)
      compaction?.reject(error)
    }
    if (this.#garbageStuck) for (const { reject } of this.#draining.splice(0)) reject(error)
  }

  /** Compactions may come in any order; the furthest one counts. */
  #compactedAfter(compaction: WaitingCompaction): number {
    return Math.max(compaction.revision, this.#state.history.compacted)
  }

  /** The compaction is on disk: drop the history from memory, and its records from the disk bit by bit. */
  #forget(compaction: WaitingCompaction): void {
    for (const { key, type, revision, previous } of this.#state.history.forget(compaction.revision)) {
      if (previous !== undefined) this.#garbage.push(recordKey(previous.modRevision, key))
      if (type === 'delete') this.#garbage.push(recordKey(revision, key))
    }
    this.#draining.push(compaction)
  }

  #compactInBackground(revision: number): void {
    this.compact(revision).catch((error: unknown) => {
      if (!this.#closed) this.#log.warn({ err: error, revision }, 'Compaction failed; it will be tried again')
    })
  }

  #requireOpen(): void {
    if (this.#closed) throw new FairleadError('STORE_FAILED', 'Cannot use the store: it is closed')
  }
}

function headerRecord(compacted: number): LogWrite['puts'][number] {
  return { key: HEADER_KEY, value: encodeHeader({ format: 1, compacted }) }
}

function encodeEvents(events: readonly StoreEvent[]): LogWrite['puts'][number][] {
  let index = 0
  return events.map((event, i) => {
    index = events[i - 1]?.revision === event.revision ? index + 1 : 0
    return encodeRecord(event, index)
  })
}

/** @throws FairleadError `INVALID_INPUT` for a key that does not fit, `BUG` for a key that is named twice. */
function requireStorable(operations: readonly Operation[]): void {
  const keys = new Set<string>()
  for (const { key } of operations) {
    const bytes = Buffer.byteLength(key)
    if (bytes === 0 || bytes > MAX_KEY_BYTES) {
      const text = key.length > 80 ? `${key.slice(0, 80)}...` : key
      throw new FairleadError('INVALID_INPUT', `Cannot store key "${text}": ${bytes} bytes, want 1 to ${MAX_KEY_BYTES}`)
    }
    if (keys.has(key)) throw new FairleadError('BUG', `Cannot change key ${key} twice in one transaction`)
    keys.add(key)
  }
}
