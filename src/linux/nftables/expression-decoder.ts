/** Reads expressions from netlink attributes: the inverse of `expression-encoder.ts`. */
import { forEachAttribute, readAttributes, readString } from '../netlink/message.ts'
import {
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from './constants.ts'
import {
  CMP_OPS,
  CT_KEYS,
  DYNSET_OPS,
  type Expression,
  FIB_RESULTS,
  META_KEYS,
  NAT_FLAGS,
  OBJECT_TYPES,
  PAYLOAD_BASES,
  REJECT_TYPES,
  type Register,
} from './expression.ts'
import { VERDICT_CODES } from './expression-encoder.ts'
import type { Verdict } from './verdict.ts'

/** The expressions of a rule; one that Fairlead does not know, or that has a key it does not know, is `other`. */
export function readExpressions(list: Buffer): Expression[] {
  const expressions: Expression[] = []
  forEachAttribute(list, (_type, value) => {
    const attributes = readAttributes(value)
    const name = readString(attributes.get(NFTA_EXPR_NAME) ?? Buffer.alloc(0))
    const bytes = attributes.get(NFTA_EXPR_DATA) ?? Buffer.alloc(0)
    expressions.push(readExpression(name, new Fields(bytes)) ?? { kind: 'other', name, bytes: Buffer.from(bytes) })
  })
  return expressions
}

/** The content of a nested NFTA_*_DATA: bytes (copied) or a verdict. */
export function readData(nested: Buffer): Buffer | Verdict | undefined {
  const attributes = readAttributes(nested)
  const value = attributes.get(NFTA_DATA_VALUE)
  if (value !== undefined) return Buffer.from(value)
  const verdict = attributes.get(NFTA_DATA_VERDICT)
  return verdict === undefined ? undefined : readVerdict(verdict)
}

function readVerdict(bytes: Buffer): Verdict | undefined {
  const attributes = readAttributes(bytes)
  const code = attributes.get(NFTA_VERDICT_CODE)?.readInt32BE(0)
  const kind = keyOf(VERDICT_CODES, code)
  if (kind === undefined) return undefined
  if (kind !== 'jump' && kind !== 'goto') return { kind }
  return { kind, chain: readString(attributes.get(NFTA_VERDICT_CHAIN) ?? Buffer.alloc(0)) }
}

/** Reads an expression's attributes by type. */
class Fields {
  readonly attributes: Map<number, Buffer>

  constructor(bytes: Buffer) {
    this.attributes = readAttributes(bytes)
  }

  has(type: number): boolean {
    return this.attributes.has(type)
  }

  u32(type: number): number {
    return this.attributes.get(type)?.readUInt32BE(0) ?? 0
  }

  u64(type: number): bigint {
    return this.attributes.get(type)?.readBigUInt64BE(0) ?? 0n
  }

  string(type: number): string {
    const value = this.attributes.get(type)
    return value === undefined ? '' : readString(value)
  }

  register(type: number): Register {
    const number = this.u32(type)
    return number >= 8 ? number - 8 : (number - 1) * 4
  }

  data(type: number): Buffer {
    const nested = this.attributes.get(type)
    const data = nested === undefined ? undefined : readData(nested)
    return Buffer.isBuffer(data) ? data : Buffer.alloc(0)
  }
}

function keyOf<K extends string>(table: Readonly<Record<K, number>>, value: number | undefined): K | undefined {
  for (const key in table) if (table[key] === value) return key
  return undefined
}

type Reader = (f: Fields) => Expression | undefined

const READERS: Readonly<Record<string, Reader>> = {
  payload: readPayload,
  meta: readMeta,
  ct: readCt,
  cmp(f) {
    const op = keyOf(CMP_OPS, f.u32(2))
    return op && { kind: 'cmp', op, source: f.register(1), data: f.data(3) }
  },
  range: (f) => ({
    kind: 'range',
    op: f.u32(2) === 0 ? 'eq' : 'neq',
    source: f.register(1),
    from: f.data(3),
    to: f.data(4),
  }),
  bitwise(f) {
    if (f.u32(6) !== 0) return undefined
    return { kind: 'bitwise', source: f.register(1), dest: f.register(2), mask: f.data(4), xor: f.data(5) }
  },
  byteorder: (f) => ({
    kind: 'byteorder',
    op: f.u32(3) === 0 ? 'ntoh' : 'hton',
    source: f.register(1),
    dest: f.register(2),
    length: f.u32(4),
    size: f.u32(5),
  }),
  immediate: readImmediate,
  lookup: readLookup,
  dynset: readDynset,
  numgen: (f) => ({
    kind: 'numgen',
    mode: f.u32(3) === 0 ? 'inc' : 'random',
    modulus: f.u32(2),
    offset: f.u32(4),
    dest: f.register(1),
  }),
  hash: readHash,
  nat: readNat,
  masq: (f) => ({ kind: 'masquerade', ...optionalFlags(f, 1), ...ports(f, 2, 3) }),
  redir: (f) => ({ kind: 'redirect', ...optionalFlags(f, 3), ...ports(f, 1, 2) }),
  reject(f) {
    const type = keyOf(REJECT_TYPES, f.u32(1))
    return type && { kind: 'reject', type, code: f.attributes.get(2)?.readUInt8(0) ?? 0 }
  },
  fib(f) {
    const result = keyOf(FIB_RESULTS, f.u32(2))
    return result && { kind: 'fib', result, flags: f.u32(3), dest: f.register(1) }
  },
  counter: (f) => ({ kind: 'counter', packets: f.u64(2), bytes: f.u64(1) }),
  objref(f) {
    const type = keyOf(OBJECT_TYPES, f.u32(1))
    return type && f.has(2) ? { kind: 'objref', type, name: f.string(2) } : undefined
  },
  log(f) {
    return f.attributes.size > 1 || !f.has(2) ? undefined : { kind: 'log', prefix: f.string(2) }
  },
  notrack: () => ({ kind: 'notrack' }),
}

function readExpression(name: string, fields: Fields): Expression | undefined {
  return Object.hasOwn(READERS, name) ? READERS[name]?.(fields) : undefined
}

function readPayload(f: Fields): Expression | undefined {
  const base = keyOf(PAYLOAD_BASES, f.u32(2))
  if (base === undefined || !f.has(1)) return undefined
  return { kind: 'payload', base, offset: f.u32(3), length: f.u32(4), dest: f.register(1) }
}

function readMeta(f: Fields): Expression | undefined {
  const key = keyOf(META_KEYS, f.u32(2))
  if (key === undefined) return undefined
  return f.has(3) ? { kind: 'meta-set', key, source: f.register(3) } : { kind: 'meta', key, dest: f.register(1) }
}

function readCt(f: Fields): Expression | undefined {
  const key = keyOf(CT_KEYS, f.u32(2))
  if (key === undefined) return undefined
  if (f.has(4)) return { kind: 'ct-set', key, source: f.register(4) }
  const direction = f.attributes.get(3)?.readUInt8(0)
  if (direction === undefined) return { kind: 'ct', key, dest: f.register(1) }
  return { kind: 'ct', key, dest: f.register(1), direction: direction === 0 ? 'original' : 'reply' }
}

function readImmediate(f: Fields): Expression | undefined {
  const nested = f.attributes.get(2)
  const data = nested === undefined ? undefined : readData(nested)
  if (data === undefined) return undefined
  return Buffer.isBuffer(data) ? { kind: 'immediate', dest: f.register(1), data } : { kind: 'verdict', verdict: data }
}

function readLookup(f: Fields): Expression {
  const invert = f.u32(5) === 1 ? { invert: true } : {}
  const lookup = { kind: 'lookup', set: f.string(1), source: f.register(2), ...invert } as const
  if (!f.has(3)) return lookup
  return { ...lookup, dest: f.u32(3) === 0 ? 'verdict' : f.register(3) }
}

function readDynset(f: Fields): Expression | undefined {
  const op = keyOf(DYNSET_OPS, f.u32(3))
  // An expression per element (NFTA_DYNSET_EXPR, NFTA_DYNSET_EXPRESSIONS) is not modelled.
  if (op === undefined || f.has(7) || f.has(10)) return undefined
  const data = f.has(5) ? { data: f.register(5) } : {}
  const timeout = f.has(6) && f.u64(6) !== 0n ? { timeout: Number(f.u64(6)) } : {}
  return { kind: 'dynset', op, set: f.string(1), key: f.register(4), ...data, ...timeout }
}

function readHash(f: Fields): Expression | undefined {
  if (f.u32(7) !== 0) return undefined
  return {
    kind: 'jhash',
    source: f.register(1),
    length: f.u32(3),
    modulus: f.u32(4),
    seed: f.u32(5),
    offset: f.u32(6),
    dest: f.register(2),
  }
}

function readNat(f: Fields): Expression | undefined {
  const family = f.u32(2)
  if (family !== 2 && family !== 10) return undefined
  return {
    kind: 'nat',
    type: f.u32(1) === 0 ? 'snat' : 'dnat',
    family: family === 2 ? 'ip' : 'ip6',
    ...(f.has(3) ? { addressMin: f.register(3) } : {}),
    ...(f.has(4) && f.u32(4) !== f.u32(3) ? { addressMax: f.register(4) } : {}),
    ...ports(f, 5, 6),
    ...optionalFlags(f, 7),
  }
}

function ports(f: Fields, min: number, max: number): { portMin?: Register; portMax?: Register } {
  return {
    ...(f.has(min) ? { portMin: f.register(min) } : {}),
    ...(f.has(max) && f.u32(max) !== f.u32(min) ? { portMax: f.register(max) } : {}),
  }
}

/** Flags without the two that the kernel derives from the registers given. */
function optionalFlags(f: Fields, type: number): { flags?: number } {
  const flags = f.u32(type) & ~(NAT_FLAGS.mapAddresses | NAT_FLAGS.portSpecified)
  return flags === 0 ? {} : { flags }
}
