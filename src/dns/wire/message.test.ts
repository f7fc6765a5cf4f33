import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { formatAddress } from '../../base/ip.ts'
import { TYPE, typeCode, typeName } from './codes.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import { canonicalName, encodeName, isWithin, lowerName, nameText, readName } from './name.ts'
import type { DnsRecord, RecordData } from './record.ts'

const label = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019-_') })
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))
/** fast-check's own objects have no prototype. */
function plain<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}
const short = fc.integer({ min: 0, max: 65_535 })
const long = fc.integer({ min: 0, max: 0x7fffffff })
const address = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => formatAddress(bytes))
const data: fc.Arbitrary<RecordData> = fc.oneof(
  plain({ kind: fc.constant('A' as const), address: address(4) }),
  plain({ kind: fc.constant('AAAA' as const), address: address(16) }),
  plain({ kind: fc.constantFrom('CNAME' as const, 'NS' as const, 'PTR' as const, 'DNAME' as const), target: name }),
  plain({ kind: fc.constant('SRV' as const), priority: short, weight: short, port: short, target: name }),
  plain({ kind: fc.constant('MX' as const), preference: short, target: name }),
  plain({ kind: fc.constant('TXT' as const), strings: fc.array(label, { minLength: 1, maxLength: 3 }) }),
  plain({ kind: fc.constant('HINFO' as const), cpu: label, os: label }),
  plain({
    kind: fc.constant('SOA' as const),
    primary: name,
    mailbox: name,
    serial: long,
    refresh: long,
    retry: long,
    expire: long,
    minimum: long,
  }),
  plain({
    kind: fc.constant('raw' as const),
    type: fc.constantFrom(65, 64_999),
    bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  }),
)
const record: fc.Arbitrary<DnsRecord> = plain({ name, ttl: long, data })
const section = fc.array(record, { maxLength: 6 })
const message = plain({
  id: short,
  flags: short,
  question: plain({ name, type: short, class: fc.constant(1) }),
  answers: section,
  authorities: section,
  additionals: section,
})

test('a message is read as it was written', () => {
  fc.assert(
    fc.property(message, (content) => {
      const bytes = encodeMessage({ ...content, edns: { udpSize: 1232, ttl: 0x8000 } })
      assert.deepEqual(decodeMessage(bytes), { ...content, edns: { udpSize: 1232, ttl: 0x8000 } })
    }),
  )
})

test('dns-packet reads names, ports and addresses as they were written', () => {
  fc.assert(
    fc.property(message, (content) => {
      const known = content.answers.filter(({ data: { kind } }) => ['A', 'SRV', 'CNAME', 'PTR', 'NS'].includes(kind))
      const packet = decode(encodeMessage({ ...content, answers: known, authorities: [], additionals: [] })) as Packet
      const seen = packet.answers?.map((answer) => ('data' in answer ? [answer.name, answer.type, answer.data] : []))
      const wanted = known.map(({ name: owner, data: wrote }) => {
        if (wrote.kind === 'A') return [owner, 'A', wrote.address]
        if (wrote.kind === 'SRV') {
          const { priority, weight, port, target } = wrote
          return [owner, 'SRV', { priority, weight, port, target }]
        }
        return [owner, wrote.kind, 'target' in wrote ? wrote.target : '']
      })
      assert.deepEqual(seen, wanted)
    }),
  )
})

test('what dns-packet writes is read', () => {
  const bytes = encode({
    type: 'response',
    id: 7,
    questions: [{ name: 'a.example', type: 'SOA' }],
    answers: [
      {
        name: 'a.example',
        type: 'SOA',
        ttl: 5,
        data: { mname: 'ns.a.example', rname: 'h.a.example', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
      },
    ],
  })
  assert.equal(decodeMessage(bytes)?.answers[0]?.data.kind, 'SOA')
})

test('bytes at random, cut off and changed messages are refused or read, and never more', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (content, place, value, cut) => {
      const bytes = encodeMessage(content)
      bytes[place % bytes.length] = value
      decodeMessage(bytes.subarray(0, cut % (bytes.length + 1)))
    }),
    { numRuns: 2000 },
  )
})

test('pointers that lead forward, to themselves or in a circle are refused', () => {
  const at = (bytes: number[], offset: number) => readName(Buffer.from(bytes), offset)
  assert.equal(at([0xc0, 0], 0), undefined)
  assert.equal(at([0xc0, 2, 0xc0, 0], 0), undefined)
  assert.equal(at([0xc0, 2, 0xc0, 0], 2), undefined)
  assert.equal(at([1, 0x61, 0xc0, 0], 2), undefined)
  assert.deepEqual(at([1, 0x61, 0, 0xc0, 0], 3), { text: 'a', next: 5 })
  assert.equal(at([0x40, 0x61], 0), undefined)
  assert.equal(at([3, 0x61], 0), undefined)
})

test('names keep their bytes through text', () => {
  const labels = fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 3 })
  fc.assert(
    fc.property(labels, (parts) => {
      const wire = Buffer.concat([
        ...parts.flatMap((part) => [Buffer.of(part.length), Buffer.from(part)]),
        Buffer.of(0),
      ])
      assert.deepEqual(encodeName(nameText(wire)), wire)
      assert.deepEqual(readName(wire, 0), { text: nameText(wire), next: wire.length })
    }),
  )
})

test('names that cannot be written are refused', () => {
  for (const text of ['a..b', '.a', 'x'.repeat(64), Array(50).fill('abcdef').join('.')]) {
    assert.throws(
      () => encodeName(text),
      (error) => isFairleadError(error, 'INVALID_INPUT'),
      text,
    )
  }
  assert.deepEqual(encodeName('a.'), Buffer.from([1, 0x61, 0]))
  assert.deepEqual(encodeName(''), Buffer.from([0]))
})

test('names are compared without case and by labels', () => {
  assert.deepEqual(lowerName(encodeName('Web.DEFAULT')), encodeName('web.default'))
  assert.equal(canonicalName('Web.Example.'), 'web.example')
  assert.ok(isWithin('a.example', 'example') && isWithin('example', 'example') && isWithin('x', ''))
  assert.ok(!isWithin('notexample', 'example'))
})

test('types have names', () => {
  assert.equal(typeName(TYPE.SRV), 'SRV')
  assert.equal(typeName(64_999), 'TYPE64999')
  assert.equal(typeCode('type64999'), 64_999)
  assert.equal(typeCode('aaaa'), 28)
  assert.equal(typeCode('TYPE99999'), undefined)
})
