import { TYPE } from './codes.ts'

/** What a record says, by type. Names are text (see name.ts), addresses as base/ip.ts reads them. */
export type RecordData =
  | { readonly kind: 'A' | 'AAAA'; readonly address: string }
  | { readonly kind: 'CNAME' | 'NS' | 'PTR' | 'DNAME'; readonly target: string }
  | {
      readonly kind: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }
  | { readonly kind: 'MX'; readonly preference: number; readonly target: string }
  | { readonly kind: 'TXT'; readonly strings: readonly string[] }
  | { readonly kind: 'HINFO'; readonly cpu: string; readonly os: string }
  | {
      readonly kind: 'SOA'
      readonly primary: string
      readonly mailbox: string
      readonly serial: number
      readonly refresh: number
      readonly retry: number
      readonly expire: number
      readonly minimum: number
    }
  | { readonly kind: 'raw'; readonly type: number; readonly bytes: Buffer }

export interface DnsRecord {
  readonly name: string
  /** Seconds. */
  readonly ttl: number
  readonly data: RecordData
  /** @default 1 (IN) */
  readonly class?: number
}

/** The number of a record's type. */
export function recordType(data: RecordData): number {
  return data.kind === 'raw' ? data.type : TYPE[data.kind]
}
