import { FairleadError } from '../base/error.ts'
import type { Entry, StoreEvent } from './store.ts'

/** Every change since the last compaction, oldest first: what late watches and lists of older revisions are made of. */
export class History {
  #events: StoreEvent[] = []
  /** Index of the oldest event that is not forgotten; the array is cut now and then only. */
  #start = 0
  #bytes = 0
  #compacted: number

  /** @param compacted The oldest revision that can still be listed; events have later ones. */
  constructor(compacted: number) {
    this.#compacted = compacted
  }

  /** The oldest revision that can still be listed, and that a watch can start after. */
  get compacted(): number {
    return this.#compacted
  }

  get length(): number {
    return this.#events.length - this.#start
  }

  /** Bytes of values that are held only for history. */
  get bytes(): number {
    return this.#bytes
  }

  append(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#events.push(event)
      this.#bytes += event.previous?.value.length ?? 0
    }
  }

  /** Changes below `prefix` after a revision; the caller has checked that they are still there. */
  after(revision: number, prefix: string): StoreEvent[] {
    const found: StoreEvent[] = []
    for (let i = this.#indexAfter(revision); i < this.#events.length; i++) {
      const event = this.#events[i]
      if (event?.key.startsWith(prefix)) found.push(event)
    }
    return found
  }

  /** For each key below `prefix` that changed after a revision: what it had at that revision. */
  undo(revision: number, prefix: string): Map<string, Entry | undefined> {
    const then = new Map<string, Entry | undefined>()
    for (const event of this.after(revision, prefix)) {
      if (!then.has(event.key)) then.set(event.key, event.previous)
    }
    return then
  }

  /** The revision of the event that is `count` events younger than the oldest. */
  revisionAt(count: number): number {
    return this.#events[this.#start + count]?.revision ?? this.#compacted
  }

  /** Forgets the events up to a revision and returns them. */
  forget(revision: number): readonly StoreEvent[] {
    const end = this.#indexAfter(revision)
    const forgotten = this.#events.slice(this.#start, end)
    for (const event of forgotten) this.#bytes -= event.previous?.value.length ?? 0
    this.#start = end
    this.#compacted = Math.max(this.#compacted, revision)
    if (this.#start > this.#events.length / 2) {
      this.#events = this.#events.slice(this.#start)
      this.#start = 0
    }
    return forgotten
  }

  /** @throws FairleadError `STORE_COMPACTED` when what was at `revision` is forgotten. */
  requireKept(revision: number): void {
    if (revision >= this.#compacted) return
    throw new FairleadError(
      'STORE_COMPACTED',
      `Cannot read as of revision ${revision}: compaction removed it; the oldest revision is ${this.#compacted}`,
    )
  }

  #indexAfter(revision: number): number {
    let low = this.#start
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle]?.revision ?? 0) > revision) high = middle
      else low = middle + 1
    }
    return low
  }
}
