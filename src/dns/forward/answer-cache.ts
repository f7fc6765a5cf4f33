import type { Clock } from '../../base/clock.ts'
import type { CacheConfig, CachePart } from '../corefile/cache-config.ts'
import { type Answer, nextRecord } from '../wire/answer.ts'
import { FLAG, RCODE, TYPE } from '../wire/codes.ts'
import { writeOptions } from '../wire/edns-option.ts'
import { isWithin, skipName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'

export type CachePartName = 'success' | 'denial'

export interface CacheObserver {
  hit(part: CachePartName): void
  missed(): void
  prefetched(): void
  stale(): void
  dropped(part: CachePartName): void
}

interface Entry {
  readonly answer: Answer
  readonly storedAt: number
  readonly expiresAt: number
  readonly part: CachePartName
  /** How often it was asked for, without longer pauses than the prefetch's duration. */
  hits: number
  lastHit: number
}

export interface AnswerCacheOptions {
  readonly config: CacheConfig
  readonly clock: Clock
  readonly observer: CacheObserver
}

/**
 * The directive `cache` in front of upstreams: answers and denials for as long as their TTLs say, within bounds. A
 * question that is on its way already is not asked again.
 */
export class AnswerCache {
  readonly #options: AnswerCacheOptions
  readonly #parts = { success: new Map<string, Entry>(), denial: new Map<string, Entry>() }
  readonly #asking = new Map<string, Promise<Answer>>()

  constructor(options: AnswerCacheOptions) {
    this.#options = options
  }

  /** How many answers are kept. */
  size(part: CachePartName): number {
    return this.#parts[part].size
  }

  /** The kept answer, or what `ask` brings. */
  get(question: Question, ask: (question: Question) => Promise<Answer>): Answer | Promise<Answer> {
    const { config, clock, observer } = this.#options
    const name = question.text
    if (!config.zones.some((zone) => isWithin(name, zone))) return ask(question.copy())
    const key = keyOf(name, question)
    const entry = this.#parts.success.get(key) ?? this.#parts.denial.get(key)
    const now = clock.now()
    if (entry !== undefined && now < entry.expiresAt) {
      observer.hit(entry.part)
      this.#perhapsPrefetch({ key, entry, now, question, ask })
      return this.#aged(entry, now)
    }
    observer.missed()
    const asked = this.#ask(key, question.copy(), ask)
    if (entry === undefined || now >= entry.expiresAt + config.staleMs || entry.answer.rcode === RCODE.SERVFAIL)
      return asked
    if (config.staleMode === 'immediate') {
      observer.stale()
      return { ...entry.answer, ttlLimit: 0 }
    }
    return asked.then((answer) => {
      if (answer.rcode !== RCODE.SERVFAIL) return answer
      observer.stale()
      return { ...entry.answer, ttlLimit: 0 }
    })
  }

  #aged(entry: Entry, now: number): Answer {
    if (this.#options.config.keepTtl) return entry.answer
    const ttlLimit = Math.max(0, Math.ceil((entry.expiresAt - now) / 1000))
    return { ...entry.answer, age: Math.floor((now - entry.storedAt) / 1000), ttlLimit }
  }

  #perhapsPrefetch({ key, entry, now, question, ask }: Hit): void {
    const { amount, withinMs, percent } = this.#options.config.prefetch
    if (amount === 0) return
    entry.hits = now - entry.lastHit < withinMs ? entry.hits + 1 : 1
    entry.lastHit = now
    const lifetime = entry.expiresAt - entry.storedAt
    const left = entry.expiresAt - now
    if (entry.hits < amount || left > Math.max(1_000, (lifetime * percent) / 100) || this.#asking.has(key)) return
    this.#options.observer.prefetched()
    void this.#ask(key, question.copy(), ask)
  }

  #ask(key: string, question: Question, ask: (question: Question) => Promise<Answer>): Promise<Answer> {
    const running = this.#asking.get(key)
    if (running !== undefined) return running
    const coming = ask(question)
      .then((answer) => this.#keep(key, question, answer))
      .finally(() => this.#asking.delete(key))
    // Whoever asked hears of a failure; a prefetch has nobody.
    coming.catch(() => {})
    this.#asking.set(key, coming)
    return coming
  }

  #keep(key: string, question: Question, fresh: Answer): Answer {
    const { config, clock } = this.#options
    const part = partOf(fresh, question.type)
    if (part === undefined) return fresh
    // A failure does not take the place of what may still be given.
    if (fresh.rcode === RCODE.SERVFAIL && this.#parts.success.has(key) && config.staleMs > 0) return fresh
    if (config.disabled[part].some((zone) => isWithin(question.text, zone))) return fresh
    const ttls = ttlOffsets(fresh)
    const bounds = config[part]
    const seconds = fresh.rcode === RCODE.SERVFAIL ? config.servfailMs / 1000 : lifetime(fresh, ttls, bounds)
    if (seconds <= 0) return fresh
    const now = clock.now()
    const answer = { ...fresh, flags: fresh.flags & ~FLAG.AA, ttls }
    this.#parts[part === 'success' ? 'denial' : 'success'].delete(key)
    this.#put(part, key, { answer, storedAt: now, expiresAt: now + seconds * 1000, part, hits: 0, lastHit: now })
    return { ...answer, ttlLimit: seconds }
  }

  #put(part: CachePartName, key: string, entry: Entry): void {
    const map = this.#parts[part]
    map.delete(key)
    map.set(key, entry)
    if (map.size <= this.#options.config[part].capacity) return
    for (const oldest of map.keys()) {
      map.delete(oldest)
      this.#options.observer.dropped(part)
      return
    }
  }
}

interface Hit {
  readonly key: string
  readonly entry: Entry
  readonly now: number
  readonly question: Question
  readonly ask: (question: Question) => Promise<Answer>
}

/** What an answer may depend on: flags that are passed on, and options that `rewrite edns0` puts there. */
function keyOf(name: string, { type, class: number, dnssecOk, flags, passedOn }: Question): string {
  const plain = `${name} ${type} ${number} ${dnssecOk ? 1 : 0}${(flags & FLAG.CD) === 0 ? 0 : 1}`
  return passedOn.length === 0 ? plain : `${plain} ${writeOptions(passedOn).toString('latin1')}`
}

/** Where an answer is kept; undefined for one that is not. */
function partOf(answer: Answer, type: number): CachePartName | undefined {
  if (answer.rcode === RCODE.NXDOMAIN || answer.rcode === RCODE.SERVFAIL) return 'denial'
  if (answer.rcode !== RCODE.NOERROR) return undefined
  if (answer.answers > 0) return 'success'
  // A denial without SOA says nothing of how long it holds (RFC 2308 §5).
  return answer.authorities > 0 && type !== TYPE.SOA && firstAuthorityType(answer) === TYPE.SOA ? 'denial' : undefined
}

function firstAuthorityType(answer: Answer): number {
  let at = 0
  for (let i = 0; i < answer.answers; i++) at = nextRecord(answer.body, at)
  return answer.body.readUInt16BE(skipName(answer.body, at))
}

/** Seconds: the least of all TTLs, for a denial also the SOA's minimum (RFC 2308 §5), within the bounds. */
function lifetime(answer: Answer, ttls: readonly number[], { maxTtl, minTtl }: CachePart): number {
  let seconds = maxTtl
  for (const offset of ttls) seconds = Math.min(seconds, answer.body.readUInt32BE(offset))
  let at = 0
  for (let i = 0; i < answer.answers + answer.authorities; i++) {
    const fields = skipName(answer.body, at)
    const next = nextRecord(answer.body, at)
    if (answer.body.readUInt16BE(fields) === TYPE.SOA) seconds = Math.min(seconds, answer.body.readUInt32BE(next - 4))
    at = next
  }
  return Math.max(minTtl, seconds)
}

function ttlOffsets(answer: Answer): number[] {
  const offsets: number[] = []
  const count = answer.answers + answer.authorities + answer.additionals
  for (let i = 0, at = 0; i < count; i++) {
    offsets.push(skipName(answer.body, at) + 4)
    at = nextRecord(answer.body, at)
  }
  return offsets
}
