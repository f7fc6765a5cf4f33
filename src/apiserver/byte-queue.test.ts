import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteQueue } from './byte-queue.ts'

test('lines that wait are read together, in order, and then the end', async () => {
  const queue = new ByteQueue()
  const read: string[] = []
  const reading = (async () => {
    for await (const chunk of queue) read.push(Buffer.from(chunk).toString())
  })()
  queue.push(Buffer.from('a'))
  queue.push(Buffer.from('b'))
  await new Promise((resolve) => setImmediate(resolve))
  queue.push(Buffer.from('c'))
  queue.end()
  await reading
  assert.equal(read.join(''), 'abc')
  assert.ok(read.length <= 2 + 1)
  assert.equal(queue.push(Buffer.from('d')), false)
})

test('a reader that falls too far behind finds the end', async () => {
  const queue = new ByteQueue()
  const megabyte = Buffer.alloc(1024 * 1024)
  let taken = 0
  while (queue.push(megabyte)) taken++
  assert.equal(taken, 32)
  assert.equal(queue.ended, true)
  for await (const _ of queue) assert.fail('there is nothing to read')
})
