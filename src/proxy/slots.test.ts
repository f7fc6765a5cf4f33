import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignSlots } from './slots.ts'

test('who stays keeps the slot, newcomers fill holes, the last fills what is left', () => {
  assert.deepEqual(assignSlots([], ['a', 'b']), ['a', 'b'])
  assert.deepEqual(assignSlots(['a', 'b', 'c'], ['c', 'a', 'd']), ['a', 'd', 'c'])
  assert.deepEqual(assignSlots(['a', 'b', 'c'], ['b', 'c']), ['c', 'b'])
  assert.deepEqual(assignSlots(['a', 'b', 'c', 'd'], ['c']), ['c'])
  assert.deepEqual(assignSlots(['a'], []), [])
})

test('everyone has exactly one slot, without holes, and no more move than must', () => {
  const names = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })
  fc.assert(
    fc.property(names, names, (current, wanted) => {
      const slots = assignSlots(current, wanted)
      assert.deepEqual([...slots].sort(), [...wanted].sort())
      const moved = slots.filter((occupant, slot) => current.includes(occupant) && current[slot] !== occupant)
      const stayersBeyond = current.filter((occupant, slot) => slot >= wanted.length && wanted.includes(occupant))
      assert.deepEqual(moved.sort(), stayersBeyond.sort())
    }),
  )
})
