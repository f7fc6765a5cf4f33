/**
 * User data: what nft keeps beside tables, chains, rules, sets and elements for people to read. Each attribute is one
 * byte type, one byte length, value. Source: libnftnl include/udata.h
 */
import { FairleadError } from '../../base/error.ts'

/** Longest comment nft accepts, its NUL included. */
const MAX_COMMENT_BYTES = 128

/** One user-data attribute. */
export function udata(type: number, value: Uint8Array): Buffer {
  if (value.length > 255) {
    throw new FairleadError('BUG', `User data attribute ${type} has ${value.length} bytes; at most 255 fit`)
  }
  return Buffer.concat([Buffer.of(type, value.length), value])
}

/** A number in the machine's byte order. */
export function udataU32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return udata(type, bytes)
}

/** A comment, NUL-terminated; one that is too long is cut at a character. */
export function udataComment(type: number, comment: string): Buffer {
  let text = Buffer.from(comment, 'utf8')
  if (text.length >= MAX_COMMENT_BYTES) {
    let end = MAX_COMMENT_BYTES - 1
    while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end -= 1
    text = text.subarray(0, end)
  }
  return udata(type, Buffer.concat([text, Buffer.of(0)]))
}

/** Attributes by type; a truncated rest is left out. */
export function readUdata(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  for (let offset = 0; offset + 2 <= bytes.length; ) {
    const type = bytes.readUInt8(offset)
    const end = offset + 2 + bytes.readUInt8(offset + 1)
    if (end > bytes.length) break
    attributes.set(type, bytes.subarray(offset + 2, end))
    offset = end
  }
  return attributes
}

/** The comment under `type`, without its NUL. */
export function readUdataComment(bytes: Buffer | undefined, type: number): string | undefined {
  const value = bytes === undefined ? undefined : readUdata(bytes).get(type)
  if (value === undefined) return undefined
  const end = value.indexOf(0)
  return value.toString('utf8', 0, end < 0 ? value.length : end)
}
