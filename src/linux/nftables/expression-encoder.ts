/** Writes expressions as netlink attributes. */
import { MessageWriter } from '../netlink/message.ts'
import {
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR_DATA,
  NFTA_EXPR_NAME,
  NFTA_LIST_ELEM,
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
  OBJECT_TYPES,
  PAYLOAD_BASES,
  REJECT_TYPES,
  type Register,
} from './expression.ts'
import { FAMILY_NUMBERS } from './family.ts'
import type { Verdict } from './verdict.ts'

/** NF_DROP, NF_ACCEPT and NFT_* codes. */
export const VERDICT_CODES = { drop: 0, accept: 1, continue: -1, jump: -3, goto: -4, return: -5 } as const

const VERDICT_REGISTER = 0
const FIRST_WORD = 8
const WORDS_PER_REGISTER = 4

/** The kernel's number of a word: as it prints them itself, 128-bit names where a word begins one. */
export function registerNumber(register: Register): number {
  return register % WORDS_PER_REGISTER === 0 ? 1 + register / WORDS_PER_REGISTER : FIRST_WORD + register
}

/** The kernel's name of an expression. */
const NAMES = {
  payload: 'payload',
  meta: 'meta',
  'meta-set': 'meta',
  ct: 'ct',
  'ct-set': 'ct',
  cmp: 'cmp',
  range: 'range',
  bitwise: 'bitwise',
  byteorder: 'byteorder',
  immediate: 'immediate',
  verdict: 'immediate',
  lookup: 'lookup',
  dynset: 'dynset',
  numgen: 'numgen',
  jhash: 'hash',
  nat: 'nat',
  masquerade: 'masq',
  redirect: 'redir',
  reject: 'reject',
  fib: 'fib',
  counter: 'counter',
  objref: 'objref',
  log: 'log',
  notrack: 'notrack',
} as const satisfies Record<Exclude<Expression['kind'], 'other'>, string>

/** Writes the list of a rule's expressions (the content of NFTA_RULE_EXPRESSIONS). */
export function writeExpressions(writer: MessageWriter, expressions: readonly Expression[]): void {
  for (const expression of expressions) {
    const element = writer.beginNested(NFTA_LIST_ELEM)
    if (expression.kind === 'other') {
      writer.string(NFTA_EXPR_NAME, expression.name)
      writer.attribute(NFTA_EXPR_DATA | 0x8000, expression.bytes)
    } else {
      writer.string(NFTA_EXPR_NAME, NAMES[expression.kind])
      const data = writer.beginNested(NFTA_EXPR_DATA)
      writeFields(new FieldWriter(writer), expression)
      writer.endNested(data)
    }
    writer.endNested(element)
  }
}

const encoded = new WeakMap<readonly Expression[], Buffer>()

/**
 * {@link writeExpressions} for expressions that many rules share as the same array: they are encoded once. The array must
 * not change.
 */
export function writeSharedExpressions(writer: MessageWriter, expressions: readonly Expression[]): void {
  let bytes = encoded.get(expressions)
  if (bytes === undefined) {
    const own = new MessageWriter(512)
    writeExpressions(own, expressions)
    bytes = own.bytes()
    encoded.set(expressions, bytes)
  }
  writer.raw(bytes)
}

/** Writes a nested value (NFTA_DATA_VALUE) under `type`. */
export function writeValue(writer: MessageWriter, type: number, value: Uint8Array): void {
  const nested = writer.beginNested(type)
  writer.attribute(NFTA_DATA_VALUE, value)
  writer.endNested(nested)
}

/** Writes a nested verdict (NFTA_DATA_VERDICT) under `type`. */
export function writeVerdict(writer: MessageWriter, type: number, verdict: Verdict): void {
  const nested = writer.beginNested(type)
  const inner = writer.beginNested(NFTA_DATA_VERDICT)
  writer.u32be(NFTA_VERDICT_CODE, VERDICT_CODES[verdict.kind])
  if ('chain' in verdict) writer.string(NFTA_VERDICT_CHAIN, verdict.chain)
  writer.endNested(inner)
  writer.endNested(nested)
}

/** Writes numbers and registers in the kernel's order, leaving out what is not given. */
class FieldWriter {
  readonly out: MessageWriter

  constructor(out: MessageWriter) {
    this.out = out
  }

  u32(type: number, value: number | undefined): this {
    if (value !== undefined) this.out.u32be(type, value)
    return this
  }

  register(type: number, register: Register | undefined): this {
    return this.u32(type, register === undefined ? undefined : registerNumber(register))
  }
}

