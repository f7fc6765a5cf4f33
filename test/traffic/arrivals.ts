import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'

const TIMEOUT_MS = 10_000
const TICK_MS = 5

/** New connections at a fixed rate, whatever becomes of those before. */
export class Arrivals {
  readonly failures: string[] = []
  readonly pods = new Map<string, number>()
  begun = 0
  readonly #open = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  readonly #start = performance.now()
  #ended: (() => void)[] = []

  constructor(vantages: readonly Vantage[], targets: readonly Target[], perSecond: number) {
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#start) * perSecond) / 1000)
      // After a pause of this process it does not make up for more than a tenth of a second at once.
      for (let burst = 0; this.begun < due && burst < perSecond / 10; burst += 1) {
        const from = vantages[this.begun % vantages.length] as Vantage
        const target = targets[this.begun % targets.length] as Target
        this.begun += 1
        const asked = this.#ask(from, target).finally(() => this.#open.delete(asked))
        this.#open.add(asked)
      }
    }, TICK_MS)
  }

  /** Waits until all that was begun up to now, and so many begun after it, have ended. */
  async more(count: number): Promise<void> {
    const wanted = this.begun + count
    while (this.begun < wanted) await new Promise<void>((resolve) => this.#ended.push(resolve))
    await Promise.all(this.#open)
  }

  /** What failed since the last call. */
  takeFailures(): string[] {
    return this.failures.splice(0)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #ask(from: Vantage, target: Target): Promise<void> {
    try {
      const { pod } = await ask(from, target, TIMEOUT_MS)
      this.pods.set(pod, (this.pods.get(pod) ?? 0) + 1)
    } catch (error) {
      this.failures.push(`${from.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
    for (const resolve of this.#ended.splice(0)) resolve()
  }
}
