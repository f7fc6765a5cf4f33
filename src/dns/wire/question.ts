import { randomInt } from 'node:crypto'
import { FLAG, HEADER_LENGTH, OPCODE_QUERY, PLAIN_UDP_SIZE, RCODE, TYPE } from './codes.ts'
import { type EdnsOption, readOptions } from './edns-option.ts'
import { nameText, skipName } from './name.ts'
import { getUint16 } from './uint16.ts'

/** Not guessable, so that nobody can choose names that share a place in our tables. */
const SEED = randomInt(2 ** 31)

const NO_OPTIONS: readonly EdnsOption[] = []

/** What to do with a packet: answer its question, or say no with a code of RFC 1035 §4.1.1, or nothing at all. */
export type QuestionState = 'ask' | 'refuse' | 'drop'

/**
 * The question of one request, read in place. One object serves all packets of a socket: it is valid until the next
 * `read`, and {@link copy} keeps it for longer.
 */
export class Question {
  /** The request. */
  bytes: Buffer = Buffer.alloc(0)
  /** Where the request begins in `bytes`. */
  start = 0
  id = 0
  /** Bytes of the request. */
  size = 0
  /** Flags as they were asked. */
  flags = 0
  /** The name in wire form and lower case; `nameLength` bytes of it are used. */
  readonly name = Buffer.alloc(256)
  nameLength = 0
  labels = 0
  readonly #labelStarts = new Uint8Array(128)
  /** {@link hashName} of the name. */
  hash = 0
  type = 0
  class = 0
  hasEdns = false
  /** What the asker can take by UDP; 512 without EDNS0. */
  udpSize = PLAIN_UDP_SIZE
  ednsVersion = 0
  dnssecOk = false
  /** Where the options of EDNS0 are in `bytes`. */
  #optionsAt = 0
  #optionsLength = 0
  /** Options with which it is to be asked elsewhere; those that came with it are for this server alone. */
  passedOn: readonly EdnsOption[] = NO_OPTIONS
  /** Why it is refused, when it is. */
  rcode: number = RCODE.NOERROR
  /** Whether the question itself could be read and is repeated in the answer. */
  hasQuestion = false

  /** Reads a request of `length` bytes at `start`. Headers that the answer needs are read also for refusals. */
  read(bytes: Buffer, start: number, length: number): QuestionState {
    this.bytes = bytes
    this.start = start
    this.size = length
    this.hasQuestion = false
    this.hasEdns = false
    this.udpSize = PLAIN_UDP_SIZE
    this.ednsVersion = 0
    this.dnssecOk = false
    this.#optionsLength = 0
    this.passedOn = NO_OPTIONS
    if (length < HEADER_LENGTH) return 'drop'
    this.id = getUint16(bytes, start)
    this.flags = getUint16(bytes, start + 2)
    // An answer that is answered is how two servers talk for ever.
    if ((this.flags & FLAG.QR) !== 0) return 'drop'
    if (((this.flags >> 11) & 15) !== OPCODE_QUERY) return this.#refuse(RCODE.NOTIMP)
    const end = start + length
    if (getUint16(bytes, start + 4) !== 1) return this.#refuse(RCODE.FORMERR)
    const at = this.#readName(start + HEADER_LENGTH, end)
    if (at < 0 || at + 4 > end) return this.#refuse(RCODE.FORMERR)
    this.type = getUint16(bytes, at)
    this.class = getUint16(bytes, at + 2)
    this.hasQuestion = true
    if (at + 4 === end && bytes.readUInt32BE(start + 6) === 0 && getUint16(bytes, start + 10) === 0) return 'ask'
    return this.#readRest(at + 4, end)
  }

  /** Where the zone with this many labels would begin in the name; -1 when the name has fewer. */
  suffix(labels: number): number {
    if (labels > this.labels) return -1
    return labels === this.labels ? 0 : labels === 0 ? this.nameLength - 1 : this.#start(this.labels - labels)
  }

  /** Whether the name is `zone` (wire form, lower case) or below it. */
  isWithin(zone: Buffer, labels: number): boolean {
    const at = this.suffix(labels)
    return at >= 0 && this.nameLength - at === zone.length && equalBytes(this.name, at, zone)
  }

