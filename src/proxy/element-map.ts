import type { NftBatch } from '../linux/nftables/batch.ts'
import type { Element, ListedElement, NftSet } from '../linux/nftables/program.ts'
import { bytesOf, textOf } from './encoding.ts'

/** Key and data are byte strings; the data of a verdict map is the chain to go to. */
export interface StoredElement {
  readonly data?: string
  readonly comment?: string
  /** Ends a range of an interval set. */
  readonly end?: boolean
}

/**
 * The wanted elements of one set, and what of them changed since the last transaction. A change that is taken back
 * before the transaction costs nothing.
 */
export class ElementMap {
  readonly set: NftSet
  /** Whether data are bytes, not verdicts. */
  readonly #plain: boolean
  readonly #elements = new Map<string, StoredElement>()
  /** What the kernel has under the keys that changed. */
  readonly #before = new Map<string, StoredElement | undefined>()

  constructor(set: NftSet) {
    this.set = set
    this.#plain = set.data !== 'verdict'
  }

  get size(): number {
    return this.#elements.size
  }

  /** Number of keys that changed, at most. */
  get changes(): number {
    return this.#before.size
  }

  get(key: string): StoredElement | undefined {
    return this.#elements.get(key)
  }

  put(key: string, element: StoredElement): void {
    this.#remember(key)
    this.#elements.set(key, element)
  }

  delete(key: string): void {
    if (!this.#elements.has(key)) return
    this.#remember(key)
    this.#elements.delete(key)
  }

  /** Deletes what changed or went. Call before {@link writeAdds}, in the same batch. */
  writeDeletes(batch: NftBatch): void {
    for (const [key, before] of this.#before) {
      if (before !== undefined && !sameElement(before, this.#elements.get(key))) {
        batch.deleteElement(this.set, toElement(this.set, key, before))
      }
    }
  }

  /** Adds what changed or is new. */
  writeAdds(batch: NftBatch): void {
    for (const [key, before] of this.#before) {
      const now = this.#elements.get(key)
      if (now === undefined || sameElement(before, now)) continue
      if (this.#plain && !now.end) batch.addText(this.set, key, now.data, now.comment)
      else batch.addElement(this.set, toElement(this.set, key, now))
    }
  }

  /** The kernel has it all now. */
  committed(): void {
    this.#before.clear()
  }

  /** Takes what the kernel has as the state before, so that the next transaction makes the difference. */
  compare(listed: readonly ListedElement[]): void {
    this.#before.clear()
    for (const element of listed) {
      const [key, stored] = fromListed(element)
      if (!sameElement(stored, this.#elements.get(key))) this.#before.set(key, stored)
      else this.#before.set(key, this.#elements.get(key))
    }
    for (const key of this.#elements.keys()) if (!this.#before.has(key)) this.#before.set(key, undefined)
  }

  #remember(key: string): void {
    if (!this.#before.has(key)) this.#before.set(key, this.#elements.get(key))
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
    end ? rangeEndKey(key) : key,
    {
      ...(data === undefined ? {} : { data: data instanceof Uint8Array ? textOf(data) : verdictText(data) }),
      ...(element.comment === undefined ? {} : { comment: element.comment }),
      ...(end ? { end } : {}),
    },
  ]
}

function verdictText(verdict: Exclude<ListedElement['data'], Buffer | undefined>): string {
  return verdict.kind === 'goto' ? verdict.chain : verdict.kind
}

function toElement(set: NftSet, key: string, { data, comment, end }: StoredElement): Element {
  const bytes = bytesOf(end ? key.slice(0, -1) : key)
  return {
    key: bytes,
    ...(data === undefined
      ? {}
      : { data: set.data === 'verdict' ? { kind: 'goto' as const, chain: data } : bytesOf(data) }),
    ...(comment === undefined ? {} : { comment }),
    ...(end ? { flags: 1 } : {}),
  }
}

function sameElement(a: StoredElement | undefined, b: StoredElement | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && a.data === b.data && a.comment === b.comment && a.end === b.end
}
