import { compareKeys, compareTo } from './key-order.ts'

/** A chunk is cut in two when it grows beyond this: small enough to insert into, large enough to be few. */
const CHUNK_KEYS = 512

interface Position {
  readonly chunk: number
  readonly index: number
}

export interface KeyPage {
  readonly keys: readonly string[]
  /** How many more there are after the last one. */
  readonly remaining: number
}

/** A set of keys in UTF-8 order: sorted chunks, so that adding one moves a few hundred and not all. */
export class SortedKeys {
  #chunks: string[][] = []

  /** The set of these keys, each given once. */
  static of(keys: Iterable<string>): SortedKeys {
    const sorted = [...keys].sort(compareKeys)
    const result = new SortedKeys()
    for (let from = 0; from < sorted.length; from += CHUNK_KEYS) {
      result.#chunks.push(sorted.slice(from, from + CHUNK_KEYS))
    }
    return result
  }

  /** Adds a key that is not in the set. */
  add(key: string): void {
    const { chunk, index } = this.#find(notBelow(key))
    // A key at the start of a chunk may as well end the one before it: keys that are added in order fill chunks.
    const before = index === 0 ? this.#chunks[chunk - 1] : undefined
    const target = before ?? this.#chunks[chunk]
    if (target === undefined) {
      this.#chunks.push([key])
      return
    }
    target.splice(before === undefined ? index : before.length, 0, key)
    if (target.length > CHUNK_KEYS) this.#split(before === undefined ? chunk : chunk - 1)
  }

  /** Removes a key that is in the set. */
  delete(key: string): void {
    const { chunk, index } = this.#find(notBelow(key))
    const keys = this.#chunks[chunk]
    if (keys === undefined) return
    keys.splice(index, 1)
    if (keys.length === 0) this.#chunks.splice(chunk, 1)
  }

  /** The first `limit` keys that start with `prefix` and are above `after`. */
  page(prefix: string, after: string | undefined, limit: number): KeyPage {
    const start = this.#start(prefix, after)
    const end = this.#find(beyond(prefix))
    const total = this.#distance(start, end)
    const keys: string[] = []
    for (let chunk = start.chunk, index = start.index; keys.length < Math.min(limit, total); chunk++, index = 0) {
      const source = this.#chunks[chunk] ?? []
      const take = Math.min(source.length - index, Math.min(limit, total) - keys.length)
      for (let i = index; i < index + take; i++) keys.push(source[i] as string)
    }
    return { keys, remaining: total - keys.length }
  }

  #start(prefix: string, after: string | undefined): Position {
    if (after === undefined || compareKeys(after, prefix) < 0) return this.#find(notBelow(prefix))
    return this.#find(above(after))
  }

  /** The first position whose key fulfils `reached`, which holds for all keys after it as well. */
  #find(reached: (key: string) => boolean): Position {
    const chunk = firstIndex(this.#chunks.length, (i) => reached(this.#chunks[i]?.at(-1) ?? ''))
    const keys = this.#chunks[chunk]
    return { chunk, index: keys === undefined ? 0 : firstIndex(keys.length, (i) => reached(keys[i] ?? '')) }
  }

  /** How many keys there are from one position up to another; none when that lies before. */
  #distance(from: Position, to: Position): number {
    if (from.chunk > to.chunk) return 0
    let count = to.index - from.index
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += this.#chunks[chunk]?.length ?? 0
    return Math.max(0, count)
  }

  #split(chunk: number): void {
    const keys = this.#chunks[chunk]
    if (keys !== undefined) this.#chunks.splice(chunk + 1, 0, keys.splice(keys.length >> 1))
  }
}

function notBelow(key: string): (other: string) => boolean {
  const compare = compareTo(key)
  return (other) => compare(other) >= 0
}

function above(key: string): (other: string) => boolean {
  const compare = compareTo(key)
  return (other) => compare(other) > 0
}

function beyond(prefix: string): (other: string) => boolean {
  const compare = compareTo(prefix)
  return (other) => compare(other) > 0 && !other.startsWith(prefix)
}

function firstIndex(length: number, reached: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (reached(middle)) high = middle
    else low = middle + 1
  }
  return low
}
