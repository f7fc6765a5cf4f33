import { setMaxListeners } from 'node:events'
import type { EventRecorder } from './event-recorder.ts'
import type { InformerSet } from './informers.ts'

/** A control loop: made before the informers run, so that it misses nothing; `run` ends when the signal aborts. */
export interface ControlLoop {
  run(signal: AbortSignal): Promise<void>
}

/** Running control loops; disposing stops them, and waits for what they are at. */
export interface RunningControllers extends AsyncDisposable {
  /** Resolves when all have seen the cluster as it is, and work. */
  readonly synced: Promise<void>
}

/** Runs control loops over the informers that they share; what they told of is written before they have stopped. */
export function runControllers(
  informers: InformerSet,
  loops: readonly ControlLoop[],
  recorders: readonly EventRecorder[],
): RunningControllers {
  const stop = new AbortController()
  // Every controller and every watch listens to it: many, and not a leak.
  setMaxListeners(0, stop.signal)
  const watching = informers.run(stop.signal)
  const synced = informers.synced()
  const working = runSynced(loops, synced, stop.signal)
  return {
    synced,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await working
      await Promise.all(recorders.map((recorder) => recorder.flush()))
      await watching
    },
  }
}

/** Work begins once everything there is was seen: acting on half a cluster would create what exists. */
async function runSynced(loops: readonly ControlLoop[], synced: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await synced
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  await Promise.all(loops.map((loop) => loop.run(signal)))
}
