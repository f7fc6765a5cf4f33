import { FairleadError } from '../../base/error.ts'

export const BLOCK = 512

export type TarEntryType = 'file' | 'hard-link' | 'link' | 'device' | 'directory' | 'fifo'

/** One header block, before extensions (PAX, GNU) are applied. */
export interface TarHeader {
  readonly path: string
  readonly linkPath: string
  /** The type flag as it stands. */
  readonly flag: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
}

/** What a PAX header may override; sizes and ids as decimal text. */
export type PaxRecords = ReadonlyMap<string, string>

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  '\0': 'file',
  '1': 'hard-link',
  '2': 'link',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
}

/** The kind of an entry; `undefined` for flags that are no files. Before POSIX, a directory was a file with a slash. */
export function entryType(flag: string, path: string): TarEntryType | undefined {
  const type = TYPES[flag]
  return type === 'file' && path.endsWith('/') ? 'directory' : type
}

/**
 * Reads a header block (POSIX.1-1988 ustar, GNU); `undefined` for the block of zeros that ends an archive.
 *
 * @throws FairleadError `IMAGE_INVALID` when its checksum is wrong.
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (checksum(block) !== number(block, 148, 8)) {
    throw new FairleadError('IMAGE_INVALID', 'The archive is damaged: the checksum of a tar header is wrong')
  }
  const isUstar = block.toString('latin1', 257, 262) === 'ustar'
  const isGnu = block.toString('latin1', 257, 265) === 'ustar  \0'
  const prefix = isUstar && !isGnu ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    linkPath: text(block, 157, 100),
    flag: block.toString('latin1', 156, 157),
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
  }
}

/** Reads the records of a PAX header: `LENGTH KEY=VALUE\n`, lengths in bytes. */
export function parsePax(data: Buffer): PaxRecords {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at)
    const length = Number(data.toString('latin1', at, space))
    const end = at + length
    if (space < 0 || !Number.isInteger(length) || end > data.length || end <= space) {
      throw new FairleadError('IMAGE_INVALID', 'The archive is damaged: a record of a PAX header has a wrong length')
    }
    const record = data.toString('utf8', space + 1, end - 1)
    const equals = record.indexOf('=')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at = end
  }
  return records
}

/** A header with what a PAX header or GNU's long names said before it. */
export function applyPax(header: TarHeader, records: PaxRecords): TarHeader {
  const numeric = (key: string, otherwise: number) => Number(records.get(key) ?? otherwise)
  return {
    ...header,
    path: records.get('path') ?? header.path,
    linkPath: records.get('linkpath') ?? header.linkPath,
    uid: numeric('uid', header.uid),
    gid: numeric('gid', header.gid),
    size: numeric('size', header.size),
  }
}

/** The sum of all bytes, those of the checksum itself taken for blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0 : (block[i] ?? 0)
  return sum
}

function text(block: Buffer, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

/** Octal digits; or, for what is too large for them, big-endian bytes after a first one of 0x80 (GNU). */
function number(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length)
  if (((field[0] ?? 0) & 0x80) === 0)
    return Number.parseInt(
      field
        .toString('latin1')
        .replace(/[^0-7]+/g, ' ')
        .trim() || '0',
      8,
    )
  let value = 0
  for (const byte of field.subarray(1)) value = value * 256 + byte
  return value
}
