/**
 * What was started, to be stopped in reverse order. Node.js 20 has no AsyncDisposableStack; this is the part of it that
 * Fairlead uses.
 */
export class Disposables implements AsyncDisposable {
  #resources: (AsyncDisposable | Disposable)[] = []

  /** Takes over a resource and returns it. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.#resources.push(resource)
    return resource
  }

  /** Calls back when the rest that came later is stopped. */
  defer(stop: () => void | Promise<void>): void {
    this.#resources.push({ [Symbol.asyncDispose]: async () => stop() })
  }

  /** Hands everything over to a new owner: disposing this one then does nothing. */
  move(): Disposables {
    const moved = new Disposables()
    moved.#resources = this.#resources
    this.#resources = []
    return moved
  }

  /** Stops all, the newest first; what fails keeps nothing else from stopping, and is thrown at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let resource = this.#resources.pop(); resource !== undefined; resource = this.#resources.pop()) {
      try {
        if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]()
        else resource[Symbol.dispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, 'Several parts did not stop')
  }
}
