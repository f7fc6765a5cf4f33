import { TYPE } from '../wire/codes.ts'
import type { DnsRecord, RecordData } from '../wire/record.ts'
import type { NameRecord } from './name-record.ts'

/** Answers that a resolver may ask for without end are no use beyond this (RFC 1035 §4.2.2: 65,535 bytes). */
const MAX_SRV_ADDRESSES = 1_000

const SCHEMA_TTL = 28_800

/** The records of a type among all that is said of a name: of the lowest rank, each once, SRV with their weights. */
export function recordsOfType(said: Iterable<readonly NameRecord[]>, type: number): RecordData[] {
  let rank = Number.POSITIVE_INFINITY
  let found: RecordData[] = []
  for (const records of said) {
    for (const { data, rank: own = 0 } of records) {
      if (data === undefined || data.kind === 'raw' || TYPE[data.kind] !== type || own > rank) continue
      if (own < rank) found = []
      rank = own
      found.push(data)
    }
  }
  return type === TYPE.SRV ? withWeights(unique(found)) : unique(found)
}

/** As CoreDNS: 100 shared out evenly, at least 1 for each. */
function withWeights(records: RecordData[]): RecordData[] {
  const weight = Math.max(1, Math.floor(100 / Math.max(1, records.length)))
  return records.map((data) => (data.kind === 'SRV' ? { ...data, weight } : data))
}

function unique(records: RecordData[]): RecordData[] {
  if (records.length < 2) return records
  const seen = new Map<string, RecordData>()
  for (const data of records) seen.set('address' in data ? data.address : Object.values(data).join(' '), data)
  return [...seen.values()]
}

/** Records under a name, with the TTL that they have. */
export function toRecords(name: string, data: readonly RecordData[], ttl: number): DnsRecord[] {
  return data.map((one) => ({ name, ttl: one.kind === 'TXT' ? SCHEMA_TTL : ttl, data: one }))
}

/** The addresses of the targets of SRV records, for the additional section. */
export function targetAddresses(
  records: readonly RecordData[],
  addressesOf: (name: string) => readonly RecordData[],
  ttl: number,
): DnsRecord[] {
  const targets = new Set(records.flatMap((data) => (data.kind === 'SRV' ? [data.target] : [])))
  const out: DnsRecord[] = []
  for (const target of targets) {
    out.push(...toRecords(target, addressesOf(target), ttl))
    if (out.length >= MAX_SRV_ADDRESSES) break
  }
  return out
}
