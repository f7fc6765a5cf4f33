import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Claim, Claims } from './claims.ts'

type Owner = keyof typeof SINCE
/** `c` is the oldest, `a` and `d` are of the same age. */
const SINCE = { a: '2026-01-02', b: '2026-01-03', c: '2026-01-01', d: '2026-01-02' } as const

test('the oldest has it, then the first by name, whatever the sequence', () => {
  const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), put: fc.boolean() })
  const byAge = (a: Owner, b: Owner) => (SINCE[a] + a < SINCE[b] + b ? -1 : 1)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const claims = new Claims<Claim & { value: number }>()
      const present = new Set<Owner>()
      for (const [index, { owner, put }] of steps.entries()) {
        if (put) {
          present.add(owner)
          claims.put('key', { owner, since: SINCE[owner], value: index })
        } else {
          present.delete(owner)
          claims.remove('key', owner)
        }
        assert.equal(claims.winner('key')?.owner, [...present].sort(byAge)[0])
      }
    }),
  )
})

test('a claim made again has its new value', () => {
  const claims = new Claims<Claim & { value: string }>()
  claims.put('key', { owner: 'a', since: '1', value: 'old' })
  claims.put('key', { owner: 'b', since: '2', value: 'other' })
  claims.put('key', { owner: 'a', since: '1', value: 'new' })
  assert.equal(claims.winner('key')?.value, 'new')
})
