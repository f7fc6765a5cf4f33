import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from 'dns-packet'
import fc from 'fast-check'
import { readOptions, writeOptions } from './edns-option.ts'
import { encodeMessage } from './message.ts'
import { Question } from './question.ts'

const option = fc.record(
  // dns-packet reads the options that it knows by their content.
  { code: fc.integer({ min: 100, max: 0xffff }), data: fc.uint8Array({ maxLength: 40 }) },
  { noNullPrototype: true },
)

test('options are read as they were written, also by Question and dns-packet', () => {
  fc.assert(
    fc.property(fc.array(option, { maxLength: 5 }), (options) => {
      const bytes = writeOptions(options)
      assert.deepEqual(readOptions(bytes, 0, bytes.length), options)
      const question = { name: 'a.example', type: 1, class: 1 }
      const packet = encodeMessage({ id: 1, flags: 0, question, edns: { udpSize: 1232, options } })
      const read = new Question()
      assert.equal(read.read(packet, 0, packet.length), 'ask')
      assert.deepEqual(read.options, options)
      const additionals = decode(packet).additionals as readonly { readonly options?: readonly unknown[] }[]
      assert.equal(additionals[0]?.options?.length, options.length)
    }),
  )
})

test('what is cut off is left out', () => {
  const bytes = writeOptions([
    { code: 3, data: Uint8Array.of(1, 2) },
    { code: 8, data: Uint8Array.of(3, 4) },
  ])
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(readOptions(bytes, 0, length).length, length < 6 ? 0 : 1)
  }
})
