import type { Clock } from '../../base/clock.ts'

/** How often a user may call an action. */
export interface ThrottleLimits {
  /** Calls per second, sustained. */
  readonly perSecond: number
  /** Calls at once after a rest. */
  readonly burst: number
}

interface Bucket {
  tokens: number
  /** Milliseconds of the clock. */
  filledAt: number
}

/** A token bucket for each user and action. */
export class Throttle {
  readonly #clock: Clock
  readonly #limits: ThrottleLimits
  readonly #buckets = new Map<string, Bucket>()

  constructor(limits: ThrottleLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Whether the call may go on now. */
  take(user: string, action: string): boolean {
    const { perSecond, burst } = this.#limits
    const now = this.#clock.now()
    const key = `${user} ${action}`
    const bucket = this.#buckets.get(key) ?? { tokens: burst, filledAt: now }
    this.#buckets.set(key, bucket)
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.filledAt) / 1_000) * perSecond)
    bucket.filledAt = now
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
