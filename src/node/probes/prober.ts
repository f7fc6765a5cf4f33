import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error.ts'
import type { Probe } from '../../kube/types/core.ts'
import type { ProbeOutcome } from './network-probes.ts'

/** What is told of a probe beside its verdict. */
export type ProbeNotice =
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string }

export interface ProberOptions {
  readonly probe: Probe
  /** When the container started, in milliseconds since the epoch. */
  readonly startedAt: number
  readonly clock: Clock
  /** Asks once. */
  ask(): Promise<ProbeOutcome>
  /** Called when as many answers in a row as the thresholds want say so; repeated while they go on. */
  onVerdict(success: boolean): void
  /** Called for each failure that counts. */
  onFailure(message: string): void
  onNotice(notice: ProbeNotice): void
  /**
   * Ask again soon, without counting, while nobody listens yet in the first period after the start: a server that needs
   * 50 ms to listen is not left waiting for a whole period.
   */
  readonly eager: boolean
}

const EAGER_FIRST_MS = 20

/** Asks a container the same question again and again, and tells when the answer is settled. */
export class Prober implements Disposable {
  readonly #options: ProberOptions
  #successes = 0
  #failures = 0
  #disposed = false
  #cancel: () => void = () => {}

  constructor(options: ProberOptions) {
    this.#options = options
    const { probe, startedAt, clock } = options
    const wait = startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now()
    this.#schedule(Math.max(0, wait), EAGER_FIRST_MS)
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#cancel()
  }

  #schedule(wait: number, eagerMs: number): void {
    const ask = () => void this.#ask(eagerMs)
    if (wait > 0) this.#cancel = this.#options.clock.after(wait, ask)
    else queueMicrotask(ask)
  }

  async #ask(eagerMs: number): Promise<void> {
    if (this.#disposed) return
    const { clock, probe, eager } = this.#options
    const period = (probe.periodSeconds ?? 10) * 1000
    const askedAt = clock.now()
    const outcome = await this.#options.ask().catch(asError)
    if (this.#disposed) return
    const soon = outcome.kind === 'failure' && outcome.refused === true && eager && eagerMs < period
    if (soon) {
      this.#schedule(eagerMs, eagerMs * 2)
      return
    }
    this.#count(outcome)
    this.#schedule(Math.max(1, askedAt + period - clock.now()), Number.POSITIVE_INFINITY)
  }

  #count(outcome: ProbeOutcome): void {
    const { probe, onVerdict, onFailure, onNotice } = this.#options
    // A question that could not be asked was not answered.
    if (outcome.kind === 'error') {
      onNotice(outcome)
      return
    }
    if (outcome.kind === 'success') {
      if (outcome.warning !== undefined) onNotice({ kind: 'warning', message: outcome.warning })
      this.#successes++
      this.#failures = 0
      if (this.#successes >= (probe.successThreshold ?? 1)) onVerdict(true)
      return
    }
    this.#failures++
    this.#successes = 0
    onFailure(outcome.message)
    if (this.#failures >= (probe.failureThreshold ?? 3)) onVerdict(false)
  }
}

function asError(error: unknown): ProbeOutcome {
  return { kind: 'error', message: errorMessage(error) }
}
