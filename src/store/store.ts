/**
 * A versioned key-value store with watch: what the API server keeps its objects in. The interface is small enough that
 * etcd can stand behind it. Implementations pass one conformance suite (`store-conformance.ts`).
 *
 * Revisions are whole numbers above 0 that grow by one with each committed transaction that changes something. Keys are
 * strings compared by their UTF-8 bytes, at most {@link MAX_KEY_BYTES} long; values are bytes that nobody changes after
 * handing them over.
 */

/** Longest key in UTF-8 bytes; a longer one is refused with `INVALID_INPUT`. */
export const MAX_KEY_BYTES = 1900

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
  /** At most so many entries. @default all */
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

export interface WatchOptions {
  /** Events with a revision above this one; 0 for the oldest there is. */
  readonly after: number
  readonly signal?: AbortSignal
}

export interface Store extends AsyncDisposable {
  /** The newest committed revision; 1 in an empty store. */
  revision(): number
  /** What the key has now: what is durable, never what is still being written. */
  get(key: string): Entry | undefined
  /**
   * Every key that starts with `prefix`, in order.
   *
   * @throws FairleadError `STORE_COMPACTED` when compaction removed `options.revision`, `INVALID_INPUT` when that
   * revision does not exist yet.
   */
  list(prefix: string, options?: ListOptions): ListResult
  /**
   * Applies all operations or none. Resolves after the change is durable (survives `kill -9` and power loss). Concurrent
   * transactions share a commit; each sees what those called before it changed. Watchers see it no earlier than the
   * caller could. A key may be named by one operation only; deleting a key that does not exist changes nothing, and a
   * transaction that changes nothing keeps the revision.
   *
   * @throws FairleadError `DISK_FULL` when there is no room (nothing is changed, what was there stays, and the call can
   * be repeated), `STORE_FAILED` when the disk fails, `INVALID_INPUT` for a key that cannot be stored.
   */
  transact(compares: readonly Compare[], operations: readonly Operation[]): Promise<TransactionResult>
  /**
   * Every change below `prefix` after `options.after`, in order, none missed or repeated, in batches that never cut a
   * transaction. Starts with the call (not with the first read), to be read by one loop. Ends when the signal aborts or
   * the store is disposed. A reader that does not keep up is ended with FairleadError `STORE_WATCH_OVERFLOW`.
   *
   * @throws FairleadError `STORE_COMPACTED`, at once, when compaction removed a change after `options.after`.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<readonly StoreEvent[]>
  /**
   * Forgets what was before `revision`: lists of older revisions and watches after older ones are refused from then on.
   * What each key had at `revision` stays. Resolves when the room is free for new writes.
   *
   * @throws FairleadError `INVALID_INPUT` for a revision that does not exist yet.
   */
  compact(revision: number): Promise<void>
}
