import type { Clock } from '../base/clock.ts'
import type { CoreEvent } from './types/core.ts'
import type { ObjectReference } from './types/meta.ts'

export interface Happening {
  readonly involvedObject: ObjectReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface EventDraft extends Happening {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Tells apart the events of one recorder. */
  readonly sequence: number
  /** Events of the same key are one. */
  readonly key: string
}

/** client-go's: more different messages for one reason within the interval become one combined event. */
const SIMILAR_MAX = 10
const SIMILAR_INTERVAL_MS = 600_000
/** client-go's: so many events about one object at once, then one every five minutes. */
const BURST = 25
const REFILL_MS = 300_000
const CACHE_SIZE = 4_096

interface Similar {
  readonly messages: Set<string>
  lastAt: number
}

interface Bucket {
  tokens: number
  refilledAt: number
}

/** Decides which events are repeats of others, which are combined, and which are too many. */
export class EventAggregator {
  readonly #clock: Clock
  readonly #similar = new Map<string, Similar>()
  readonly #buckets = new Map<string, Bucket>()
  readonly #written = new Map<string, CoreEvent>()
  #sequence: number

  /** @param random 0 <= x < 1; keeps recorders of the same millisecond apart. */
  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock
    this.#sequence = Math.floor(random() * 1_000_000)
  }

  /** What is to be written about it; `undefined` when there were too many about this object. */
  observe(happening: Happening): EventDraft | undefined {
    const at = this.#clock.now()
    const { involvedObject, type, reason } = happening
    const { kind, namespace, name, uid, fieldPath } = involvedObject
    const objectKey = JSON.stringify([kind, namespace, name, uid, fieldPath])
    const similarKey = JSON.stringify([objectKey, type, reason])
    const isCombined = this.#isCombined(similarKey, happening.message, at)
    if (!this.#hasToken(objectKey, at)) return undefined
    const message = isCombined ? `(combined from similar events): ${happening.message}` : happening.message
    const key = isCombined ? similarKey : JSON.stringify([similarKey, message])
    return { ...happening, message, at, key, sequence: this.#sequence++ }
  }

  /** The event that a draft repeats. */
  known({ key }: EventDraft): CoreEvent | undefined {
    return this.#written.get(key)
  }

  /** Remembers what was written for a draft. */
  written({ key }: EventDraft, event: CoreEvent): void {
    remember(this.#written, key, event)
  }

  #isCombined(key: string, message: string, at: number): boolean {
    const known = this.#similar.get(key)
    const current =
      known !== undefined && at - known.lastAt <= SIMILAR_INTERVAL_MS
        ? known
        : { messages: new Set<string>(), lastAt: at }
    current.lastAt = at
    current.messages.add(message)
    remember(this.#similar, key, current)
    if (current.messages.size < SIMILAR_MAX) return false
    // It need not grow further.
    const [oldest] = current.messages
    if (oldest !== undefined) current.messages.delete(oldest)
    return true
  }

  #hasToken(key: string, at: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, refilledAt: at }
    const gained = Math.floor((at - bucket.refilledAt) / REFILL_MS)
    bucket.tokens = Math.min(BURST, bucket.tokens + gained)
    bucket.refilledAt += gained * REFILL_MS
    remember(this.#buckets, key, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}

/** A Map keeps its order: the one unused for longest goes first. */
function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  cache.delete(key)
  cache.set(key, value)
  if (cache.size <= CACHE_SIZE) return
  const [oldest] = cache.keys()
  if (oldest !== undefined) cache.delete(oldest)
}