  /** Options of EDNS0 that came with the question; a copy has none. */
  get options(): readonly EdnsOption[] {
    return readOptions(this.bytes, this.#optionsAt, this.#optionsLength)
  }

  /** The name as text, in lower case. */
  get text(): string {
    return nameText(this.name)
  }

  /** The same question in memory of its own. */
  copy(): Question {
    const copy = new Question()
    const length = HEADER_LENGTH + this.nameLength + 4
    copy.bytes = Buffer.from(this.bytes.subarray(this.start, this.start + length))
    copy.id = this.id
    copy.size = this.size
    copy.flags = this.flags
    copy.name.set(this.name)
    copy.nameLength = this.nameLength
    copy.labels = this.labels
    copy.#labelStarts.set(this.#labelStarts)
    copy.hash = this.hash
    copy.type = this.type
    copy.class = this.class
    copy.hasEdns = this.hasEdns
    copy.udpSize = this.udpSize
    copy.ednsVersion = this.ednsVersion
    copy.dnssecOk = this.dnssecOk
    copy.passedOn = this.passedOn
    copy.rcode = this.rcode
    copy.hasQuestion = this.hasQuestion
    return copy
  }

  /** The same question about another name or type, as if it had been asked so. */
  about(name: Buffer, type: number): Question {
    const bytes = Buffer.alloc(HEADER_LENGTH + name.length + 4)
    bytes.writeUInt16BE(this.id, 0)
    bytes.writeUInt16BE(this.flags, 2)
    bytes.writeUInt16BE(1, 4)
    bytes.set(name, HEADER_LENGTH)
    bytes.writeUInt16BE(type, HEADER_LENGTH + name.length)
    bytes.writeUInt16BE(this.class === 0 ? 1 : this.class, HEADER_LENGTH + name.length + 2)
    const question = new Question()
    question.read(bytes, 0, bytes.length)
    question.hasEdns = this.hasEdns
    question.udpSize = this.udpSize
    question.dnssecOk = this.dnssecOk
    question.passedOn = this.passedOn
    return question
  }

  #start(label: number): number {
    return this.#labelStarts[label] ?? 0
  }

  /** Reads and hashes the name in one pass; a compressed one has nothing to point to here and is malformed. */
  #readName(start: number, end: number): number {
    const { bytes, name } = this
    const starts = this.#labelStarts
    let hash = SEED
    let at = start
    let out = 0
    let labels = 0
    for (;;) {
      if (at >= end) return -1
      const size = bytes[at++] as number
      if (size > 63 || out + size > 254 || at + size > end) return -1
      if (size > 0) starts[labels++] = out
      name[out++] = size
      hash = Math.imul(hash ^ size, 0x01000193)
      if (size === 0) break
      for (const last = at + size; at < last; ) {
        let byte = bytes[at++] as number
        if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20
        name[out++] = byte
        hash = Math.imul(hash ^ byte, 0x01000193)
      }
    }
    this.nameLength = out
    this.labels = labels
    // A number of 30 bits is no object.
    this.hash = (hash ^ (hash >>> 15)) & 0x3fffffff
    return at
  }

  /** The other sections: an OPT record (RFC 6891), perhaps a signature that is not looked at. */
  #readRest(start: number, end: number): QuestionState {
    const { bytes } = this
    const answers = getUint16(bytes, this.start + 6)
    const authorities = getUint16(bytes, this.start + 8)
    const additionals = getUint16(bytes, this.start + 10)
    // As CoreDNS: nobody asks with more, and records cost time to read.
    if (answers > 1 || authorities > 1 || additionals > 2) return this.#refuse(RCODE.FORMERR)
    const request = end < bytes.length ? bytes.subarray(0, end) : bytes
    let at = start
    for (let i = answers + authorities + additionals; i > 0; i--) {
      const owner = at
      at = skipName(request, at)
      if (at < 0 || at + 10 > end) return this.#refuse(RCODE.FORMERR)
      const next = at + 10 + getUint16(bytes, at + 8)
      if (next > end) return this.#refuse(RCODE.FORMERR)
      if (getUint16(bytes, at) === TYPE.OPT) {
        // One, owned by the root, in the last section.
        if (this.hasEdns || bytes[owner] !== 0 || i > additionals) return this.#refuse(RCODE.FORMERR)
        this.hasEdns = true
        this.udpSize = Math.max(PLAIN_UDP_SIZE, getUint16(bytes, at + 2))
        this.ednsVersion = bytes[at + 5] as number
        this.dnssecOk = ((bytes[at + 6] as number) & 0x80) !== 0
        this.#optionsAt = at + 10
        this.#optionsLength = next - at - 10
      }
      at = next
    }
    if (at !== end) return this.#refuse(RCODE.FORMERR)
    return this.ednsVersion === 0 ? 'ask' : this.#refuse(RCODE.BADVERS)
  }

  #refuse(rcode: number): QuestionState {
    this.rcode = rcode
    return 'refuse'
  }
}

/** The hash under which {@link Question} files a name in wire form and lower case. */
export function hashName(name: Uint8Array): number {
  let hash = SEED
  for (const byte of name) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash ^ (hash >>> 15)) & 0x3fffffff
}

/** Whether `part` stands in `bytes` at `offset`. */
export function equalBytes(bytes: Buffer, offset: number, part: Buffer): boolean {
  for (let i = part.length - 1; i >= 0; i--) if (bytes[offset + i] !== part[i]) return false
  return true
}
