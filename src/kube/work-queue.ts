import { type Clock, systemClock } from '../base/clock.ts'
import { ReadyKeys } from './ready-keys.ts'

/** Hears what becomes of keys, for metrics. */
export interface QueueObserver {
  /** A key is to be worked on that was not before, now or when the work on it is over. */
  added(key: string): void
  taken(key: string): void
  /** It comes again after a delay: the work on it failed. */
  retried(key: string): void
  done(key: string): void
}

export interface WorkQueueOptions {
  readonly clock?: Clock
  /** Delay of the first retry of a key, in milliseconds; it doubles from retry to retry. @default 5 */
  readonly baseDelayMs?: number
  /** @default 1_000_000 */
  readonly maxDelayMs?: number
  /** Milliseconds that a retry has to wait at least, whatever its key: for what all keys together must not exceed. */
  readonly limit?: () => number
  /** How urgent a key is; the more, the sooner it is taken. @default all alike, in order of their addition */
  readonly priorityOf?: (key: string) => number
  readonly observer?: QueueObserver
}

interface Waiting {
  readonly dueAt: number
  cancel(): void
}

/**
 * Keys of objects that need work, with the semantics of client-go: a key is in the queue once however often it is
 * added, is never worked on twice at a time, and comes again when it was added while it was worked on.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #baseDelayMs: number
  readonly #maxDelayMs: number
  readonly #limit: () => number
  readonly #observer: QueueObserver | undefined
  readonly #ready: ReadyKeys
  readonly #processing = new Set<string>()
  /** Added while they were worked on. */
  readonly #again = new Set<string>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #failures = new Map<string, number>()
  readonly #takers = new Set<() => void>()
  #shutDown = false

  constructor(options: WorkQueueOptions = {}) {
    const { clock = systemClock, baseDelayMs = 5, maxDelayMs = 1_000_000, limit = () => 0 } = options
    this.#clock = clock
    this.#baseDelayMs = baseDelayMs
    this.#maxDelayMs = maxDelayMs
    this.#limit = limit
    this.#observer = options.observer
    this.#ready = new ReadyKeys(options.priorityOf)
  }

  /** Keys ready for work; those worked on and those that wait for their time are not counted. */
  get length(): number {
    return this.#ready.size
  }

  add(key: string): void {
    if (this.#shutDown) return
    const known = this.#again.size + this.#ready.size
    const isBusy = this.#processing.has(key)
    if (isBusy) this.#again.add(key)
    else this.#ready.add(key)
    if (this.#again.size + this.#ready.size > known) this.#observer?.added(key)
    if (!isBusy) this.#wakeOne()
  }

  /** Adds the key after `ms` milliseconds; of several times for a key the earliest holds. */
  addAfter(key: string, ms: number): void {
    if (this.#shutDown) return
    if (ms <= 0) {
      this.add(key)
      return
    }
    const dueAt = this.#clock.now() + ms
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined && waiting.dueAt <= dueAt) return
    waiting?.cancel()
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(key)
      this.add(key)
    })
    this.#waiting.set(key, { dueAt, cancel })
  }

  /** Adds the key after a delay that doubles each time, until {@link forget}. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#observer?.retried(key)
    const delay = Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs)
    this.addAfter(key, Math.max(delay, this.#limit()))
  }

  /** The work on the key went well: its next retry starts from the shortest delay. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** How often the key was added by `addRateLimited` since it was forgotten. */
  retries(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, when there is one; `undefined` after {@link shutDown} once the queue is empty. Ends with {@link done}. */
  async take(): Promise<string | undefined> {
    for (;;) {
      const key = this.#ready.take()
      if (key !== undefined) {
        this.#processing.add(key)
        this.#observer?.taken(key)
        return key
      }
      if (this.#shutDown) return undefined
      await new Promise<void>((resolve) => this.#takers.add(resolve))
    }
  }

  /** The work on a key that was taken is over, well or not. */
  done(key: string): void {
    this.#processing.delete(key)
    this.#observer?.done(key)
    if (this.#again.delete(key)) {
      this.#ready.add(key)
      this.#wakeOne()
    }
  }

  /** Takes nothing in any more; what is in the queue is still given out, what waits for its time is dropped. */
  shutDown(): void {
    this.#shutDown = true
    for (const { cancel } of this.#waiting.values()) cancel()
    this.#waiting.clear()
    for (const wake of this.#takers) wake()
    this.#takers.clear()
  }

  #wakeOne(): void {
    for (const wake of this.#takers) {
      this.#takers.delete(wake)
      wake()
      return
    }
  }
}
