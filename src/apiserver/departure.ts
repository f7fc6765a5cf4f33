/**
 * Whether whoever asks has gone before the answer was there. An AbortSignal is costly to make, and few answers want one:
 * it is made when it is asked for.
 */
export class Departure {
  #controller: AbortController | undefined
  #happened = false

  get happened(): boolean {
    return this.#happened
  }

  /** Aborted when they have gone. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#happened) this.#controller.abort()
    return this.#controller.signal
  }

  happen(): void {
    this.#happened = true
    this.#controller?.abort()
  }
}
