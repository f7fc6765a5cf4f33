import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageWriter, readMessages } from '../netlink/message.ts'
import { NftBatch } from './batch.ts'
import { inetProto, inetService, ipv4Address, mark, number } from './data-type.ts'
import { rangeElements, readElements, writeElement, writeTextElement } from './element.ts'
import type { ListedElement } from './program.ts'

const TABLE = { family: 'ip', table: 't' } as const

/** The payload of the batch's first message, in hexadecimal. */
function firstMessage(fill: (batch: NftBatch) => void): string {
  const batch = new NftBatch()
  fill(batch)
  const [, message] = [...readMessages(batch.seal().bytes)]
  return message?.payload.subarray(4).toString('hex') ?? ''
}

function hex(...parts: string[]): string {
  return parts.join('').replaceAll(' ', '')
}

test('a table is written as nft writes it', () => {
  const bytes = firstMessage((batch) => batch.addTable({ ...TABLE, comment: 'hello' }))
  assert.equal(bytes, hex('06000100 74000000 08000200 00000000 0c000600 000668656c6c6f00'))
})

test('a base chain is written as nft writes it', () => {
  const bytes = firstMessage((batch) =>
    batch.addChain({ ...TABLE, name: 'pre', base: { type: 'nat', hook: 'prerouting', priority: -100 } }),
  )
  const hook = '14000480 08000100 00000000 08000200 ffffff9c'
  assert.equal(bytes, hex('06000100 74000000 08000300 70726500', hook, '08000500 00000001 08000700 6e617400'))
})

test('a map whose types are known by name is written as nft writes it', () => {
  const bytes = firstMessage((batch) =>
    batch.addSet({ ...TABLE, name: 'nat1', key: [ipv4Address], data: [ipv4Address] }),
  )
  const expected = hex(
    '06000100 74000000 09000200 6e617431 00000000 08000300 00000008 08000400 00000007 08000500 00000004',
    '08000600 00000007 08000700 00000004 08000a00 00000001',
    '16000d00 0004 02000000 0104 02000000 0604 00000000 0000',
  )
  assert.equal(bytes, expected)
})

test('a map whose types need typeof is written as nft writes it', () => {
  // map endpoints { typeof meta mark . numgen inc mod 65536 : ip daddr . th dport; }
  const bytes = firstMessage((batch) =>
    batch.addSet({ ...TABLE, name: 'endpoints', key: [mark, number], data: [ipv4Address, inetService] }),
  )
  const expected = hex(
    '06000100 74000000 0e000200 656e64706f696e747300 0000 08000300 00000008 08000400 000004c4 08000500 00000008',
    '08000600 000001cd 08000700 00000008 08000a00 00000001 82000d00 0004000000000104000000000334',
    '00040d000000012c000e0004090000000106000403000000011a0004170000000112000400000000010400000100020400000000',
    '043400040d000000012c0014000407000000010c00040c00000001040c000000011400040700000001 0c00040b000000010402000000',
    '0604000000000000',
  )
  assert.equal(bytes, expected)
})

test('elements are written as nft writes them, both ways', () => {
  const expected = hex(
    '30000180 14000180 10000100 01020304 06000000 00500000 10000280 0c000280 08000100 00000001 08000600 00026300',
  )
  const key = Buffer.of(1, 2, 3, 4, 6, 0, 0, 0, 0, 80, 0, 0)
  const out = new MessageWriter()
  writeElement(out, { key, data: { kind: 'accept' }, comment: 'c' })
  assert.equal(out.bytes().toString('hex'), expected)
})

test('byte strings are written like bytes', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(bytes, fc.option(bytes), fc.stringMatching(/^[ -~]{0,127}$/), (key, data, comment) => {
      const plain = new MessageWriter(8)
      writeElement(plain, { key, ...(data === null ? {} : { data }), ...(comment === '' ? {} : { comment }) })
      const fast = new MessageWriter(8)
      const text = (array: Uint8Array | null) => Buffer.from(array ?? []).toString('latin1')
      writeTextElement(fast, text(key), text(data), comment)
      assert.deepEqual(fast.bytes(), plain.bytes())
    }),
  )
})

test('elements are read back as they were written', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 }).map((array) => Buffer.from(array))
  const element = fc.record(
    { key: bytes, data: bytes, timeout: fc.integer({ min: 1 }), comment: fc.stringMatching(/^[ -~]{1,127}$/) },
    { requiredKeys: ['key'] },
  )
  fc.assert(
    fc.property(fc.array(element, { maxLength: 20 }), (elements) => {
      const out = new MessageWriter(8)
      for (const one of elements) writeElement(out, one)
      const read: ListedElement[] = []
      readElements(out.bytes(), (one) => read.push(one))
      const expected = elements.map((one) => ({
        key: one.key,
        keyEnd: undefined,
        data: one.data,
        flags: 0,
        timeout: one.timeout ?? 0,
        expiration: 0,
        comment: one.comment,
      }))
      assert.deepEqual(read, expected)
    }),
  )
})

test('a range ends at the key after its last one, and nowhere when that is the very last', () => {
  const [start, end] = rangeElements(Buffer.of(10, 0, 0, 0), Buffer.of(10, 255, 255, 255))
  assert.deepEqual(start, { key: Buffer.of(10, 0, 0, 0) })
  assert.deepEqual(end, { key: Buffer.of(11, 0, 0, 0), flags: 1 })
  assert.equal(rangeElements(Buffer.of(0, 0, 0, 0), Buffer.of(255, 255, 255, 255)).length, 1)
})

test('many elements are split into messages whose lists fit their length', () => {
  const batch = new NftBatch()
  const set = { ...TABLE, name: 's' }
  for (let i = 0; i < 10_000; i += 1) batch.addElement(set, { key: Buffer.from([i >> 8, i & 255, 0, 0]) })
  assert.equal(batch.size, 10_000)
  const messages = [...readMessages(batch.seal().bytes)]
  assert.ok(messages.length > 3)
  for (const { payload } of messages) assert.ok(payload.length < 65_536)
})

test('a batch names what each of its messages does', () => {
  const batch = new NftBatch()
  batch.addTable(TABLE)
  batch.addSet({ ...TABLE, name: 's', key: [ipv4Address, inetProto] })
  batch.addElement({ ...TABLE, name: 's' }, { key: Buffer.alloc(8) })
  batch.seal()
  assert.equal(batch.describe(1), 'add table ip t')
  assert.equal(batch.describe(2), 'add set ip t s')
  assert.equal(batch.describe(3), 'add elements to ip t s')
})
