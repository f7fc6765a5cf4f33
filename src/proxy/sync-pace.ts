/** Syncs take up no more than this part of the time in the long run, and wait no longer than this after the last one. */
const BUSY_SHARE = 1 / 3
const LONGEST_REST_MS = 10
/** For so long they may go on without a rest. */
const BURST_MS = 30

/**
 * When the next sync may begin. Changes one after another are sent at once each; when they keep the proxy busy, they are
 * gathered: syncs spend a credit of time, which comes back with time. All times in milliseconds.
 */
export class SyncPace {
  #begin = Number.NEGATIVE_INFINITY
  /** At the beginning of the last sync, less what it took. */
  #credit = BURST_MS

  /** A sync begins. */
  begin(now: number): void {
    this.#credit = Math.min(this.#credit + (now - this.#begin) * BUSY_SHARE, BURST_MS)
    this.#begin = now
  }

  /** It is over. */
  took(ms: number): void {
    this.#credit = Math.max(this.#credit - ms, -LONGEST_REST_MS * BUSY_SHARE)
  }

  /** Until the next one may begin; 0 or less: now. */
  restMs(now: number): number {
    return this.#begin + Math.min(-this.#credit / BUSY_SHARE, LONGEST_REST_MS) - now
  }
}
