import type { Clock } from '../base/clock.ts'

export interface TokenBucketOptions {
  readonly perSecond: number
  readonly burst: number
  readonly clock: Clock
}

/** How long the next one has to wait so that all together are not too many, in milliseconds (a token bucket). */
export function tokenBucket({ perSecond, burst, clock }: TokenBucketOptions): () => number {
  let tokens = burst
  let at = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + ((now - at) / 1_000) * perSecond)
    at = now
    tokens -= 1
    return tokens >= 0 ? 0 : (-tokens / perSecond) * 1_000
  }
}
