import type { Log } from '../base/log.ts'
import { isConflict } from './api-error.ts'
import { parseKey } from './object-key.ts'
import type { WorkQueue } from './work-queue.ts'

export interface RunWorkersOptions {
  readonly queue: WorkQueue
  /** How many keys are worked on at a time. */
  readonly workers: number
  /** Brings the world in line with the object of this key; a failure is tried again, later each time. */
  reconcile(key: string, signal: AbortSignal): Promise<void> | void
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Works on the queue until the signal aborts: then the queue is shut down, and what is being worked on is finished.
 * A failure of `reconcile` is logged and its key added again with growing delay.
 */
export async function runWorkers(options: RunWorkersOptions): Promise<void> {
  const { queue, workers, signal } = options
  const onAbort = () => queue.shutDown()
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.all(Array.from({ length: workers }, () => work(options)))
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function work({ queue, reconcile, log, signal }: RunWorkersOptions): Promise<void> {
  for (let key = await queue.take(); key !== undefined && !signal.aborted; key = await queue.take()) {
    try {
      await reconcile(key, signal)
      queue.forget(key)
    } catch (err) {
      if (!signal.aborted) logFailure(log, key, err)
      queue.addRateLimited(key)
    } finally {
      queue.done(key)
    }
  }
}

/** A conflict is the usual race with another writer, not a fault. */
function logFailure(log: Log, key: string, err: unknown): void {
  const object = parseKey(key)
  if (isConflict(err)) log.debug({ object, err }, 'Object changed meanwhile; trying again')
  else log.warn({ object, err }, 'Reconciling failed; trying again')
}
