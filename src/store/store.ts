/**
 * A versioned key-value store with watch: what the API server keeps its objects in. The interface is small enough that
 * etcd can stand behind it. Implementations pass one conformance suite (`store-conformance.ts`).
 *
 * Revisions are whole numbers above 0 that grow by one with each committed transaction that changes something. Keys are
 * strings compared by their UTF-8 bytes; values are bytes that nobody changes after handing them over.
 */

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** Revision of the transaction that created the key. */
  readonly createRevision: number
  /** Revision of the transaction that last changed it. */
  readonly modRevision: number
}

/** A condition that must hold when the transaction commits. `modRevision` 0: the key does not exist. */
export interface Compare {
  readonly key: string
  readonly modRevision: number
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }

export type TransactionResult =
  | { readonly committed: true; readonly revision: number }
  /** Nothing was changed; `current` has the entry of each compared key, in order. */
  | { readonly committed: false; readonly current: readonly (Entry | undefined)[] }

export interface ListOptions {
  /** As of this revision. @default the newest */
  readonly revision?: number
  /** Only keys above this one, for paging. */
  readonly after?: string
  readonly limit?: number
}

export interface ListResult {
  /** The revision that the list shows. */
  readonly revision: number
  readonly entries: readonly Entry[]
  /** How many more keys follow when `limit` cut the list. */
  readonly remaining: number
}

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  readonly key: string
  /** Revision of the change; several events of one transaction share it. */
  readonly revision: number
  /** What the key has now; of a deletion `undefined`. */
  readonly entry: Entry | undefined
  /** What the key had before; `undefined` for a created key. */
  readonly previous: Entry | undefined
}

/** Thrown (as FairleadError `STORE_COMPACTED`) by reads and watches of a revision that compaction removed. */
export interface WatchOptions {
  /** Events with a revision above this one; 0 for the oldest there is. */
  readonly after: number
  readonly signal?: AbortSignal
}

export interface Store extends AsyncDisposable {
  /** The newest committed revision; 1 in an empty store. */
  revision(): number
  get(key: string): Entry | undefined
  list(prefix: string, options?: ListOptions): ListResult
  /**
   * Applies all operations or none. Resolves after the change is durable (survives `kill -9` and power loss). Concurrent
   * transactions share a commit. Watchers see it no earlier than the caller could.
   */
  transact(compares: readonly Compare[], operations: readonly Operation[]): Promise<TransactionResult>
  /**
   * Every change below `prefix` after `options.after`, in order, none missed or repeated, in batches. Ends when the
   * signal aborts. A reader that does not keep up is ended with FairleadError `STORE_WATCH_OVERFLOW`.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<readonly StoreEvent[]>
  /** Forgets versions older than `revision`; the newest version of each key stays. */
  compact(revision: number): Promise<void>
}
