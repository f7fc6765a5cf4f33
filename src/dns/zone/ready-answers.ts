import { type Answer, OPT_LENGTH, writeEnd, writeStart } from '../wire/answer.ts'
import { HEADER_LENGTH } from '../wire/codes.ts'
import { equalBytes, type Question } from '../wire/question.ts'
import { getUint16, putUint16 } from '../wire/uint16.ts'

/**
 * Answers as bytes under the question's bytes, so that to answer is one look into a table of numbers and one copy: no
 * object is made or followed, which at ten thousand names would cost more than all else (each is a miss of the
 * processor's caches).
 *
 * An answer lies in `#bytes` as: type, length of name, code (2 + 1 + 1 bytes), flags, counts of the three sections,
 * length of each record that may take turns, length of body (2 bytes each), name in lower case, body.
 */
export class ReadyAnswers {
  /** Pairs: hash of the name, and where its answer begins (`EMPTY`, `GONE`). A power of two of them. */
  #slots = new Int32Array(2 * FIRST_SLOTS).fill(EMPTY)
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #end = 0
  /** Slots that are not empty. */
  #used = 0
  #size = 0
  /** Bytes of answers that are gone. */
  #lost = 0

  /** How many answers are ready. */
  get size(): number {
    return this.#size
  }

  /** Memory that it holds. */
  get bytes(): number {
    return this.#bytes.length + this.#slots.byteLength
  }

