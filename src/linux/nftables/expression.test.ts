import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageWriter } from '../netlink/message.ts'
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
} from './expression.ts'
import { readExpressions } from './expression-decoder.ts'
import { writeExpressions } from './expression-encoder.ts'
import type { Verdict } from './verdict.ts'

const register = fc.integer({ min: 0, max: 15 })
const u32 = fc.nat(0xffffffff)
const bytes = fc.uint8Array({ minLength: 1, maxLength: 16 }).map((array) => Buffer.from(array))
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
const flags = fc.constantFrom(0x4, 0x8, 0x10)
const oneOf = <K extends string>(table: Readonly<Record<K, unknown>>) =>
  fc.constantFrom(...(Object.keys(table) as [K, ...K[]]))
const ports = { portMin: register }
const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.record({ kind: fc.constantFrom('accept', 'drop', 'continue', 'return') }),
  fc.record({ kind: fc.constantFrom('jump', 'goto'), chain: name }),
)
const kind = <K extends string>(text: K) => fc.constant(text)
const optional = { requiredKeys: ['kind'] as ['kind'] }

/** Objects like those of the reader: with the usual prototype. */
const expression: fc.Arbitrary<Expression> = fc
  .oneof(
    fc.record({
      kind: kind('payload'),
      base: oneOf(PAYLOAD_BASES),
      offset: fc.nat(255),
      length: fc.nat(16),
      dest: register,
    }),
    fc.record({ kind: kind('meta'), key: oneOf(META_KEYS), dest: register }),
    fc.record({ kind: kind('meta-set'), key: oneOf(META_KEYS), source: register }),
    fc.record({ kind: kind('ct'), key: oneOf(CT_KEYS), dest: register }),
    fc.record({
      kind: kind('ct'),
      key: oneOf(CT_KEYS),
      dest: register,
      direction: fc.constantFrom('original', 'reply'),
    }),
    fc.record({ kind: kind('ct-set'), key: oneOf(CT_KEYS), source: register }),
    fc.record({ kind: kind('cmp'), op: oneOf(CMP_OPS), source: register, data: bytes }),
    fc.record({ kind: kind('range'), op: fc.constantFrom('eq', 'neq'), source: register, from: bytes, to: bytes }),
    fc.record({ kind: kind('bitwise'), source: register, dest: register, mask: bytes, xor: bytes }),
    fc.record({
      kind: kind('byteorder'),
      op: fc.constantFrom('ntoh', 'hton'),
      source: register,
      dest: register,
      length: fc.nat(16),
      size: fc.constantFrom(2, 4, 8),
    }),
    fc.record({ kind: kind('immediate'), dest: register, data: bytes }),
    fc.record({ kind: kind('verdict'), verdict }),
    fc.record({ kind: kind('lookup'), set: name, source: register }),
    fc.record({ kind: kind('lookup'), set: name, source: register, invert: fc.constant(true) }),
    fc.record({ kind: kind('lookup'), set: name, source: register, dest: fc.oneof(register, fc.constant('verdict')) }),
    fc.record(
      {
        kind: kind('dynset'),
        op: oneOf(DYNSET_OPS),
        set: name,
        key: register,
        data: register,
        timeout: fc.integer({ min: 1 }),
      },
      { requiredKeys: ['kind', 'op', 'set', 'key'] },
    ),
    fc.record({
      kind: kind('numgen'),
      mode: fc.constantFrom('inc', 'random'),
      modulus: u32,
      offset: u32,
      dest: register,
    }),
    fc.record({
      kind: kind('jhash'),
      source: register,
      length: u32,
      modulus: u32,
      seed: u32,
      offset: u32,
      dest: register,
    }),
    fc.record(
      {
        kind: kind('nat'),
        type: fc.constantFrom('snat', 'dnat'),
        family: fc.constantFrom('ip', 'ip6'),
        addressMin: register,
        flags,
        ...ports,
      },
      { requiredKeys: ['kind', 'type', 'family'] },
    ),
    fc.record({ kind: kind('masquerade'), flags, ...ports }, optional),
    fc.record({ kind: kind('redirect'), flags, ...ports }, optional),
    fc.record({ kind: kind('reject'), type: oneOf(REJECT_TYPES), code: fc.nat(255) }),
    fc.record({ kind: kind('fib'), result: oneOf(FIB_RESULTS), flags: fc.nat(63), dest: register }),
    fc.record({ kind: kind('counter'), packets: fc.bigInt(0n, 1n << 60n), bytes: fc.bigInt(0n, 1n << 60n) }),
    fc.record({ kind: kind('objref'), type: oneOf(OBJECT_TYPES), name }),
    fc.record({ kind: kind('log'), prefix: name }),
    fc.record({ kind: kind('notrack') }),
    fc.record({
      kind: kind('other'),
      name: fc.constant('synproxy'),
      bytes: fc.constant(Buffer.from('0800010000000004', 'hex')),
    }),
  )
  .map(plain)

