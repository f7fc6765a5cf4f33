import type { ExitedState } from './runtime/runtime.ts'

const FIRST_DELAY_MS = 10_000
const LONGEST_DELAY_MS = 300_000
/** Whoever has run for so long has not crashed in a loop. */
const FORGIVEN_AFTER_MS = 600_000

/** The number of crashes in a row once this run has ended. */
export function crashesAfter(crashes: number, run: ExitedState): number {
  const ranFor = run.finishedAt - (run.startedAt ?? run.finishedAt)
  return ranFor >= FORGIVEN_AFTER_MS ? 1 : crashes + 1
}

/**
 * Milliseconds between the end of a run and the start of the next, as upstream's kubelet: none at first, then 10 s,
 * doubling to 5 min.
 */
export function restartDelay(crashes: number): number {
  return crashes <= 1 ? 0 : retryDelay(crashes - 1)
}

/** Milliseconds before the n-th new try of something that failed (n from 1), e.g. looking for an image. */
export function retryDelay(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS)
}
