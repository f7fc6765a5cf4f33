import type { Answer } from '../wire/answer.ts'
import { encodeName, labelCount, nameText } from '../wire/name.ts'
import { equalBytes, hashName, type Question } from '../wire/question.ts'
import { type NameRecord, sameRecord } from './name-record.ts'
import { ReadyAnswers } from './ready-answers.ts'

/** A name that is there: what objects say of it, and the answers made from that. */
export class NameEntry {
  /** Wire form, lower case. */
  readonly key: Buffer
  readonly hash: number
  /** The next name with the same hash. */
  next: NameEntry | undefined
  /** How many names are directly below it. */
  children = 0
  readonly records = new Map<string, readonly NameRecord[]>()
  /** By type, those that are too long to be {@link ReadyAnswers}; made when first asked for after a change. */
  answers: Map<number, Answer> | undefined
  hasReady = false

  constructor(key: Buffer) {
    this.key = key
    this.hash = hashName(key)
  }
}

/**
 * All names that exist, found by the bytes of a question. A name is there while an object speaks of it or of a name
 * below it (RFC 8020), down to the names given as tops.
 */
export class NameTable {
  readonly #places = new Map<number, NameEntry>()
  /** Made when first asked for after a change. */
  readonly ready = new ReadyAnswers()
  readonly #owned = new Map<string, ReadonlyMap<string, readonly NameRecord[]>>()
  readonly #topLabels: (name: string) => number
  #size = 0

  /** @param tops Zones; above them nothing is kept. Canonical text. */
  constructor(tops: readonly string[]) {
    const sorted = [...tops].sort((a, b) => labelCount(b) - labelCount(a))
    this.#topLabels = (name) => labelCount(sorted.find((top) => name === top || name.endsWith(`.${top}`)) ?? '')
  }

  /** How many names there are. */
  get size(): number {
    return this.#size
  }

  find(question: Question): NameEntry | undefined {
    let entry = this.#places.get(question.hash)
    while (entry !== undefined) {
      const { key } = entry
      if (key.length === question.nameLength && equalBytes(question.name, 0, key)) return entry
      entry = entry.next
    }
    return undefined
  }

  /** The entry of a name in canonical text. */
  get(name: string): NameEntry | undefined {
    return this.#find(encodeName(name))
  }

  /** What an object says, by name. */
  owned(owner: string): ReadonlyMap<string, readonly NameRecord[]> | undefined {
    return this.#owned.get(owner)
  }

  names(): string[] {
    const names: string[] = []
    for (const first of this.#places.values()) {
      for (let entry: NameEntry | undefined = first; entry !== undefined; entry = entry.next)
        names.push(nameText(entry.key))
    }
    return names
  }

  /**
   * Replaces what an object says. Only names of which it now says something else are touched.
   *
   * @returns Whether anything changed.
   */
  set(owner: string, records: readonly NameRecord[]): boolean {
    const before = this.#owned.get(owner)
    const now = byName(records)
    let changed = false
    for (const name of before?.keys() ?? []) {
      if (now.has(name)) continue
      this.#drop(name, owner)
      changed = true
    }
    for (const [name, said] of now) {
      const old = before?.get(name)
      if (old !== undefined && sameRecords(old, said)) continue
      this.#put(name, owner, said)
      changed = true
    }
    if (now.size === 0) this.#owned.delete(owner)
    else this.#owned.set(owner, now)
    return changed
  }

  #put(name: string, owner: string, said: readonly NameRecord[]): void {
    const entry = this.#ensure(encodeName(name), this.#topLabels(name), labelCount(name))
    entry.records.set(owner, said)
    this.#forget(entry)
  }

  #drop(name: string, owner: string): void {
    const entry = this.#find(encodeName(name))
    if (entry === undefined) return
    entry.records.delete(owner)
    this.#forget(entry)
    this.#prune(entry, this.#topLabels(name), labelCount(name))
  }

  /** Keeps an answer until something else is said of the name. */
  keep(entry: NameEntry, question: Question, answer: Answer): void {
    if (ReadyAnswers.fits(answer)) {
      this.ready.add(question, answer)
      entry.hasReady = true
      return
    }
    entry.answers ??= new Map()
    entry.answers.set(question.type, answer)
  }

  #forget(entry: NameEntry): void {
    entry.answers = undefined
    if (!entry.hasReady) return
    entry.hasReady = false
    this.ready.drop(entry.key, entry.hash)
  }

  /** The entry of a name, made with those above it up to the zone. */
  #ensure(key: Buffer, topLabels: number, labels: number): NameEntry {
    const known = this.#find(key)
    if (known !== undefined) return known
    const entry = new NameEntry(key)
    entry.next = this.#places.get(entry.hash)
    this.#places.set(entry.hash, entry)
    this.#size++
    if (labels > topLabels && labels > 0) this.#ensure(parentKey(key), topLabels, labels - 1).children++
    return entry
  }

  #prune(entry: NameEntry, topLabels: number, labels: number): void {
    if (entry.records.size > 0 || entry.children > 0) return
    this.#unlink(entry)
    if (labels <= topLabels || labels === 0) return
    const parent = this.#find(parentKey(entry.key))
    if (parent === undefined) return
    parent.children--
    this.#prune(parent, topLabels, labels - 1)
  }

  #unlink(entry: NameEntry): void {
    this.#size--
    const first = this.#places.get(entry.hash)
    if (first === entry) {
      if (entry.next === undefined) this.#places.delete(entry.hash)
      else this.#places.set(entry.hash, entry.next)
      return
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next === entry) before.next = entry.next
    }
  }

  #find(key: Buffer): NameEntry | undefined {
    let entry = this.#places.get(hashName(key))
    while (entry !== undefined && !entry.key.equals(key)) entry = entry.next
    return entry
  }
}

function parentKey(key: Buffer): Buffer {
  return Buffer.from(key.subarray((key[0] ?? 0) + 1))
}

function byName(records: readonly NameRecord[]): Map<string, NameRecord[]> {
  const groups = new Map<string, NameRecord[]>()
  for (const record of records) {
    const group = groups.get(record.name)
    if (group === undefined) groups.set(record.name, [record])
    else group.push(record)
  }
  return groups
}

function sameRecords(a: readonly NameRecord[], b: readonly NameRecord[]): boolean {
  if (a.length !== b.length) return false
  for (const [i, record] of a.entries()) {
    const other = b[i]
    if (other === undefined || !sameRecord(record, other)) return false
  }
  return true
}
