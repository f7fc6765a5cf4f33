import type { StoreEvent } from './store.ts'
import { Watcher, type WatcherOptions } from './watcher.ts'

/**
 * Hands changes to the watchers whose prefix they are below. A key's prefixes are looked up, one for each length that
 * any watcher has, so that the cost is in the handful of lengths and not in the number of watchers.
 */
export class WatchHub {
  readonly #byPrefix = new Map<string, Set<Watcher>>()
  /** Lengths of the prefixes being watched, with how many prefixes have them. */
  readonly #lengths = new Map<number, number>()

  add(options: Omit<WatcherOptions, 'onEnd'>): Watcher {
    const watcher = new Watcher({ ...options, onEnd: (ended) => this.#remove(ended) })
    // Its signal may have been aborted before.
    if (watcher.ended) return watcher
    const { prefix } = watcher
    const same = this.#byPrefix.get(prefix)
    if (same === undefined) {
      this.#byPrefix.set(prefix, new Set([watcher]))
      this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1)
    } else same.add(watcher)
    return watcher
  }

  /** Delivers changes in order; each watcher gets what concerns it at once. */
  publish(events: readonly StoreEvent[]): void {
    const byPrefix = new Map<string, StoreEvent[]>()
    for (const event of events) {
      for (const length of this.#lengths.keys()) {
        if (length > event.key.length) continue
        const prefix = event.key.slice(0, length)
        if (!this.#byPrefix.has(prefix)) continue
        const batch = byPrefix.get(prefix)
        if (batch === undefined) byPrefix.set(prefix, [event])
        else batch.push(event)
      }
    }
    for (const [prefix, batch] of byPrefix) {
      for (const watcher of [...(this.#byPrefix.get(prefix) ?? [])]) watcher.push(batch)
    }
  }

  /** Ends every watch. */
  end(): void {
    for (const watchers of [...this.#byPrefix.values()]) {
      for (const watcher of [...watchers]) watcher.end()
    }
  }

  #remove(watcher: Watcher): void {
    const { prefix } = watcher
    const same = this.#byPrefix.get(prefix)
    if (!same?.delete(watcher) || same.size > 0) return
    this.#byPrefix.delete(prefix)
    const left = (this.#lengths.get(prefix.length) ?? 0) - 1
    if (left > 0) this.#lengths.set(prefix.length, left)
    else this.#lengths.delete(prefix.length)
  }
}
