import type { NftBatch } from '../linux/nftables/batch.ts'
import type { Element, ListedElement, NftSet } from '../linux/nftables/program.ts'
import { bytesOf, textOf } from './encoding.ts'

/** Key (of ranges of a concatenation first and last key, one after the other) and data are byte strings; the data of a verdict map is the chain to go to. */
export interface StoredElement {
  readonly data?: string
  readonly comment?: string
  /** Ends a range of an interval set. */
  readonly end?: boolean
}

/** A key with what is wanted under it and what the kernel has; undefined is no element. */
interface Entry {
  readonly key: string
  wanted: StoredElement | undefined
  kernel: StoredElement | undefined
  changed: boolean
}

/**
 * The wanted elements of one set, and what of them changed since the last transaction. A change that is taken back
 * before the transaction costs nothing.
 */
export class ElementMap {
  readonly set: NftSet
  /** Whether data are bytes, not verdicts. */
  readonly #plain: boolean
  readonly #entries = new Map<string, Entry>()
  #changed: Entry[] = []
  #size = 0

  constructor(set: NftSet) {
    this.set = set
    this.#plain = set.data !== 'verdict' && !isRanges(set)
  }

  /** Number of wanted elements. */
  get size(): number {
    return this.#size
  }

  /** Number of keys that changed, at most. */
  get changes(): number {
    return this.#changed.length
  }

  get(key: string): StoredElement | undefined {
    return this.#entries.get(key)?.wanted
  }

  put(key: string, element: StoredElement): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#change(entry, element)
    else {
      const added = { key, wanted: element, kernel: undefined, changed: true }
      this.#entries.set(key, added)
      this.#changed.push(added)
      this.#size += 1
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry?.wanted !== undefined) this.#change(entry, undefined)
  }

  /** Deletes what changed or went. Call before {@link writeAdds}, in the same batch. */
  writeDeletes(batch: NftBatch): void {
    for (const { key, wanted, kernel } of this.#changed) {
      if (kernel !== undefined && !sameElement(kernel, wanted)) {
        batch.deleteElement(this.set, toElement(this.set, key, kernel))
      }
    }
  }

  /** Adds what changed or is new. */
  writeAdds(batch: NftBatch): void {
    for (const { key, wanted, kernel } of this.#changed) {
      if (wanted === undefined || sameElement(kernel, wanted)) continue
      if (this.#plain && !wanted.end) batch.addText(this.set, key, wanted.data, wanted.comment)
      else batch.addElement(this.set, toElement(this.set, key, wanted))
    }
  }

  /** The kernel has it all now. */
  committed(): void {
    for (const entry of this.#changed) {
      entry.kernel = entry.wanted
      entry.changed = false
      if (entry.wanted === undefined) this.#entries.delete(entry.key)
    }
    this.#changed = []
  }

  /** Takes these elements as what the kernel has, so that the next transaction makes the difference. */
  compare(listed: readonly ListedElement[]): void {
    for (const entry of this.#entries.values()) entry.kernel = undefined
    for (const element of listed) {
      const [key, kernel] = fromListed(element)
      const entry = this.#entries.get(key)
      if (entry === undefined) this.#entries.set(key, { key, wanted: undefined, kernel, changed: false })
      // One for both: it is kept as long as the proxy runs.
      else entry.kernel = sameElement(kernel, entry.wanted) ? entry.wanted : kernel
    }
    this.#changed = []
    for (const entry of this.#entries.values()) {
      entry.changed = !sameElement(entry.kernel, entry.wanted)
      if (entry.changed) this.#changed.push(entry)
    }
  }

  #change(entry: Entry, wanted: StoredElement | undefined): void {
    this.#size += (wanted === undefined ? 0 : 1) - (entry.wanted === undefined ? 0 : 1)
    entry.wanted = wanted
    if (entry.changed) return
    entry.changed = true
    this.#changed.push(entry)
  }
}

const END = '\u0100'

/** The key under which the end of a range is kept: the same bytes may start another range. */
export function rangeEndKey(key: string): string {
  return key + END
}

export function fromListed(element: ListedElement): [string, StoredElement] {
  const end = (element.flags & 1) !== 0
  const key = textOf(element.key)
  const data = element.data
  return [
    end ? rangeEndKey(key) : key + (element.keyEnd === undefined ? '' : textOf(element.keyEnd)),
    storedElement(data instanceof Uint8Array ? textOf(data) : data && verdictText(data), element.comment, end),
  ]
}

/** One hidden class for each kind of element: there are thousands. */
function storedElement(data: string | undefined, comment: string | undefined, end: boolean): StoredElement {
  if (end) return { end, ...(data === undefined ? {} : { data }), ...(comment === undefined ? {} : { comment }) }
  if (data === undefined) return comment === undefined ? {} : { comment }
  return comment === undefined ? { data } : { data, comment }
}

function verdictText(verdict: Exclude<ListedElement['data'], Buffer | undefined>): string {
  return verdict.kind === 'goto' ? verdict.chain : verdict.kind
}

function toElement(set: NftSet, key: string, { data, comment, end }: StoredElement): Element {
  const bytes = bytesOf(end ? key.slice(0, -1) : key)
  const half = bytes.length / 2
  return {
    ...(isRanges(set) ? { key: bytes.subarray(0, half), keyEnd: bytes.subarray(half) } : { key: bytes }),
    ...(data === undefined
      ? {}
      : { data: set.data === 'verdict' ? { kind: 'goto' as const, chain: data } : bytesOf(data) }),
    ...(comment === undefined ? {} : { comment }),
    ...(end ? { flags: 1 } : {}),
  }
}

/** Whether elements are ranges of a concatenation, with a last key each. */
function isRanges(set: NftSet): boolean {
  return set.interval === true && set.key.length > 1
}

function sameElement(a: StoredElement | undefined, b: StoredElement | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && a.data === b.data && a.comment === b.comment && a.end === b.end
}
