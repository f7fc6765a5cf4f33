import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closest, editDistance } from './closest.ts'

test('slips of the pen are close, other words are not', () => {
  assert.equal(closest('wbe', ['db', 'web', 'kubernetes']), 'web')
  assert.equal(closest('clint', ['client', 'node-1']), 'client')
  assert.equal(closest('externalTrafficPolcy', ['type', 'externalTrafficPolicy']), 'externalTrafficPolicy')
  assert.equal(closest('web', ['payments']), undefined)
  assert.equal(closest('web-5', ['web-1', 'web-2']), 'web-1')
})

test('a distance is 0 to itself, the same both ways, and at most the longer word', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const distance = editDistance(a, b)
      assert.equal(distance === 0, a === b)
      assert.equal(distance, editDistance(b, a))
      assert.ok(distance <= Math.max(a.length, b.length))
    }),
  )
})
