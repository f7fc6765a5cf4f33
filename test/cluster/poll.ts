import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE_MS = 10
const LIMIT_MS = 30_000

/** For states that nobody announces: looks until there is something, or fails after half a minute. */
export async function poll<R>(what: string, look: () => R | undefined | Promise<R | undefined>): Promise<R> {
  const deadline = Date.now() + LIMIT_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`Not in ${LIMIT_MS / 1000} s: ${what}`)
    await sleep(PAUSE_MS)
  }
}