function plain<T extends Expression>(one: T): T {
  return 'verdict' in one ? { ...one, verdict: { ...one.verdict } } : { ...one }
}

test('expressions are read back as they were written', () => {
  fc.assert(
    fc.property(fc.array(expression, { maxLength: 8 }), (expressions) => {
      const out = new MessageWriter(8)
      writeExpressions(out, expressions)
      assert.deepEqual(readExpressions(out.bytes()), expressions)
    }),
    { numRuns: 500 },
  )
})

test('a rule is written as nft writes it', () => {
  // ip daddr . meta l4proto . th dport vmap @v2, by nft 1.0.6 (without the set's number, which is the batch's own).
  const golden =
    '34000180 0c000100 7061796c 6f616400 24000280 08000100 00000001 08000200 00000001 08000300 00000010 08000400 00000004' +
    '24000180 09000100 6d657461 00000000 14000280 08000200 00000010 08000100 00000009' +
    '34000180 0c000100 7061796c 6f616400 24000280 08000100 0000000a 08000200 00000002 08000300 00000002 08000400 00000002' +
    '2c000180 0b000100 6c6f6f6b 75700000 1c000280 08000200 00000001 08000300 00000000 07000100 76320000'
  const out = new MessageWriter()
  writeExpressions(out, [
    { kind: 'payload', base: 'network', offset: 16, length: 4, dest: 0 },
    { kind: 'meta', key: 'l4proto', dest: 1 },
    { kind: 'payload', base: 'transport', offset: 2, length: 2, dest: 2 },
    { kind: 'lookup', set: 'v2', source: 0, dest: 'verdict' },
  ])
  assert.equal(out.bytes().toString('hex'), golden.replaceAll(' ', ''))
})

test('an inverted lookup and a mark are written as nft writes them', () => {
  // meta mark set meta mark | 0x00004000, by nft 1.0.6.
  const golden =
    '24000180 09000100 6d657461 00000000 14000280 08000200 00000003 08000100 00000001' +
    '4c000180 0c000100 62697477 69736500 3c000280 08000100 00000001 08000200 00000001 08000600 00000000' +
    '08000300 00000004 0c000480 08000100 ffbfffff 0c000580 08000100 00400000' +
    '24000180 09000100 6d657461 00000000 14000280 08000200 00000003 08000300 00000001'
  const out = new MessageWriter()
  writeExpressions(out, [
    { kind: 'meta', key: 'mark', dest: 0 },
    {
      kind: 'bitwise',
      source: 0,
      dest: 0,
      mask: Buffer.from('ffbfffff', 'hex'),
      xor: Buffer.from('00400000', 'hex'),
    },
    { kind: 'meta-set', key: 'mark', source: 0 },
  ])
  assert.equal(out.bytes().toString('hex'), golden.replaceAll(' ', ''))
})
