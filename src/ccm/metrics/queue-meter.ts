import type { Clock } from '../../base/clock.ts'
import type { QueueObserver } from '../../kube/work-queue.ts'

/** What a meter finds of a queue and its workers; seconds. */
export interface QueueFigures {
  added(): void
  waited(seconds: number): void
  worked(seconds: number, result: 'success' | 'error'): void
  retried(): void
}

/** Measures how long keys wait and are worked on. */
export class QueueMeter implements QueueObserver {
  readonly #figures: QueueFigures
  readonly #clock: Pick<Clock, 'now'>
  /** When keys were added, and taken. */
  readonly #waiting = new Map<string, number>()
  readonly #working = new Map<string, number>()
  readonly #failed = new Set<string>()

  constructor(figures: QueueFigures, clock: Pick<Clock, 'now'>) {
    this.#figures = figures
    this.#clock = clock
  }

  /** How many keys are worked on. */
  get active(): number {
    return this.#working.size
  }

  /** How long keys have been worked on until now: all together, and the longest; seconds. */
  unfinished(): { readonly sum: number; readonly longest: number } {
    const times = [...this.#working.values()].map((since) => this.#since(since))
    return { sum: times.reduce((sum, time) => sum + time, 0), longest: Math.max(0, ...times) }
  }

  added(key: string): void {
    this.#figures.added()
    if (!this.#waiting.has(key)) this.#waiting.set(key, this.#clock.now())
  }

  taken(key: string): void {
    const since = this.#waiting.get(key)
    this.#waiting.delete(key)
    this.#working.set(key, this.#clock.now())
    if (since !== undefined) this.#figures.waited(this.#since(since))
  }

  retried(key: string): void {
    this.#figures.retried()
    this.#failed.add(key)
  }

  done(key: string): void {
    const since = this.#working.get(key)
    this.#working.delete(key)
    const result = this.#failed.delete(key) ? 'error' : 'success'
    if (since !== undefined) this.#figures.worked(this.#since(since), result)
  }

  #since(time: number): number {
    return Math.max(0, this.#clock.now() - time) / 1_000
  }
}
