import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../../base/log.ts'
import type { CloudState } from './cloud-state.ts'

const RETRY_MS = 1_000

/**
 * Keeps something equal to the state: calls `follow` once at the start and after changes, one call at a time; changes
 * that come meanwhile share the next one. A call that fails is made again.
 */
export class StateFollower implements AsyncDisposable {
  readonly #follow: () => Promise<void>
  readonly #log: Log
  readonly #stopListening: () => void
  #behind = true
  #running: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #stopped = false

  constructor(state: CloudState, log: Log, follow: () => Promise<void>) {
    this.#follow = follow
    this.#log = log
    this.#stopListening = state.onChange(() => this.#wake())
    this.#wake()
  }

  /** Resolves when everything is followed that was in the state at the call; rejects never: what fails is tried again. */
  async settled(): Promise<void> {
    while (this.#running !== undefined || (this.#behind && !this.#stopped)) await (this.#running ?? nextTurn())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#stopListening()
    clearTimeout(this.#retry)
    await this.#running
  }

  #wake(): void {
    this.#behind = true
    if (this.#stopped || this.#running !== undefined) return
    clearTimeout(this.#retry)
    this.#running = this.#catchUp().finally(() => {
      this.#running = undefined
    })
  }

  async #catchUp(): Promise<void> {
    // Changes of one turn come together.
    await nextTurn()
    while (this.#behind && !this.#stopped) {
      this.#behind = false
      try {
        await this.#follow()
      } catch (error) {
        this.#log.error({ err: error }, 'What the cloud holds is not carried out; trying again')
        this.#behind = true
        this.#retry = setTimeout(() => this.#wake(), RETRY_MS).unref()
        return
      }
    }
  }
}
