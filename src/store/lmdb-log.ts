import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import { errorMessage, FairleadError } from '../base/error.ts'
import { loadLmdb } from '../base/load-lmdb.ts'
import { lmdbFileState } from './lmdb-file.ts'

/** One write to the disk: all of it or nothing. */
export interface LogWrite {
  readonly puts: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]
  readonly removals: readonly Uint8Array[]
}

/** Address space reserved for the file at first; the file grows as needed, and its place in memory with it. */
const MAP_BYTES = 2 ** 30

const ENOSPC = 28
const EIO = 5
const EDQUOT = 122
const MDB_MAP_FULL = -30_792
/** Less room than this, and a short write was for want of it. */
const FULL_DISK_BYTES = 2 ** 20

/**
 * The LMDB file of a store: sorted records of bytes, written in atomic and durable commits.
 *
 * A commit writes the data pages, waits for fdatasync(2), and then writes the page that makes them valid through a
 * descriptor with O_DSYNC. It is LMDB's own order (`overlappingSync` and `noSync` of lmdb-js, which would change it, are
 * off): after power loss the file has all of a commit or nothing, and has all of what {@link commit} returned for.
 *
 * Commits are synchronous on purpose. The asynchronous ones of lmdb-js reject promises that nobody can hold and print
 * to standard error when the disk is full.
 */
export class LmdbLog implements AsyncDisposable {
  readonly #directory: string
  readonly #database: RootDatabase<Uint8Array, Uint8Array>

  private constructor(directory: string, database: RootDatabase<Uint8Array, Uint8Array>) {
    this.#directory = directory
    this.#database = database
  }

  /** Opens the file in `directory`, or makes both. */
  static open(directory: string): LmdbLog {
    const { open } = loadLmdb()
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const isNew = settleFile(join(directory, 'data.mdb'))
      const database = open<Uint8Array, Uint8Array>({
        path: directory,
        encoding: 'binary',
        keyEncoding: 'binary',
        overlappingSync: false,
        cache: false,
        mapSize: MAP_BYTES,
        maxDbs: 1,
        maxReaders: 16,
      })
      if (isNew) syncDirectories(directory)
      return new LmdbLog(directory, database)
    } catch (cause) {
      throw storeError(`open the store in ${directory}`, directory, cause)
    }
  }

  /** Every record, in the order of the bytes of its key. */
  *records(): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const { key, value } of this.#database.getRange({ start: new Uint8Array(1) })) yield { key, value }
    // A reader keeps the pages that it could see from being used again.
    this.#database.resetReadTxn()
  }

  /**
   * Writes, and returns when it is durable.
   *
   * @throws FairleadError `DISK_FULL` or `STORE_FAILED`; nothing is changed then.
   */
  commit(write: LogWrite): void {
    try {
      this.#database.transactionSync(() => {
        for (const { key, value } of write.puts) this.#database.put(key, value)
        for (const key of write.removals) this.#database.remove(key)
      })
    } catch (cause) {
      throw storeError(`write to the store in ${this.#directory}`, this.#directory, cause)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.close()
  }
}

/** Whether the file is still to be made. @throws FairleadError `STORE_FAILED` for one that lost what it had. */
function settleFile(path: string): boolean {
  const state = lmdbFileState(path)
  if (state === 'damaged') {
    throw new FairleadError('STORE_FAILED', `${path} has no two headers of LMDB: it is damaged, or of another program`)
  }
  if (state === 'unfinished') rmSync(path)
  return state !== 'whole'
}

/** A file is found after power loss when its name is on the disk as well. */
function syncDirectories(directory: string): void {
  for (const path of [directory, dirname(directory)]) {
    const descriptor = openSync(path, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }
}

function storeError(attempt: string, directory: string, cause: unknown): FairleadError {
  if (isDiskFull(cause, directory)) {
    return new FairleadError('DISK_FULL', `Cannot ${attempt}: no space left; nothing was changed`, { cause })
  }
  return new FairleadError('STORE_FAILED', `Cannot ${attempt}: ${errorMessage(cause)}`, { cause })
}

function isDiskFull(cause: unknown, directory: string): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  if (code === ENOSPC || code === EDQUOT || code === MDB_MAP_FULL || code === 'ENOSPC') return true
  // LMDB reports a write that was cut short, which a full disk does, as an input/output error.
  return code === EIO && freeBytes(directory) < FULL_DISK_BYTES
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}
