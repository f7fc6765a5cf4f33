import { setTimeout } from 'node:timers/promises'
import { ask, type EchoAnswer, type Target, type Vantage } from '../../src/cluster/vantage.ts'

export interface Request {
  /** Who asked, and over what: `pod client on node-1 TCP`. */
  readonly from: string
  /** Position among the load's events: before and after need no clock. */
  readonly begun: number
  readonly answer?: EchoAnswer
  readonly error?: unknown
}

const TIMEOUT_MS = 2_000
/** Pods that nobody has heard of by then will not answer. */
const PATIENCE_MS = 120_000
/** Between two requests of one asker: many per second, yet the machine has time for everybody else. */
const PAUSE_MS = 4

/** Requests one after the other to each target from each vantage, all of them at once, until stopped. */
export class Load implements AsyncDisposable {
  readonly #requests: Request[] = []
  readonly #askers: readonly string[]
  /** Who has had an answer of whom. */
  readonly #heard = new Set<string>()
  readonly #loops: readonly Promise<void>[]
  #waiting: (() => void)[] = []
  #counted = 0
  #now = 0
  #stopped = false

  constructor(vantages: readonly Vantage[], targets: readonly Target[]) {
    const pairs = vantages.flatMap((from) => targets.map((target) => ({ from, target })))
    this.#askers = pairs.map(({ from, target }) => `${from.name} ${target.protocol}`)
    this.#loops = pairs.map(({ from, target }) => this.#run(from, target))
  }

  /** A moment: requests that begin after it have a greater number. */
  mark(): number {
    return this.#now++
  }

  /** Every request that has ended since counting began. */
  requests(): readonly Request[] {
    return this.#requests.slice(this.#counted)
  }

  /** Resolves when so many more requests have ended. */
  async more(count: number): Promise<void> {
    const wanted = this.#requests.length + count
    while (this.#requests.length < wanted) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Waits until each of these pods has answered everybody: the kernel of every node knows them. Rejects in the end. */
  async heard(pods: readonly string[]): Promise<void> {
    const givingUp = performance.now() + PATIENCE_MS
    for (;;) {
      const missing = this.#askers.flatMap((from) =>
        pods.filter((pod) => !this.#heard.has(`${from} ${pod}`)).map((pod) => `${from}: ${pod}`),
      )
      if (missing.length === 0) return
      if (performance.now() > givingUp) {
        const last = this.#requests.filter(isFailure).slice(-5).map(describeFailure)
        throw new Error(`Nobody heard within ${PATIENCE_MS / 1000} s of ${missing.join(', ')}; ${last.join('; ')}`)
      }
      await this.more(1)
    }
  }

  /** Forgets the requests up to now: before the kernel knew a Service, some were lost. */
  count(): void {
    this.#counted = this.#requests.length
  }

  failures(): readonly string[] {
    return this.requests().filter(isFailure).map(describeFailure)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #run(from: Vantage, target: Target): Promise<void> {
    while (!this.#stopped) {
      const about = { from: `${from.name} ${target.protocol}`, begun: this.#now++ }
      try {
        const answer = await ask(from, target, TIMEOUT_MS)
        this.#requests.push({ ...about, answer })
        this.#heard.add(`${about.from} ${answer.pod}`)
      } catch (error) {
        this.#requests.push({ ...about, error })
      }
      for (const resolve of this.#waiting.splice(0)) resolve()
      await setTimeout(PAUSE_MS)
    }
  }
}

export function isFailure({ error }: Request): boolean {
  return error !== undefined
}

export function describeFailure({ from, error }: Request): string {
  return `${from}: ${error instanceof Error ? error.message : String(error)}`
}