  /** Where the answer to a question is; -1 when it is not ready. Valid until the next change. */
  find(question: Question): number {
    const slots = this.#slots
    const bytes = this.#bytes
    const mask = slots.length / 2 - 1
    const { hash, type, nameLength } = question
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slots[2 * slot + 1] as number
      if (at === EMPTY) return -1
      if (at === GONE || slots[2 * slot] !== hash) continue
      if (bytes[at + NAME_LENGTH] !== nameLength || getUint16(bytes, at) !== type) continue
      if (sameBytes(bytes, at + NAME, question)) return at
    }
  }

  /** Whether an answer can be kept here: short ones without anything that changes with time. */
  static fits({ body, ttls, answers, turning }: Answer): boolean {
    return body.length <= MAX_BODY && ttls === undefined && answers < 0x10000 && turning < 0x10000
  }

  add(question: Question, answer: Answer): void {
    const { nameLength } = question
    const size = NAME + nameLength + answer.body.length
    this.#makeRoom(size)
    const at = this.#end
    const bytes = this.#bytes
    bytes.writeUInt16BE(question.type, at)
    bytes[at + NAME_LENGTH] = nameLength
    bytes[at + CODE] = answer.rcode
    bytes.writeUInt16BE(answer.flags, at + FLAGS)
    bytes.writeUInt16BE(answer.answers, at + ANSWERS)
    bytes.writeUInt16BE(answer.authorities, at + AUTHORITIES)
    bytes.writeUInt16BE(answer.additionals, at + ADDITIONALS)
    bytes.writeUInt16BE(answer.turning, at + TURNING)
    bytes.writeUInt16BE(answer.body.length, at + BODY_LENGTH)
    question.name.copy(bytes, at + NAME, 0, nameLength)
    answer.body.copy(bytes, at + NAME + nameLength)
    this.#end += size
    this.#size++
    this.#used += place(this.#slots, question.hash, at) === EMPTY ? 1 : 0
  }

  /** Forgets all answers about a name (wire form, lower case). */
  drop(key: Buffer, hash: number): void {
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slots[2 * slot + 1] as number
      if (at === EMPTY) return
      if (at === GONE || slots[2 * slot] !== hash || this.#bytes[at + NAME_LENGTH] !== key.length) continue
      if (!equalBytes(this.#bytes, at + NAME, key)) continue
      slots[2 * slot + 1] = GONE
      this.#size--
      this.#lost += this.#sizeAt(at)
    }
  }

  codeAt(at: number): number {
    return this.#bytes[at + CODE] as number
  }

  /** An answer in memory of its own. */
  answerAt(at: number): Answer {
    const bytes = this.#bytes
    const begin = at + NAME + (bytes[at + NAME_LENGTH] as number)
    return {
      rcode: this.codeAt(at),
      flags: getUint16(bytes, at + FLAGS),
      answers: getUint16(bytes, at + ANSWERS),
      authorities: getUint16(bytes, at + AUTHORITIES),
      additionals: getUint16(bytes, at + ADDITIONALS),
      body: Buffer.from(bytes.subarray(begin, begin + getUint16(bytes, at + BODY_LENGTH))),
      turning: getUint16(bytes, at + TURNING),
    }
  }

  /**
   * Writes the response with the answer found at `at`.
   *
   * @returns Its length; 0 when it does not fit, and records must be left out.
   */
  write(at: number, question: Question, to: ReadyPlace): number {
    const bytes = this.#bytes
    const length = getUint16(bytes, at + BODY_LENGTH)
    const { out, start } = to
    if (HEADER_LENGTH + question.nameLength + 4 + length + (question.hasEdns ? OPT_LENGTH : 0) > to.size) return 0
    const answers = getUint16(bytes, at + ANSWERS)
    let end = writeStart(out, start, question, getUint16(bytes, at + FLAGS) | (this.codeAt(at) & 15))
    putUint16(out, start + 6, answers)
    putUint16(out, start + 8, getUint16(bytes, at + AUTHORITIES))
    putUint16(out, start + 10, getUint16(bytes, at + ADDITIONALS) + (question.hasEdns ? 1 : 0))
    const body = at + NAME + question.nameLength
    const turning = getUint16(bytes, at + TURNING)
    const turned = turning * answers
    // Records that take turns: from the one whose turn it is to the last, then those before it.
    const first = turned === 0 ? 0 : (to.turn % answers) * turning
    end = copy(bytes, body + first, turned - first, { out, at: end })
    end = copy(bytes, body, first, { out, at: end })
    end = copy(bytes, body + turned, length - turned, { out, at: end })
    return writeEnd(out, end, question, this.codeAt(at)) - start
  }

  #sizeAt(at: number): number {
    return NAME + (this.#bytes[at + NAME_LENGTH] as number) + getUint16(this.#bytes, at + BODY_LENGTH)
  }

  /** Memory for one more answer; what is gone is left behind when all move. */
  #makeRoom(size: number): void {
    const slots = this.#slots.length / 2
    if (2 * (this.#used + 1) > slots) this.#move(this.#size * 4 > slots ? slots * 2 : slots, this.#bytes.length)
    if (this.#end + size <= this.#bytes.length) return
    const isMostlyGone = 2 * this.#lost > this.#bytes.length
    this.#move(this.#slots.length / 2, isMostlyGone ? this.#bytes.length : 2 * this.#bytes.length)
  }

  #move(slotCount: number, byteCount: number): void {
    const [oldSlots, oldBytes] = [this.#slots, this.#bytes]
    const slots = new Int32Array(2 * slotCount).fill(EMPTY)
    const bytes = Buffer.allocUnsafeSlow(byteCount)
    let end = 0
    for (let slot = 0; slot < oldSlots.length; slot += 2) {
      const at = oldSlots[slot + 1] as number
      if (at < 0) continue
      place(slots, oldSlots[slot] as number, end)
      end += oldBytes.copy(bytes, end, at, at + this.#sizeAt(at))
    }
    this.#slots = slots
    this.#bytes = bytes
    this.#end = end
    this.#used = this.#size
    this.#lost = 0
  }
}

/** Where a response is written, and what bounds it. */
export interface ReadyPlace {
  readonly out: Buffer
  readonly start: number
  /** Longest response. */
  readonly size: number
  /** A number that says which of several addresses comes first. */
  readonly turn: number
}

const EMPTY = -1
const GONE = -2
const FIRST_SLOTS = 1 << 10
const FIRST_BYTES = 1 << 16
/** Longer ones are few, and seldom fit into a packet as they are. */
const MAX_BODY = 2_048
const NAME_LENGTH = 2
const CODE = 3
const FLAGS = 4
const ANSWERS = 6
const AUTHORITIES = 8
const ADDITIONALS = 10
const TURNING = 12
const BODY_LENGTH = 14
const NAME = 16

/** Enters an answer and returns what was in the slot. */
function place(slots: Int32Array, hash: number, at: number): number {
  const mask = slots.length / 2 - 1
  let slot = hash & mask
  while ((slots[2 * slot + 1] as number) >= 0) slot = (slot + 1) & mask
  const before = slots[2 * slot + 1] as number
  slots[2 * slot] = hash
  slots[2 * slot + 1] = at
  return before
}

function sameBytes(bytes: Buffer, at: number, { name, nameLength }: Question): boolean {
  for (let i = 0; i < nameLength; i++) if (bytes[at + i] !== name[i]) return false
  return true
}

/** A call of the runtime's own copying costs more than so many bytes in a loop. */
const LONG = 64

function copy(bytes: Buffer, from: number, length: number, to: { readonly out: Buffer; readonly at: number }): number {
  const { out, at } = to
  if (length > LONG) bytes.copy(out, at, from, from + length)
  else for (let i = 0; i < length; i++) out[at + i] = bytes[from + i] as number
  return at + length
}
