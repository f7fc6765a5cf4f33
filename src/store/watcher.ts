import { FairleadError } from '../base/error.ts'
import type { StoreEvent } from './store.ts'

/** So many changes may wait for a reader before it is cut off; they are references, not copies. */
export const WATCH_QUEUE_LIMIT = 16_384

export interface WatcherOptions {
  readonly prefix: string
  /** What happened before the watch began; does not count as falling behind. */
  readonly replay: readonly StoreEvent[]
  /** Changes up to this revision are not delivered. */
  readonly after: number
  readonly queueLimit: number
  readonly signal: AbortSignal | undefined
  /** Called once when the watch is over, for whatever reason. */
  readonly onEnd: (watcher: Watcher) => void
}

type Result = IteratorResult<readonly StoreEvent[], undefined>

/** One watch: changes go in by {@link push}, and out by reading it as an async iterator. */
export class Watcher implements AsyncIterableIterator<readonly StoreEvent[]> {
  readonly prefix: string
  readonly #options: WatcherOptions
  #queue: StoreEvent[]
  #replaying: boolean
  #reader: ((result: Result) => void) | undefined
  #ended = false
  #failure: FairleadError | undefined
  readonly #onAbort = () => this.end()

  constructor(options: WatcherOptions) {
    this.prefix = options.prefix
    this.#options = options
    this.#queue = [...options.replay]
    this.#replaying = this.#queue.length > 0
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (options.signal?.aborted) this.end()
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Takes changes below the prefix, in order. */
  push(events: readonly StoreEvent[]): void {
    const { after, queueLimit, replay } = this.#options
    const news = events.filter((event) => event.revision > after)
    if (this.#ended || news.length === 0) return
    this.#queue.push(...news)
    if (this.#reader !== undefined) {
      this.#reader({ done: false, value: this.#take() })
      this.#reader = undefined
    } else if (this.#queue.length > queueLimit + (this.#replaying ? replay.length : 0)) {
      this.#failure = overflow(this.prefix, queueLimit)
      this.end()
    }
  }

  /** Ends the watch: what waits is dropped, and the reader's loop is over. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#queue = []
    this.#reader?.({ done: true, value: undefined })
    this.#reader = undefined
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#options.onEnd(this)
  }

  async next(): Promise<Result> {
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      throw failure
    }
    if (this.#ended) return { done: true, value: undefined }
    if (this.#queue.length > 0) return { done: false, value: this.#take() }
    if (this.#reader !== undefined) throw new FairleadError('BUG', `Two readers of one watch of ${this.prefix}`)
    return new Promise((resolve) => {
      this.#reader = resolve
    })
  }

  async return(): Promise<Result> {
    this.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #take(): readonly StoreEvent[] {
    const taken = this.#queue
    this.#queue = []
    this.#replaying = false
    return taken
  }
}

function overflow(prefix: string, limit: number): FairleadError {
  return new FairleadError(
    'STORE_WATCH_OVERFLOW',
    `The reader of a watch of ${prefix} fell behind by more than ${limit} changes and was cut off`,
  )
}
