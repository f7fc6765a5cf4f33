export interface BackoffOptions {
  /** First delay, in milliseconds. @default 5 */
  readonly initialMs?: number
  /** Longest delay, in milliseconds, jitter aside. @default 10_000 */
  readonly maxMs?: number
  /** 0 <= x < 1 */
  readonly random?: () => number
}

/** Delays that double from try to try, each stretched by up to a half at random so that clients do not come back at once. */
export class Backoff {
  readonly #initialMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  constructor({ initialMs = 5, maxMs = 10_000, random = Math.random }: BackoffOptions = {}) {
    this.#initialMs = initialMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const delay = Math.min(this.#initialMs * 2 ** this.#failures, this.#maxMs)
    if (delay < this.#maxMs) this.#failures++
    return delay * (1 + this.#random() / 2)
  }

  /** After a success. */
  reset(): void {
    this.#failures = 0
  }
}
