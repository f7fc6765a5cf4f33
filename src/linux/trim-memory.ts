import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from '../base/clock.ts'
import { trimMalloc } from './libc.ts'

const AFTER_MS = 3_000

/** Gives back what a start has used and nobody needs any more: JavaScript's memory, and then the C library's. */
export function trimMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  trimMalloc()
}

/**
 * Trims a few seconds later, once; the young generation stays small from then on. The start itself keeps V8's own pace.
 */
export function trimMemoryAfterStart(clock: Clock): void {
  clock.after(AFTER_MS, () => {
    setFlagsFromString('--semi-space-growth-factor=1')
    trimMemory()
  })
}
