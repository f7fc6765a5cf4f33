import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { forEachAttribute, MessageWriter, readAttributes, readMessages, readString } from './message.ts'

test('a message is a header and padded attributes', () => {
  const writer = new MessageWriter(1)
  const start = writer.beginMessage(0x10, 0x5, 7)
  writer.raw(Buffer.of(1, 2, 3))
  writer.string(3, 'lo')
  const nested = writer.beginNested(4)
  writer.u8(1, 0xff)
  writer.u16be(2, 0x1234)
  writer.endNested(nested)
  writer.flag(5)
  writer.u64be(6, 0x0102030405060708n)
  writer.endMessage(start)
  assert.equal(
    writer.bytes().toString('hex'),
    '40000000' +
      '1000' +
      '0500' +
      '07000000' +
      '00000000' +
      '01020300' +
      '070003006c6f0000' +
      '14000480' +
      '05000100ff000000' +
      '0600020012340000' +
      '04000500' +
      '0c0006000102030405060708',
  )
})

type Attribute = { type: number; value: Uint8Array }
const attribute: fc.Arbitrary<Attribute> = fc.record(
  {
    type: fc.nat(0x3fff),
    value: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
)
const message = fc.record(
  {
    type: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    sequence: fc.nat(0xffffffff),
    attributes: fc.array(attribute, { maxLength: 8 }),
  },
  { noNullPrototype: true },
)

test('messages and attributes that are written are read back, in order', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
      const writer = new MessageWriter(16)
      for (const { type, flags, sequence, attributes } of messages) {
        const start = writer.beginMessage(type, flags, sequence)
        for (const { type, value } of attributes) writer.attribute(type, value)
        writer.endMessage(start)
      }
      const read = [...readMessages(writer.bytes())].map(({ payload, ...header }) => {
        const attributes: Attribute[] = []
        forEachAttribute(payload, (type, value) => attributes.push({ type, value: Uint8Array.from(value) }))
        return { ...header, attributes }
      })
      assert.deepEqual(read, messages)
    }),
  )
})

test('bytes that are cut off or nonsense are read as far as they go, and never beyond', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { payload } of readMessages(Buffer.from(bytes))) readAttributes(payload)
      readAttributes(Buffer.from(bytes))
    }),
  )
  const writer = new MessageWriter()
  writer.attribute(1, Buffer.alloc(20))
  assert.equal(readAttributes(writer.bytes().subarray(0, 20)).size, 0)
})

test('strings end at their NUL, or without one', () => {
  assert.equal(readString(Buffer.from('eth0\0junk')), 'eth0')
  assert.equal(readString(Buffer.from('eth0')), 'eth0')
})
