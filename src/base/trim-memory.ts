import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from './clock.ts'

const AFTER_MS = 3_000

/**
 * Gives back what a start has used and nobody needs any more: a few seconds later everything is collected once, and the
 * young generation stays small from then on. The start itself keeps V8's own pace.
 */
export function trimMemoryAfterStart(clock: Clock): void {
  clock.after(AFTER_MS, () => {
    setFlagsFromString('--semi-space-growth-factor=1')
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    collect()
  })
}
