/**
 * Netlink's wire format: messages with a 16-byte header, and attributes (type, length, value, padded to 4 bytes).
 * Integers of the envelope are in the machine's byte order (little-endian on every machine Fairlead runs on).
 * Source: include/uapi/linux/netlink.h
 */

export const NLM_F_REQUEST = 0x1
export const NLM_F_MULTI = 0x2
export const NLM_F_ACK = 0x4
export const NLM_F_ECHO = 0x8
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
export const NLM_F_CAPPED = 0x100
export const NLM_F_ACK_TLVS = 0x200

export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

export const HEADER_LENGTH = 16

/** One received message: header fields and the bytes after the header. */
export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly payload: Buffer
}

/**
 * Writes netlink messages into one growing buffer. Nested attributes and messages are opened and closed; lengths are
 * filled in on close.
 */
export class MessageWriter {
  #buffer: Buffer
  #length = 0

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** The written bytes: a view that the next write may change. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.#length = 0
  }

  /** Starts a message; returns its offset for {@link endMessage}. */
  beginMessage(type: number, flags: number, sequence: number): number {
    const start = this.#reserve(HEADER_LENGTH)
    this.#buffer.writeUInt32LE(0, start)
    this.#buffer.writeUInt16LE(type, start + 4)
    this.#buffer.writeUInt16LE(flags, start + 6)
    this.#buffer.writeUInt32LE(sequence, start + 8)
    this.#buffer.writeUInt32LE(0, start + 12)
    return start
  }

  endMessage(start: number): void {
    this.#buffer.writeUInt32LE(this.#length - start, start)
  }

  /** Appends a fixed structure (`ifinfomsg`, `nfgenmsg`, ...), padded to 4 bytes. */
  raw(bytes: Uint8Array): void {
    const start = this.#reserve(align(bytes.length))
    this.#buffer.set(bytes, start)
    this.#buffer.fill(0, start + bytes.length, this.#length)
  }

  /** Opens a nested attribute; returns its offset for {@link endNested}. */
  beginNested(type: number): number {
    const start = this.#reserve(4)
    this.#buffer.writeUInt16LE(type | NLA_F_NESTED, start + 2)
    return start
  }

  /** Closes a nested attribute. A content above 65,531 bytes does not fit the 16-bit length: split before. */
  endNested(start: number): void {
    this.#buffer.writeUInt16LE(this.#length - start, start)
  }

  /** An attribute with these bytes. */
  attribute(type: number, value: Uint8Array): void {
    const start = this.#header(type, value.length)
    this.#buffer.set(value, start)
    this.#pad(start + value.length)
  }

  /** A NUL-terminated string. */
  string(type: number, value: string): void {
    const length = Buffer.byteLength(value)
    const start = this.#header(type, length + 1)
    this.#buffer.write(value, start)
    this.#pad(start + length)
  }

  /** An attribute without value. */
  flag(type: number): void {
    this.#header(type, 0)
  }

  u8(type: number, value: number): void {
    const start = this.#header(type, 1)
    this.#buffer.fill(0, start, start + 4)
    this.#buffer.writeUInt8(value, start)
  }

  u16(type: number, value: number): void {
    const start = this.#header(type, 2)
    this.#buffer.fill(0, start, start + 4)
    this.#buffer.writeUInt16LE(value, start)
  }

  u16be(type: number, value: number): void {
    const start = this.#header(type, 2)
    this.#buffer.fill(0, start, start + 4)
    this.#buffer.writeUInt16BE(value, start)
  }

  u32(type: number, value: number): void {
    const start = this.#header(type, 4)
    this.#buffer.writeUInt32LE(value >>> 0, start)
  }

  u32be(type: number, value: number): void {
    const start = this.#header(type, 4)
    this.#buffer.writeUInt32BE(value >>> 0, start)
  }

  u64be(type: number, value: bigint): void {
    const start = this.#header(type, 8)
    this.#buffer.writeBigUInt64BE(value, start)
  }

  /**
   * Appends `length` bytes, a multiple of 4, for the caller to fill in {@link buffer}; returns their offset. For writers
   * of very many small attributes.
   */
  reserve(length: number): number {
    return this.#reserve(length)
  }

  /** The memory that holds the message; another one after the next write. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** Zeros from here to the end: a few bytes, for which fill() would be slow. */
  #pad(from: number): void {
    for (let at = from; at < this.#length; at += 1) this.#buffer[at] = 0
  }

  #header(type: number, valueLength: number): number {
    const start = this.#reserve(align(4 + valueLength))
    this.#buffer.writeUInt16LE(4 + valueLength, start)
    this.#buffer.writeUInt16LE(type, start + 2)
    return start + 4
  }

  #reserve(length: number): number {
    const start = this.#length
    const end = start + length
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, start)
      this.#buffer = larger
    }
    this.#length = end
    return start
  }
}

function align(length: number): number {
  return (length + 3) & ~3
}

/** The messages in one received datagram. Payloads are views into `datagram`. */
export function* readMessages(datagram: Buffer): Generator<NetlinkMessage> {
  let offset = 0
  while (offset + HEADER_LENGTH <= datagram.length) {
    const length = datagram.readUInt32LE(offset)
    if (length < HEADER_LENGTH || offset + length > datagram.length) return
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + HEADER_LENGTH, offset + length),
    }
    offset += align(length)
  }
}

/** Calls `visit` with type (flags masked out) and value of each attribute. Values are views into `bytes`. */
export function forEachAttribute(bytes: Buffer, visit: (type: number, value: Buffer) => void): void {
  let offset = 0
  while (offset + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(offset)
    if (length < 4 || offset + length > bytes.length) return
    visit(bytes.readUInt16LE(offset + 2) & NLA_TYPE_MASK, bytes.subarray(offset + 4, offset + length))
    offset += align(length)
  }
}

/** Attributes by type; of a repeated type the last. */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  forEachAttribute(bytes, (type, value) => attributes.set(type, value))
  return attributes
}

/** The text of a string attribute, without its NUL. */
export function readString(value: Buffer): string {
  const end = value.indexOf(0)
  return value.toString('utf8', 0, end < 0 ? value.length : end)
}
