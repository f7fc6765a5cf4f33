/**
 * What rules are made of: the kernel's expressions as plain values, one member of the union per expression, fields named
 * after the kernel's attributes.
 *
 * Registers are numbered by 32-bit words, 0 to 15; a value longer than 4 bytes takes the words after its first one. A
 * register keeps its value within one rule only.
 *
 * @example `ip daddr 10.96.0.1 drop`
 * [
 *   { kind: 'payload', base: 'network', offset: 16, length: 4, dest: 0 },
 *   { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(10, 96, 0, 1) },
 *   { kind: 'verdict', verdict: { kind: 'drop' } },
 * ]
 */
import type { Verdict } from './verdict.ts'

/** A 32-bit word register, 0..15. */
export type Register = number

/** NFT_META_*. `iifname` and `oifname` are 16 bytes, `l4proto` and `nfproto` one, the others 4. */
export const META_KEYS = {
  length: 0,
  protocol: 1,
  priority: 2,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  iiftype: 8,
  oiftype: 9,
  skuid: 10,
  skgid: 11,
  nftrace: 12,
  nfproto: 15,
  l4proto: 16,
  pkttype: 19,
  cpu: 20,
  iifgroup: 21,
  oifgroup: 22,
  cgroup: 23,
  random: 24,
  iifkind: 26,
  oifkind: 27,
} as const
export type MetaKey = keyof typeof META_KEYS

/** NFT_CT_*. */
export const CT_KEYS = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  expiration: 5,
  l3protocol: 7,
  protocol: 10,
  'proto-src': 11,
  'proto-dst': 12,
  zone: 17,
  'saddr-ip': 19,
  'daddr-ip': 20,
  'saddr-ip6': 21,
  'daddr-ip6': 22,
  id: 23,
} as const
export type CtKey = keyof typeof CT_KEYS

/** Bits of `ct status`: what was translated. Source: include/uapi/linux/netfilter/nf_conntrack_common.h */
export const CT_STATUS = { sourceNat: 0x10, destinationNat: 0x20 } as const

/** Bits of `ct state`. */
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const

export const PAYLOAD_BASES = { link: 0, network: 1, transport: 2 } as const
export type PayloadBase = keyof typeof PAYLOAD_BASES

export const CMP_OPS = { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 } as const
export type CmpOp = keyof typeof CMP_OPS

/** NF_NAT_RANGE_*: flags of nat and masquerade expressions. */
export const NAT_FLAGS = {
  mapAddresses: 0x1,
  portSpecified: 0x2,
  random: 0x4,
  persistent: 0x8,
  fullyRandom: 0x10,
  netmap: 0x40,
} as const

/** NFT_REJECT_*; `code` is an ICMP code, of `icmpx` the family-neutral one. */
export const REJECT_TYPES = { icmp: 0, 'tcp-reset': 1, icmpx: 2 } as const

/** NFTA_FIB_F_*. */
export const FIB_FLAGS = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, present: 32 } as const
export const FIB_RESULTS = { oif: 1, oifname: 2, type: 3 } as const
/** RTN_LOCAL: what `fib daddr type` yields for an address of this machine. */
export const RTN_LOCAL = 2

/** NFT_OBJECT_*. */
export const OBJECT_TYPES = { counter: 1, quota: 2, limit: 4, 'ct-timeout': 7 } as const

export const DYNSET_OPS = { add: 0, update: 1, delete: 2 } as const

/** A port range of a nat or masquerade expression, in registers. */
export interface PortRegisters {
  readonly portMin?: Register
  readonly portMax?: Register
}

export type Expression =
  | {
      readonly kind: 'payload'
      readonly base: PayloadBase
      readonly offset: number
      readonly length: number
      readonly dest: Register
    }
  | { readonly kind: 'meta'; readonly key: MetaKey; readonly dest: Register }
  | { readonly kind: 'meta-set'; readonly key: MetaKey; readonly source: Register }
  | { readonly kind: 'ct'; readonly key: CtKey; readonly dest: Register; readonly direction?: 'original' | 'reply' }
  | { readonly kind: 'ct-set'; readonly key: CtKey; readonly source: Register }
  | { readonly kind: 'cmp'; readonly op: CmpOp; readonly source: Register; readonly data: Uint8Array }
  | {
      readonly kind: 'range'
      readonly op: 'eq' | 'neq'
      readonly source: Register
      readonly from: Uint8Array
      readonly to: Uint8Array
    }
  | {
      /** dest = (source & mask) ^ xor */
      readonly kind: 'bitwise'
      readonly source: Register
      readonly dest: Register
      readonly mask: Uint8Array
      readonly xor: Uint8Array
    }
  | {
      readonly kind: 'byteorder'
      readonly op: 'ntoh' | 'hton'
      readonly source: Register
      readonly dest: Register
      readonly length: number
      readonly size: number
    }
  | { readonly kind: 'immediate'; readonly dest: Register; readonly data: Uint8Array }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | {
      /** `source in set`; with `dest` a map's value; `dest: 'verdict'` for a verdict map. */
      readonly kind: 'lookup'
      readonly set: string
      readonly source: Register
      readonly dest?: Register | 'verdict'
      readonly invert?: boolean
    }
  | {
      readonly kind: 'dynset'
      readonly op: keyof typeof DYNSET_OPS
      readonly set: string
      readonly key: Register
      readonly data?: Register
      /** Milliseconds; the set's own when left out. */
      readonly timeout?: number
    }
  | {
      readonly kind: 'numgen'
      readonly mode: 'inc' | 'random'
      readonly modulus: number
      readonly offset: number
      readonly dest: Register
    }
  | {
      /** Jenkins hash of `length` bytes from `source`, modulo `modulus`, plus `offset`. */
      readonly kind: 'jhash'
      readonly source: Register
      readonly length: number
      readonly modulus: number
      readonly seed: number
      readonly offset: number
      readonly dest: Register
    }
  | ({
      readonly kind: 'nat'
      readonly type: 'snat' | 'dnat'
      readonly family: 'ip' | 'ip6'
      readonly addressMin?: Register
      readonly addressMax?: Register
      readonly flags?: number
    } & PortRegisters)
  | ({ readonly kind: 'masquerade'; readonly flags?: number } & PortRegisters)
  | ({ readonly kind: 'redirect'; readonly flags?: number } & PortRegisters)
  | { readonly kind: 'reject'; readonly type: keyof typeof REJECT_TYPES; readonly code: number }
  | {
      readonly kind: 'fib'
      readonly result: keyof typeof FIB_RESULTS
      readonly flags: number
      readonly dest: Register
    }
  | { readonly kind: 'counter'; readonly packets?: bigint; readonly bytes?: bigint }
  | {
      /** Does what a named object of the table says, one that {@link OBJECT_TYPES} lists. */
      readonly kind: 'objref'
      readonly type: keyof typeof OBJECT_TYPES
      readonly name: string
    }
  | { readonly kind: 'log'; readonly prefix: string }
  | { readonly kind: 'notrack' }
  /** An expression that Fairlead never writes, kept as it was read. */
  | { readonly kind: 'other'; readonly name: string; readonly bytes: Uint8Array }
