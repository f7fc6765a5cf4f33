import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, sameJson } from './canonical-json.ts'

const leaf = fc.constantFrom<unknown>(1, 2, '1', '', true, false, null, undefined)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(
      tie('value').map((item) => item ?? null),
      { maxLength: 3 },
    ),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
}))

test('property: the same exactly when the canonical texts are', () => {
  fc.assert(
    fc.property(value, value, (left, right) => {
      assert.equal(sameJson(left, right), canonicalJson(left) === canonicalJson(right))
      assert.ok(sameJson(left, structuredClone(left)))
    }),
    { numRuns: 2000 },
  )
})
