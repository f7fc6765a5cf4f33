import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isJsonObject, jsonEqual } from './json.ts'
import { applyMergePatch } from './merge-patch.ts'

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)

describe('applyMergePatch()', () => {
  // The table of RFC 7386, appendix A.
  for (const [document, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    it(`makes ${JSON.stringify(result)} of ${JSON.stringify(document)} and ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(applyMergePatch(document, patch), result)
    })
  }

  it('treats names of built-in properties as plain data', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
    assert.equal(JSON.stringify(applyMergePatch({}, patch)), JSON.stringify(patch))
    assert.equal(
      JSON.stringify(applyMergePatch(patch, JSON.parse('{"__proto__":null}'))),
      '{"constructor":{"prototype":{"polluted":true}}}',
    )
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  })

  it('changes nothing when applied twice', () => {
    fc.assert(
      fc.property(json, json, (document, patch) => {
        const once = applyMergePatch(document, patch)
        assert.deepEqual(applyMergePatch(once, patch), once)
      }),
    )
  })

  it('gets from any document to any without null by the patch that tells them apart', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        const wanted = withoutNulls(to)
        assert.deepEqual(applyMergePatch(from, difference(from, wanted)), wanted)
      }),
    )
  })
})

/** The merge patch that makes `to` of `from`: the inverse that RFC 7386 describes. */
function difference(from: unknown, to: unknown): unknown {
  if (!isJsonObject(to)) return to
  const old = isJsonObject(from) ? from : {}
  const removed = Object.keys(old).map((name) => [name, null] as const)
  const changed = Object.entries(to)
    .filter(([name, value]) => !Object.hasOwn(old, name) || !jsonEqual(old[name], value))
    .map(([name, value]) => [name, difference(Object.hasOwn(old, name) ? old[name] : undefined, value)] as const)
  return Object.fromEntries([...removed.filter(([name]) => !Object.hasOwn(to, name)), ...changed])
}

/** A merge patch cannot set a member of an object to null. */
function withoutNulls(value: unknown): unknown {
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  )
}
