import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../base/log.ts'
import type { CloudState } from './cloud-state.ts'

const RETRY_MS = 1_000
/** The longest that it rests between two calls. */
const MAX_REST_MS = 100

/**
 * Keeps something equal to the state: calls `follow` once at the start and after changes, one call at a time; changes
 * that come meanwhile share the next one. After a call it rests for as long as that took, so that where calls take long
 * more changes share one, and whoever makes the changes has time to. A call that fails is made again.
 */
export class StateFollower implements AsyncDisposable {
  readonly #follow: () => Promise<void>
  readonly #log: Log
  readonly #stopListening: () => void
  #behind = true
  #running: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #stopped = false
  /** When the next call may begin, on the clock of `performance.now`. */
  #restsUntil = 0
  /** Who waits until it has followed. */
  readonly #waiting: (() => void)[] = []

  constructor(state: CloudState, log: Log, follow: () => Promise<void>) {
    this.#follow = follow
    this.#log = log
    this.#stopListening = state.onChange(() => this.#wake())
    this.#wake()
  }

  /** Resolves when everything is followed that was in the state at the call; rejects never: what fails is tried again. */
  settled(): Promise<void> {
    if (this.#running === undefined && (!this.#behind || this.#stopped)) return Promise.resolve()
    // Nobody waits in vain for a process that has nothing else to do.
    this.#retry?.ref()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#stopListening()
    clearTimeout(this.#retry)
    await this.#running
    this.#tell()
  }

  #wake(): void {
    this.#behind = true
    if (this.#stopped || this.#running !== undefined) return
    clearTimeout(this.#retry)
    this.#running = this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    // Changes of one turn come together.
    await nextTurn()
    let isFollowed = true
    while (isFollowed && this.#behind && !this.#stopped) {
      await this.#rest()
      isFollowed = await this.#followOnce()
    }
    // In the same step as the look at what is left: a change that comes now starts the next call.
    this.#running = undefined
    if (!this.#behind) this.#tell()
  }

  async #rest(): Promise<void> {
    const left = Math.ceil(this.#restsUntil - performance.now())
    if (left > 0) await sleep(left)
  }

  /** @returns whether it succeeded, or is to stop. */
  async #followOnce(): Promise<boolean> {
    if (this.#stopped) return true
    this.#behind = false
    const begun = performance.now()
    try {
      await this.#follow()
      return true
    } catch (error) {
      this.#log.error({ err: error }, 'What the cloud holds is not carried out; trying again')
      this.#behind = true
      this.#retryLater()
      return false
    } finally {
      const ended = performance.now()
      this.#restsUntil = ended + Math.min(ended - begun, MAX_REST_MS)
    }
  }

  #retryLater(): void {
    if (this.#stopped) return
    this.#retry = setTimeout(() => this.#wake(), RETRY_MS)
    if (this.#waiting.length === 0) this.#retry.unref()
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