type Known = Exclude<Expression, { kind: 'other' }>

function writeFields(w: FieldWriter, e: Known): void {
  switch (e.kind) {
    case 'payload':
      w.register(1, e.dest).u32(2, PAYLOAD_BASES[e.base]).u32(3, e.offset).u32(4, e.length)
      return
    case 'meta':
      w.u32(2, META_KEYS[e.key]).register(1, e.dest)
      return
    case 'meta-set':
      w.u32(2, META_KEYS[e.key]).register(3, e.source)
      return
    case 'ct':
      w.u32(2, CT_KEYS[e.key]).register(1, e.dest)
      if (e.direction !== undefined) w.out.u8(3, e.direction === 'original' ? 0 : 1)
      return
    case 'ct-set':
      w.u32(2, CT_KEYS[e.key]).register(4, e.source)
      return
    case 'cmp':
      w.register(1, e.source).u32(2, CMP_OPS[e.op])
      writeValue(w.out, 3, e.data)
      return
    case 'range':
      w.register(1, e.source).u32(2, e.op === 'eq' ? 0 : 1)
      writeValue(w.out, 3, e.from)
      writeValue(w.out, 4, e.to)
      return
    case 'bitwise':
      w.register(1, e.source).register(2, e.dest).u32(6, 0).u32(3, e.mask.length)
      writeValue(w.out, 4, e.mask)
      writeValue(w.out, 5, e.xor)
      return
    case 'byteorder':
      w.register(1, e.source)
        .register(2, e.dest)
        .u32(3, e.op === 'ntoh' ? 0 : 1)
        .u32(4, e.length)
        .u32(5, e.size)
      return
    case 'immediate':
      w.register(1, e.dest)
      writeValue(w.out, 2, e.data)
      return
    case 'verdict':
      w.u32(1, VERDICT_REGISTER)
      writeVerdict(w.out, 2, e.verdict)
      return
    default:
      writeStateful(w, e)
  }
}

type Simple =
  | 'payload'
  | 'meta'
  | 'meta-set'
  | 'ct'
  | 'ct-set'
  | 'cmp'
  | 'range'
  | 'bitwise'
  | 'byteorder'
  | 'immediate'
  | 'verdict'

/** Expressions that look up, choose, translate or end. */
function writeStateful(w: FieldWriter, e: Exclude<Known, { kind: Simple }>): void {
  switch (e.kind) {
    case 'lookup':
      w.register(2, e.source)
      if (e.dest === 'verdict') w.u32(3, VERDICT_REGISTER)
      else w.register(3, e.dest)
      w.out.string(1, e.set)
      if (e.invert) w.u32(5, 1)
      return
    case 'dynset':
      w.register(4, e.key).register(5, e.data).u32(3, DYNSET_OPS[e.op])
      if (e.timeout !== undefined) w.out.u64be(6, BigInt(e.timeout))
      w.out.string(1, e.set)
      return
    case 'numgen':
      w.register(1, e.dest)
        .u32(2, e.modulus)
        .u32(3, e.mode === 'inc' ? 0 : 1)
        .u32(4, e.offset)
      return
    case 'jhash':
      w.register(1, e.source).register(2, e.dest).u32(3, e.length).u32(4, e.modulus).u32(5, e.seed).u32(6, e.offset)
      w.u32(7, 0)
      return
    case 'nat':
      w.u32(1, e.type === 'snat' ? 0 : 1).u32(2, FAMILY_NUMBERS[e.family])
      w.register(3, e.addressMin)
        .register(4, e.addressMax)
        .register(5, e.portMin)
        .register(6, e.portMax)
        .u32(7, e.flags)
      return
    case 'masquerade':
      w.u32(1, e.flags).register(2, e.portMin).register(3, e.portMax)
      return
    case 'redirect':
      w.register(1, e.portMin).register(2, e.portMax).u32(3, e.flags)
      return
    case 'reject':
      w.u32(1, REJECT_TYPES[e.type])
      w.out.u8(2, e.code)
      return
    case 'fib':
      w.u32(3, e.flags).u32(2, FIB_RESULTS[e.result]).register(1, e.dest)
      return
    case 'counter':
      if (e.bytes !== undefined) w.out.u64be(1, e.bytes)
      if (e.packets !== undefined) w.out.u64be(2, e.packets)
      return
    case 'objref':
      w.u32(1, OBJECT_TYPES[e.type])
      w.out.string(2, e.name)
      return
    case 'log':
      w.out.string(2, e.prefix)
      return
    case 'notrack':
      return
    default:
      e satisfies never
  }
}
