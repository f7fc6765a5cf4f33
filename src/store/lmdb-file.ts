import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { unless } from '../base/unless.ts'

/** Where in its page a header of LMDB begins, what it begins with, and where it says how long pages are (`MDB_meta`). */
const HEADER_AT = 24
const MAGIC = 0xbeefc0de
const PAGE_SIZE_AT = 48
/** Two headers, and what the first transaction of a new file writes, which has no content yet. */
const FIRST_PAGES = 3
const USUAL_PAGE_BYTES = 4096

/**
 * What a file of LMDB is like, by its two headers.
 *
 * - `unfinished`: the power went while it was made. Both headers are on the disk before anything is acknowledged, so
 *   nothing is lost with it.
 * - `damaged`: a header is gone that was on the disk.
 */
export type LmdbFileState = 'absent' | 'unfinished' | 'whole' | 'damaged'

/** Looks at a file before LMDB does, which ends the process where a header is missing. */
export function lmdbFileState(path: string): LmdbFileState {
  const file = unless(['ENOENT'], () => openSync(path, 'r'))
  if (file === undefined) return 'absent'
  try {
    const pageBytes = pageSizeIn(file, 0)
    if (pageBytes !== undefined && pageSizeIn(file, pageBytes) === pageBytes) return 'whole'
    return fstatSync(file).size <= FIRST_PAGES * (pageBytes ?? USUAL_PAGE_BYTES) ? 'unfinished' : 'damaged'
  } finally {
    closeSync(file)
  }
}

/** The page size that the header at a place gives; `undefined`: there is no header. */
function pageSizeIn(file: number, at: number): number | undefined {
  const bytes = Buffer.alloc(PAGE_SIZE_AT + 4)
  const read = readSync(file, bytes, 0, bytes.byteLength, at)
  if (read < bytes.byteLength || bytes.readUInt32LE(HEADER_AT) !== MAGIC) return undefined
  return bytes.readUInt32LE(PAGE_SIZE_AT)
}
