import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

export interface NodeGateOptions {
  readonly nodeName: string
  readonly log: Log
  readonly clock: Clock
  /** Whether the Node says enough to begin. */
  isKnown(): boolean
}

/** The log says again that nothing happens. */
const REMIND_MS = 10_000

/**
 * Lets nobody through before the Node is known. kube-proxy gives up after five minutes; here the rules that are in the
 * kernel serve on while it waits, so it waits for as long as it takes, and says so.
 */
export class NodeGate {
  readonly #options: NodeGateOptions
  #open = () => {}

  constructor(options: NodeGateOptions) {
    this.#options = options
  }

  /** The Node may have changed. */
  look(): void {
    if (this.#options.isKnown()) this.#open()
  }

  /** Resolves when the Node is known; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    const { isKnown, nodeName, log, clock } = this.#options
    if (isKnown()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      let cancel = () => {}
      const remind = () => {
        log.warn({ node: nodeName }, 'Waiting for the Node to exist and to have an address')
        cancel = clock.after(REMIND_MS, remind)
      }
      remind()
      this.#open = () => {
        cancel()
        resolve()
      }
      signal.addEventListener(
        'abort',
        () => {
          cancel()
          reject(signal.reason)
        },
        { once: true },
      )
    })
  }
}
