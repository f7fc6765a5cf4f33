import { FLAG, HEADER_LENGTH, RCODE, TYPE, UDP_SIZE } from './codes.ts'
import { MessageWriter } from './message-writer.ts'
import { skipName } from './name.ts'
import type { Question } from './question.ts'
import type { DnsRecord } from './record.ts'
import { putUint16 } from './uint16.ts'

/**
 * What is said to a question, ready to be sent: the bytes that follow the question. Names in it point into the question,
 * so it fits every question about a name of that length and those labels, however they are spelt.
 */
export interface Answer {
  readonly rcode: number
  /** AA, RA, AD as they are to be sent. */
  readonly flags: number
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
  readonly body: Buffer
  /**
   * Length of each answer record when they may be sent in any order: addresses of one name. 0 when not.
   */
  readonly turning: number
  /** For kept answers: where in `body` the TTLs are, and by how many seconds they are to be less. */
  readonly ttls?: readonly number[]
  readonly age?: number
  /** A lower TTL than in the body. */
  readonly ttlLimit?: number
}

export interface AnswerContent {
  readonly rcode?: number
  readonly flags?: number
  readonly answers?: readonly DnsRecord[]
  readonly authorities?: readonly DnsRecord[]
  readonly additionals?: readonly DnsRecord[]
  /** Whether the answers may be sent in any order. */
  readonly turning?: boolean
}

/** Bytes of an OPT record without options. */
export const OPT_LENGTH = 11

const NO_BYTES = Buffer.alloc(0)

/** Makes an answer to a question about `name` (wire form). */
export function makeAnswer(name: Uint8Array, content: AnswerContent): Answer {
  const { rcode = RCODE.NOERROR, flags = 0, answers = [], authorities = [], additionals = [] } = content
  const writer = new MessageWriter(name)
  for (const record of answers) writer.record(record)
  const end = writer.end - HEADER_LENGTH - name.length - 4
  for (const record of [...authorities, ...additionals]) writer.record(record)
  const turning = content.turning === true && answers.length > 1 ? end / answers.length : 0
  const counts = { answers: answers.length, authorities: authorities.length, additionals: additionals.length }
  return { rcode, flags, ...counts, body: writer.finish(), turning }
}

/** An answer without records. */
export function emptyAnswer(rcode: number, flags = 0): Answer {
  return { rcode, flags, answers: 0, authorities: 0, additionals: 0, body: NO_BYTES, turning: 0 }
}

export interface ResponseLimits {
  /** Longest message. */
  readonly size: number
  /** A number that says which of several addresses comes first. */
  readonly turn: number
}

/**
 * Writes the whole response at `at` and returns its length. What does not fit is left out: additional records silently,
 * others with TC set (RFC 2181 §9), records always whole.
 */
export function writeResponse(
  out: Buffer,
  at: number,
  question: Question,
  answer: Answer,
  limits: ResponseLimits,
): number {
  const { rcode } = answer
  const questionLength = question.hasQuestion ? question.nameLength + 4 : 0
  const optLength = question.hasEdns ? OPT_LENGTH : 0
  const room = limits.size - HEADER_LENGTH - questionLength - optLength
  let { answers, authorities, additionals } = answer
  let length = answer.body.length
  let truncated = 0
  if (length > room) {
    const fit = fitting(answer, question, room)
    ;({ answers, authorities, additionals, length } = fit)
    truncated = answers < answer.answers || authorities < answer.authorities ? FLAG.TC : 0
  }
  let end = writeStart(out, at, question, answer.flags | truncated | (rcode & 15))
  putUint16(out, at + 6, answers)
  putUint16(out, at + 8, authorities)
  putUint16(out, at + 10, additionals + (question.hasEdns ? 1 : 0))
  writeBody(out, end, answer, { length, turn: answers === answer.answers ? limits.turn : 0 })
  end += length
  return writeEnd(out, end, question, rcode) - at
}

/** Header but for the counts of sections, and the question as it was asked; returns where that ends. */
export function writeStart(out: Buffer, at: number, question: Question, flags: number): number {
  const asked = question.flags & (0x7800 | FLAG.RD | FLAG.CD)
  putUint16(out, at, question.id)
  putUint16(out, at + 2, FLAG.QR | asked | flags)
  putUint16(out, at + 4, question.hasQuestion ? 1 : 0)
  const { bytes, start } = question
  let end = at + HEADER_LENGTH
  const last = start + HEADER_LENGTH + (question.hasQuestion ? question.nameLength + 4 : 0)
  for (let i = start + HEADER_LENGTH; i < last; ) out[end++] = bytes[i++] as number
  return end
}

/** The OPT record, where the question had one (RFC 6891 §6.1.1); returns where the response ends. */
export function writeEnd(out: Buffer, end: number, question: Question, rcode: number): number {
  if (!question.hasEdns) return end
  out[end] = 0
  putUint16(out, end + 1, TYPE.OPT)
  putUint16(out, end + 3, UDP_SIZE)
  out[end + 5] = rcode >> 4
  out[end + 6] = 0
  putUint16(out, end + 7, question.dnssecOk ? 0x8000 : 0)
  putUint16(out, end + 9, 0)
  return end + OPT_LENGTH
}

interface BodyPart {
  readonly length: number
  readonly turn: number
}

function writeBody(out: Buffer, at: number, answer: Answer, { length, turn }: BodyPart): void {
  const { body, turning, ttls } = answer
  const first = turning === 0 ? 0 : (turn % answer.answers) * turning
  if (first > 0) {
    const end = turning * answer.answers
    body.copy(out, at, first, end)
    body.copy(out, at + end - first, 0, first)
    if (length > end) body.copy(out, at + end, end, length)
  } else if (length < 48) for (let i = 0; i < length; i++) out[at + i] = body[i] as number
  else body.copy(out, at, 0, length)
  if (ttls === undefined) return
  const { age = 0, ttlLimit = 0x7fffffff } = answer
  for (const offset of ttls) {
    if (offset >= length) return
    const ttl = Math.min(ttlLimit, Math.max(0, out.readUInt32BE(at + offset) - age))
    out.writeUInt32BE(ttl, at + offset)
  }
}

/** How many whole records fit into `room` bytes. */
function fitting(answer: Answer, question: Question, room: number) {
  const sections = [answer.answers, answer.authorities, answer.additionals]
  const kept = [0, 0, 0]
  let length = 0
  walk: for (const [section, count] of sections.entries()) {
    for (let i = 0; i < count; i++) {
      const next = nextRecord(answer.body, length)
      if (next < 0 || next > room) break walk
      length = next
      kept[section] = i + 1
    }
  }
  const [answers = 0, authorities = 0, additionals = 0] = question.hasQuestion ? kept : []
  return { answers, authorities, additionals, length: question.hasQuestion ? length : 0 }
}

/** Where the record after the one at `offset` begins; -1 when there is none. */
export function nextRecord(body: Buffer, offset: number): number {
  const at = skipName(body, offset)
  return at < 0 || at + 10 > body.length ? -1 : at + 10 + body.readUInt16BE(at + 8)
}
