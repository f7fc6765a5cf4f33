/**
 * The parts of ASN.1's distinguished encoding that an X.509 certificate is made of.
 * Source: ITU-T X.690
 */

const CONSTRUCTED = 0x20
const CONTEXT = 0x80

/** A value with its tag and length before it. */
export function tagged(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body])
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return tagged(0x10 | CONSTRUCTED, ...items)
}

/** A set of one item, which needs no sorting. */
export function setOf(item: Uint8Array): Buffer {
  return tagged(0x11 | CONSTRUCTED, item)
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.from([value ? 0xff : 0]))
}

/** A positive integer from its bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0)
  const significant = start < 0 ? Buffer.from([0]) : bytes.subarray(start)
  const sign = (significant[0] ?? 0) & 0x80 ? [Buffer.from([0])] : []
  return tagged(0x02, ...sign, significant)
}

/** @param unused How many of the last bits do not count. */
export function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(0x04, bytes)
}

/** An object identifier from its dotted numbers. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

export function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

/** A point in time by the second: UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function time(milliseconds: number): Buffer {
  const date = new Date(milliseconds)
  const digits = date.toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  if (date.getUTCFullYear() < 2050) return tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
  return tagged(0x18, Buffer.from(`${digits}Z`))
}

/** `[number]` around a whole value. */
export function explicit(number: number, content: Uint8Array): Buffer {
  return tagged(CONTEXT | CONSTRUCTED | number, content)
}

/** `[number]` in place of a primitive value's own tag. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return tagged(CONTEXT | number, content)
}

/** The values, each with its tag and length, that stand one after the other inside of a constructed value. */
export function itemsOf(value: Uint8Array): readonly Buffer[] {
  const items: Buffer[] = []
  const { start, end } = extent(value, 0)
  for (let at = start; at < end; ) {
    const next = extent(value, at).end
    items.push(Buffer.from(value.subarray(at, next)))
    at = next
  }
  return items
}

/** Where the content of the value at `at` starts and ends. */
function extent(bytes: Uint8Array, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return { start: at + 2, end: at + 2 + first }
  const start = at + 2 + (first & 0x7f)
  const length = bytes.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0)
  return { start, end: start + length }
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return [0x80 | bytes.length, ...bytes]
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}
