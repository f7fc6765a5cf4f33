import type { Clock } from '../base/clock.ts'
import type { History } from './history.ts'

/** How much history a store keeps; what exceeds any of these is compacted in the background. */
export interface HistoryLimits {
  /** Milliseconds for which a page of a list, or a watch, can be continued. */
  readonly ageMs: number
  readonly changes: number
  /** Of values that are not the newest of their key. */
  readonly bytes: number
}

/** Kubernetes promises about five minutes; the rest bounds memory and disk under load. */
export const DEFAULT_HISTORY_LIMITS: HistoryLimits = { ageMs: 300_000, changes: 100_000, bytes: 64 * 2 ** 20 }

/** How many times per `ageMs` the schedule looks. */
const MARKS = 10

/** Decides when to compact: by age with a mark of the revision now and then, by size whenever asked. */
export class CompactionSchedule implements Disposable {
  readonly #limits: HistoryLimits
  readonly #marks: number[] = []
  #cancel: () => void

  /** @param compact Called with the revision to compact to; must not throw. */
  constructor(limits: HistoryLimits, clock: Clock, revision: () => number, compact: (revision: number) => void) {
    this.#limits = limits
    const tick = () => {
      this.#marks.push(revision())
      if (this.#marks.length > MARKS) compact(this.#marks.shift() ?? 0)
      this.#cancel = clock.after(limits.ageMs / MARKS, tick)
    }
    this.#cancel = clock.after(limits.ageMs / MARKS, tick)
  }

  /** The revision to compact to for size; undefined while there is room. A quarter goes at once, not a bit each time. */
  due(history: History): number | undefined {
    const share = Math.max(history.length / this.#limits.changes, history.bytes / this.#limits.bytes)
    if (share <= 1) return undefined
    return history.revisionAt(Math.floor(history.length * Math.max(0.25, 1 - 0.75 / share)))
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }
}
