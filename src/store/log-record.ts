import type { StoreEvent } from './store.ts'

/**
 * How one change lies on disk. The store is a log: a record per change, under the revision and the key, so that writing
 * appends to the end of the tree, and a record is found again from the entry alone.
 *
 *     key    revision (8 bytes, big-endian) · key (UTF-8)
 *     value  type (1 byte: 1 put, 2 delete) · place in its transaction (4) · create revision (8) · value
 *
 * Under revision 0 and the empty key is the {@link LogHeader}.
 */
export interface LogRecord {
  readonly revision: number
  readonly key: string
  readonly type: 'put' | 'delete'
  /** Place among the changes of its transaction, from 0. */
  readonly index: number
  readonly createRevision: number
  readonly value: Uint8Array
}

export interface LogHeader {
  /** Of this layout; another is refused. */
  readonly format: 1
  /** {@link History.compacted} */
  readonly compacted: number
}

const REVISION_BYTES = 8
const FIXED_BYTES = 13
const PUT = 1
const DELETE = 2

export const HEADER_KEY: Uint8Array = new Uint8Array(REVISION_BYTES)

export function encodeHeader(header: LogHeader): Uint8Array {
  return Buffer.from(JSON.stringify(header))
}

/** The header, or undefined when this is not one that we can read. */
export function decodeHeader(bytes: Uint8Array): LogHeader | undefined {
  const header: Partial<LogHeader> = JSON.parse(Buffer.from(bytes).toString())
  return header.format === 1 && Number.isSafeInteger(header.compacted) ? (header as LogHeader) : undefined
}

/** Where the record of a change of `key` at `revision` lies. */
export function recordKey(revision: number, key: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES + Buffer.byteLength(key))
  writeNumber(bytes, revision, 0)
  bytes.write(key, REVISION_BYTES)
  return bytes
}

/** @param index Place of the change in its transaction. */
export function encodeRecord(event: StoreEvent, index: number): { key: Uint8Array; value: Uint8Array } {
  const content = event.entry?.value ?? new Uint8Array(0)
  const value = Buffer.allocUnsafe(FIXED_BYTES + content.length)
  value.writeUInt8(event.type === 'put' ? PUT : DELETE)
  value.writeUInt32BE(index, 1)
  writeNumber(value, event.entry?.createRevision ?? 0, 5)
  value.set(content, FIXED_BYTES)
  return { key: recordKey(event.revision, event.key), value }
}

export function decodeRecord(keyBytes: Uint8Array, valueBytes: Uint8Array): LogRecord {
  const key = Buffer.from(keyBytes.buffer, keyBytes.byteOffset, keyBytes.byteLength)
  const value = Buffer.from(valueBytes.buffer, valueBytes.byteOffset, valueBytes.byteLength)
  return {
    revision: readNumber(key, 0),
    key: key.toString('utf8', REVISION_BYTES),
    type: value.readUInt8() === PUT ? 'put' : 'delete',
    index: value.readUInt32BE(1),
    createRevision: readNumber(value, 5),
    value: value.subarray(FIXED_BYTES),
  }
}

/** Eight bytes, big-endian; without BigInt, which would take most of the time of reading a store. */
function writeNumber(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}

function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}
