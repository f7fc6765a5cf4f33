import type { Compare, Entry, Operation, Store } from '../../store/store.ts'

/**
 * Keys to take and to give back in one transaction. That a key is free, or still one's own, is a compare of that
 * transaction: two writers can never take the same key, whatever each of them saw before.
 */
export class Reservations {
  readonly compares: Compare[] = []
  readonly operations: Operation[] = []
  readonly #store: Pick<Store, 'get'>
  readonly #taken = new Set<string>()

  constructor(store: Pick<Store, 'get'>) {
    this.#store = store
  }

  isFree(key: string): boolean {
    return !this.#taken.has(key) && this.#store.get(key) === undefined
  }

  /** Takes a key that is free. */
  take(key: string, value: Uint8Array): void {
    this.#taken.add(key)
    this.compares.push({ key, modRevision: 0 })
    this.operations.push({ type: 'put', key, value })
  }

  /** Gives a key back, if it is there and `isOwn`. */
  release(key: string, isOwn: (entry: Entry) => boolean): void {
    const entry = this.#store.get(key)
    if (entry === undefined || !isOwn(entry)) return
    this.compares.push({ key, modRevision: entry.modRevision })
    this.operations.push({ type: 'delete', key })
  }
}
