import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyJson, equalBut, isJsonObject, type JsonObject, jsonEqual } from './json.ts'

const tree = fc.jsonValue({ maxDepth: 4 })

test('a copy is equal and shares nothing', () => {
  fc.assert(
    fc.property(tree, (value) => {
      const copy = copyJson(value)
      assert.deepEqual(copy, value)
      assert.ok(sharesNothing(copy, value))
    }),
  )
})

test('a member of any name is copied as data', () => {
  const value = JSON.parse('{"__proto__":{"a":[1]},"constructor":{}}') as JsonObject
  const copy = copyJson(value)
  assert.equal(JSON.stringify(copy), JSON.stringify(value))
  assert.equal(Object.getPrototypeOf(copy), Object.prototype)
})

test('objects are equal but for some members as they are without them', () => {
  const members = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.oneof(tree, fc.constant(undefined)))
  fc.assert(
    fc.property(members, members, fc.subarray(['a', 'b', 'c']), (a, b, ignored) => {
      const without = (object: JsonObject) =>
        Object.fromEntries(
          Object.entries(object).filter(([name, value]) => value !== undefined && !ignored.includes(name)),
        )
      assert.equal(equalBut(a, b, ignored), jsonEqual(without(a), without(b)))
      assert.equal(equalBut(a, copyJson(a), ignored), true)
    }),
  )
})

function sharesNothing(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null) return true
  if (a === b) return false
  if (Array.isArray(a)) return a.every((item, index) => sharesNothing(item, (b as unknown[])[index]))
  return isJsonObject(a) && Object.keys(a).every((name) => sharesNothing(a[name], (b as JsonObject)[name]))
}
