/**
 * The chains that pick one of a listener's slots: as many as there are schedulers, sizes and round-robin counters. What
 * one does is in its name, so that a new process finds its chains again.
 */
import type { Expression, Register } from '../../../linux/nftables/expression.ts'
import { IP_HEADERS, sourceAddress } from '../../../linux/nftables/ip-header.ts'
import { type Family, loadNumber } from './layout.ts'

/** How a slot is picked: in turn, by the client's address, by client and ports, by the QUIC connection's id. */
export type PickKind = 'rr' | 'sch' | 'tch' | 'qch'

export interface Pick {
  readonly kind: PickKind
  /** Number of slots. */
  readonly size: number
  /** Which of the chains that do the same; only round robin needs more than one, since the kernel counts per rule. */
  readonly counter: number
  /** Seconds that a client keeps its backend; 0 is off. */
  readonly persistence: number
  /** The backend is called at the port that the client called. */
  readonly keepsPort: boolean
}

/** `rr-3-17`, `sch-2039-1`; with persistence `rr-3-1-sticky-300`, for any port `rr-3-1-anyport`. */
export function pickChainName({ kind, size, counter, persistence, keepsPort }: Pick): string {
  const sticky = persistence === 0 ? '' : `-sticky-${persistence}`
  return `${kind}-${size}-${counter}${sticky}${keepsPort ? '-anyport' : ''}`
}

/** Reads a name as {@link pickChainName} makes it; undefined for any other. */
export function parsePickChain(name: string): Pick | undefined {
  const match = /^(rr|sch|tch|qch)-([1-9]\d*)-([1-9]\d*)(?:-sticky-([1-9]\d*))?(-anyport)?$/.exec(name)
  if (match === null) return undefined
  const [, kind, size, counter, persistence, anyPort] = match
  return {
    kind: kind as PickKind,
    size: Number(size),
    counter: Number(counter),
    persistence: Number(persistence ?? 0),
    keepsPort: anyPort !== undefined,
  }
}

/** `established-900`: gives a connection its idle time. */
export function timeoutChainName(seconds: number): string {
  return `established-${seconds}`
}

export function parseTimeoutChain(name: string): number | undefined {
  const match = /^established-([1-9]\d*)$/.exec(name)
  return match === null ? undefined : Number(match[1])
}

/**
 * The rules of a pick chain. The backend's number takes the listener's place in the packet's priority; its lower bits are
 * the listener's number still.
 */
export function pickRules(family: Family, pick: Pick): readonly (readonly Expression[])[] {
  const choose = waysToChoose(family, pick).map((way) => [
    ...way,
    ...loadNumber(0),
    { kind: 'lookup', set: 'slots', source: 0, dest: 0 } as const,
    setPriority,
  ])
  if (pick.persistence === 0) return [...choose, toBackend(family, pick)]
  return [
    rememberRule(family),
    learnRule(family, pick),
    forgetRule(family),
    ...choose,
    learnRule(family, pick),
    // The map of clients is full.
    toBackend(family, pick),
  ]
}

/** Where address and port of the backend are: nft reads them only where a 128-bit register begins. */
const DESTINATION: Register = 8
const BACKEND: Register = 5
const SPARE: Register = 14

/** Expressions that leave a slot in word 1; a later way wins, if it can read the packet. */
function waysToChoose(family: Family, { kind, size }: Pick): Expression[][] {
  const { words } = IP_HEADERS[family]
  const hash = (length: number): Expression => ({
    kind: 'jhash',
    source: 2,
    length,
    modulus: size,
    // The same seed for ever: a restart must not deal clients anew.
    seed: 0x6661_6972,
    offset: 0,
    dest: 1,
  })
  const byClient = [sourceAddress(family, 2), hash(4 * words)]
  switch (kind) {
    case 'rr':
      return [[{ kind: 'numgen', mode: 'inc', modulus: size, offset: 0, dest: 1 }]]
    case 'sch':
      return [byClient]
    case 'tch': {
      const { saddr, type } = IP_HEADERS[family]
      return [
        [
          // Source and destination address lie side by side, as do the ports.
          { kind: 'payload', base: 'network', offset: saddr, length: 2 * type.length, dest: 2 },
          { kind: 'payload', base: 'transport', offset: 0, length: 4, dest: 2 + 2 * words },
          hash(8 * words + 4),
        ],
      ]
    }
    case 'qch':
      return [
        byClient,
        [...quicHeader(0x80, 0x80), quicId(UDP_HEADER + 6), hash(QUIC_ID_BYTES)],
        [...quicHeader(0xc0, 0x40), quicId(UDP_HEADER + 1), hash(QUIC_ID_BYTES)],
      ]
  }
}

const UDP_HEADER = 8
/** A client's first destination connection id has at least 8 bytes (RFC 9000, section 7.2). */
const QUIC_ID_BYTES = 8

/** A long header has the first bit set, a short one only the second (RFC 9000, section 17). */
function quicHeader(mask: number, value: number): Expression[] {
  return [
    { kind: 'payload', base: 'transport', offset: UDP_HEADER, length: 1, dest: SPARE },
    { kind: 'bitwise', source: SPARE, dest: SPARE, mask: Buffer.of(mask), xor: Buffer.of(0) },
    { kind: 'cmp', op: 'eq', source: SPARE, data: Buffer.of(value) },
  ]
}

function quicId(offset: number): Expression {
  return { kind: 'payload', base: 'transport', offset, length: QUIC_ID_BYTES, dest: 2 }
}

const setPriority: Expression = { kind: 'meta-set', key: 'priority', source: 0 }

const findBackend: readonly Expression[] = [
  { kind: 'meta', key: 'priority', dest: DESTINATION },
  { kind: 'lookup', set: 'backends', source: DESTINATION, dest: DESTINATION },
]

function toBackend(family: Family, pick: Pick): Expression[] {
  return [...findBackend, ...go(family, pick)]
}

function go(family: Family, { keepsPort }: Pick): Expression[] {
  const { words } = IP_HEADERS[family]
  const port: { portMin?: Register } = keepsPort ? {} : { portMin: (DESTINATION + words) as Register }
  return [
    { kind: 'immediate', dest: SPARE, data: Buffer.alloc(4) },
    { kind: 'meta-set', key: 'priority', source: SPARE },
    { kind: 'nat', type: 'dnat', family, addressMin: DESTINATION, ...port },
  ]
}

function client(family: Family): Expression[] {
  return [sourceAddress(family, 0), ...loadNumber(IP_HEADERS[family].words)]
}

function rememberRule(family: Family): Expression[] {
  return [...client(family), { kind: 'lookup', set: 'affinity', source: 0, dest: 0 }, setPriority]
}

/** Goes to the backend if it serves, and binds the client to it for another while. */
function learnRule(family: Family, pick: Pick): Expression[] {
  return [
    ...findBackend,
    ...client(family),
    { kind: 'meta', key: 'priority', dest: BACKEND },
    { kind: 'dynset', op: 'update', set: 'affinity', key: 0, data: BACKEND, timeout: pick.persistence * 1000 },
    ...go(family, pick),
  ]
}

/** Whoever comes here is not known, or known with a backend that left: an update would keep that. */
function forgetRule(family: Family): Expression[] {
  return [
    ...client(family),
    { kind: 'immediate', dest: BACKEND, data: Buffer.alloc(4) },
    { kind: 'dynset', op: 'delete', set: 'affinity', key: 0, data: BACKEND },
  ]
}
