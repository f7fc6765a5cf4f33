import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Claims } from './claims.ts'

test('the smallest order has it, whatever the sequence', () => {
  const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), put: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const claims = new Claims<number>()
      const present = new Set<string>()
      for (const [index, { owner, put }] of steps.entries()) {
        if (put) {
          present.add(owner)
          claims.put('key', { owner, order: owner, value: index })
        } else {
          present.delete(owner)
          claims.remove('key', owner)
        }
        assert.equal(claims.winner('key')?.owner, [...present].sort()[0])
      }
    }),
  )
})

test('a claim made again has its new value', () => {
  const claims = new Claims<string>()
  claims.put('key', { owner: 'a', order: '1', value: 'old' })
  claims.put('key', { owner: 'b', order: '2', value: 'other' })
  claims.put('key', { owner: 'a', order: '1', value: 'new' })
  assert.equal(claims.winner('key')?.value, 'new')
})
