import type { Clock } from '../../base/clock.ts'
import { Refusal } from './refusal.ts'

/** How far a request's time may be from the server's, and how long a nonce is remembered. */
const WINDOW_MS = 15 * 60_000
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/** Lets every signed request pass once only. */
export class ReplayGuard {
  readonly #clock: Clock
  /** When each nonce may be forgotten; oldest first. */
  readonly #seen = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @throws Refusal `IllegalTimestamp`, `InvalidTimeStamp.Expired`, `SignatureNonceUsed`
   */
  admit(accessKeyId: string, { timestamp, nonce }: { timestamp: string; nonce: string }): void {
    const now = this.#clock.now()
    const time = TIMESTAMP.test(timestamp) ? Date.parse(timestamp) : Number.NaN
    if (Number.isNaN(time)) {
      throw new Refusal('IllegalTimestamp', `Cannot read the Timestamp '${timestamp}': give yyyy-MM-ddTHH:mm:ssZ`)
    }
    if (Math.abs(now - time) > WINDOW_MS) {
      throw new Refusal('InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.')
    }
    this.#forget(now)
    const key = `${accessKeyId} ${nonce}`
    if (this.#seen.has(key)) {
      throw new Refusal('SignatureNonceUsed', 'Specified signature nonce was used already.')
    }
    // A request may be dated ahead by a window: its nonce must be known until it is stale.
    this.#seen.set(key, now + 2 * WINDOW_MS)
  }

  #forget(now: number): void {
    for (const [key, end] of this.#seen) {
      if (end > now) return
      this.#seen.delete(key)
    }
  }
}
