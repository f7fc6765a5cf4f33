import { FairleadError } from '../base/error.ts'
import type { LmdbLog } from './lmdb-log.ts'
import { decodeHeader, decodeRecord, type LogRecord, recordKey } from './log-record.ts'
import type { Entry, StoreEvent } from './store.ts'
import { VersionedState } from './versioned-state.ts'

/** An empty store is at revision 1, as etcd is. */
const FIRST_REVISION = 1

export interface LoadedLog {
  readonly state: VersionedState
  /** There was nothing, not even a header. */
  readonly fresh: boolean
  /** Records that a compaction left behind when it was cut short. */
  readonly garbage: readonly Uint8Array[]
}

/**
 * Reads a store's memory back from its log.
 *
 * @throws FairleadError `STORE_FAILED` when the log has a layout of another version.
 */
export function loadLog(log: Pick<LmdbLog, 'records'>, directory: string): LoadedLog {
  const records = log.records()[Symbol.iterator]()
  const first = records.next()
  if (first.done === true) return { state: new VersionedState(new Map(), FIRST_REVISION), fresh: true, garbage: [] }
  const header = decodeHeader(first.value.value)
  if (header === undefined) {
    throw new FairleadError('STORE_FAILED', `Cannot read the store in ${directory}: it is of another version`)
  }
  const base = new Map<string, Entry>()
  const garbage: Uint8Array[] = []
  const later: LogRecord[] = []
  for (let next = records.next(); next.done !== true; next = records.next()) {
    const record = decodeRecord(next.value.key, next.value.value)
    if (record.revision > header.compacted) later.push(record)
    else applyToBase(record, base, garbage)
  }
  const state = new VersionedState(base, header.compacted)
  for (const record of inOrder(later)) state.apply([eventOf(record, state.get(record.key))])
  return { state, fresh: false, garbage }
}

/** Before the compacted revision only the newest version of a key counts. */
function applyToBase(record: LogRecord, base: Map<string, Entry>, garbage: Uint8Array[]): void {
  const { key, revision } = record
  const superseded = base.get(key)
  if (superseded !== undefined) garbage.push(recordKey(superseded.modRevision, key))
  if (record.type === 'put') base.set(key, entryOf(record))
  else {
    base.delete(key)
    garbage.push(recordKey(revision, key))
  }
}

/** The log is sorted by revision and key; events go by revision and their place in the transaction. */
function inOrder(records: LogRecord[]): LogRecord[] {
  return records.sort((a, b) => a.revision - b.revision || a.index - b.index)
}

function eventOf(record: LogRecord, previous: Entry | undefined): StoreEvent {
  const { type, key, revision } = record
  return { type, key, revision, entry: type === 'put' ? entryOf(record) : undefined, previous }
}

function entryOf({ key, value, createRevision, revision }: LogRecord): Entry {
  return { key, value, createRevision, modRevision: revision }
}
