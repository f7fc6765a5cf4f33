/**
 * Domain names between text and wire form. Text is the presentation form of RFC 1035 §5.1 without the last dot: labels
 * with dots between, `\.` and `\\` and `\DDD` for what cannot stand for itself; the root is ''. Case is kept.
 */
import { FairleadError } from '../../base/error.ts'

const MAX_LABEL = 63
const MAX_NAME = 255
const MAX_POINTERS = 127
const DOT = 0x2e
const BACKSLASH = 0x5c

/**
 * The wire form of a name, uncompressed, with the root's zero at the end.
 *
 * @throws FairleadError `INVALID_INPUT` for a name that is too long or has an empty label.
 */
export function encodeName(text: string): Buffer {
  const out: number[] = []
  let label: number[] = []
  const end = () => {
    if (label.length === 0 || label.length > MAX_LABEL) throw invalid(text)
    out.push(label.length, ...label)
    label = []
  }
  const bytes = Buffer.from(text, 'latin1')
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === DOT) {
      end()
      if (i === bytes.length - 1) break
    } else if (byte === BACKSLASH) {
      const digits = /^\d{3}/.exec(text.slice(i + 1))?.[0]
      if (digits !== undefined && Number(digits) > 255) throw invalid(text)
      label.push(digits === undefined ? (bytes[i + 1] ?? 0) : Number(digits))
      i += digits === undefined ? 1 : 3
    } else label.push(byte)
  }
  if (label.length > 0) end()
  out.push(0)
  if (out.length > MAX_NAME) throw invalid(text)
  return Buffer.from(out)
}

/** {@link encodeName}, or undefined for text that is no name. */
export function tryEncodeName(text: string): Buffer | undefined {
  try {
    return encodeName(text)
  } catch (error) {
    if (error instanceof FairleadError) return undefined
    throw error
  }
}

/** Text of the uncompressed name at `offset`, the inverse of {@link encodeName}. */
export function nameText(bytes: Uint8Array, offset = 0): string {
  let text = ''
  for (let at = offset; ; ) {
    const length = bytes[at] ?? 0
    if (length === 0) return text
    if (text !== '') text += '.'
    for (let i = at + 1; i <= at + length; i++) text += characterText(bytes[i] ?? 0)
    at += length + 1
  }
}

/** What {@link readName} finds. */
export interface ReadName {
  readonly text: string
  /** Where the next field begins. */
  readonly next: number
}

/**
 * Reads a name that may be compressed.
 *
 * @returns undefined for one that is cut off, too long, or whose pointers do not lead backwards.
 */
export function readName(message: Uint8Array, offset: number): ReadName | undefined {
  let text = ''
  let length = 1
  let next = -1
  let floor = offset
  for (let at = offset, pointers = 0; ; ) {
    const size = message[at]
    if (size === undefined) return undefined
    if (size >= 0xc0) {
      const low = message[at + 1]
      if (low === undefined || ++pointers > MAX_POINTERS) return undefined
      if (next < 0) next = at + 2
      at = ((size & 0x3f) << 8) | low
      // Each pointer leads further back than the last, so that reading ends.
      if (at >= floor) return undefined
      floor = at
      continue
    }
    if (size > MAX_LABEL) return undefined
    if (size === 0) return { text, next: next < 0 ? at + 1 : next }
    length += size + 1
    if (length > MAX_NAME || at + size >= message.length) return undefined
    if (text !== '') text += '.'
    for (let i = at + 1; i <= at + size; i++) text += characterText(message[i] ?? 0)
    at += size + 1
  }
}

/** Where the field after a name begins, whether compressed or not; -1 when the message ends before. */
export function skipName(message: Uint8Array, offset: number): number {
  for (let at = offset; ; ) {
    const size = message[at]
    if (size === undefined) return -1
    if (size >= 0xc0) return at + 2 <= message.length ? at + 2 : -1
    if (size > MAX_LABEL) return -1
    if (size === 0) return at + 1
    at += size + 1
  }
}

/** A name in wire form with the letters of every label in lower case. */
export function lowerName(name: Uint8Array): Buffer {
  const lower = Buffer.from(name)
  // Lengths are below 64, so no length is taken for a letter.
  for (let i = 0; i < lower.length; i++) {
    const byte = lower[i] ?? 0
    if (byte >= 0x41 && byte <= 0x5a) lower[i] = byte | 0x20
  }
  return lower
}

/** The name in text without its last dot and in lower case, the form in which names are compared. */
export function canonicalName(text: string): string {
  const lower = text.toLowerCase()
  return lower.endsWith('.') && !lower.endsWith('\\.') ? lower.slice(0, -1) : lower
}

/** Whether `name` is `zone` or below it; both canonical, '' is the root. */
export function isWithin(name: string, zone: string): boolean {
  return zone === '' || name === zone || (name.endsWith(zone) && name[name.length - zone.length - 1] === '.')
}

/** How many labels a canonical name has. */
export function labelCount(name: string): number {
  return name === '' ? 0 : name.split('.').length
}

function characterText(byte: number): string {
  if (byte === DOT || byte === BACKSLASH) return `\\${String.fromCharCode(byte)}`
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte)
  return `\\${String(byte).padStart(3, '0')}`
}

function invalid(text: string): FairleadError {
  return new FairleadError(
    'INVALID_INPUT',
    `"${text}" is not a domain name: wanted are labels of 1 to 63 bytes, 255 in all`,
  )
}
