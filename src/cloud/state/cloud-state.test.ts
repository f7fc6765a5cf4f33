import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { CloudState } from './cloud-state.ts'
import { collection } from './collection.ts'
import type { Change } from './transaction.ts'

interface Box {
  readonly size: number
}

const BOXES = collection<Box>('test.boxes')
const LIDS = collection<Box>('test.lids')

test('a transaction sees its own changes, and nobody else does before it ends', () => {
  const state = CloudState.open()
  state.transact((transaction) => {
    transaction.put(BOXES, 'a', { size: 1 })
    assert.deepEqual(transaction.get(BOXES, 'a'), { size: 1 })
    assert.deepEqual(transaction.list(BOXES), [{ size: 1 }])
    assert.equal(state.get(BOXES, 'a'), undefined)
  })
  assert.deepEqual(state.list(BOXES), [{ size: 1 }])
})

test('what throws undoes everything and tells nobody', () => {
  const state = CloudState.open()
  state.transact((transaction) => transaction.put(BOXES, 'a', { size: 1 }))
  const heard: Change[] = []
  state.onChange((changes) => heard.push(...changes))
  assert.throws(() =>
    state.transact((transaction) => {
      transaction.put(BOXES, 'a', { size: 2 })
      transaction.delete(LIDS, 'x')
      throw new RangeError('over quota')
    }),
  )
  assert.deepEqual(state.list(BOXES), [{ size: 1 }])
  assert.deepEqual(heard, [])
})

test('collections are apart, also where one is named like the start of another id', () => {
  const state = CloudState.open()
  state.transact((transaction) => {
    transaction.put(BOXES, 'a/b', { size: 1 })
    transaction.put(LIDS, 'a/b', { size: 2 })
  })
  assert.deepEqual(state.get(BOXES, 'a/b'), { size: 1 })
  assert.deepEqual(state.get(LIDS, 'a/b'), { size: 2 })
})

test('any sequence of transactions reads back from disk as a plain map has it', async () => {
  const operation = fc.record({
    id: fc.constantFrom('a', 'b', 'c/d', 'e'),
    size: fc.option(fc.nat(5), { nil: undefined }),
    fails: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 8 }), async (transactions) => {
      const directory = mkdtempSync(join(tmpdir(), 'fl-cloud-'))
      try {
        const expected = new Map<string, Box>()
        {
          await using state = CloudState.open({ directory })
          for (const operations of transactions) apply(state, operations, expected)
        }
        await using again = CloudState.open({ directory })
        for (const id of ['a', 'b', 'c/d', 'e']) assert.deepEqual(again.get(BOXES, id), expected.get(id))
        assert.equal(again.list(BOXES).length, expected.size)
      } finally {
        rmSync(directory, { recursive: true })
      }
    }),
    { numRuns: 25 },
  )
})

interface Operation {
  readonly id: string
  readonly size: number | undefined
  readonly fails: boolean
}

function apply(state: CloudState, operations: readonly Operation[], expected: Map<string, Box>): void {
  const fails = operations.some((operation) => operation.fails)
  try {
    state.transact((transaction) => {
      for (const { id, size } of operations) {
        if (size === undefined) transaction.delete(BOXES, id)
        else transaction.put(BOXES, id, { size })
      }
      if (fails) throw new RangeError('refused')
    })
  } catch (error) {
    assert.ok(error instanceof RangeError)
  }
  if (fails) return
  for (const { id, size } of operations) {
    if (size === undefined) expected.delete(id)
    else expected.set(id, { size })
  }
}
