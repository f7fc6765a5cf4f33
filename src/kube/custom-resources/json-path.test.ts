import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { followJsonPath, parseJsonPath, setByJsonPath } from './json-path.ts'

const OBJECT = {
  metadata: { annotations: { 'a.b/c': 'x' } },
  spec: {
    list: [
      { name: 'one', on: true },
      { name: 'two', size: 3 },
    ],
    'with.dot': 1,
  },
}

test('paths lead to fields, items and items with a value', () => {
  const paths: readonly (readonly [string, readonly unknown[]])[] = [
    ['.spec.list[0].name', ['one']],
    ['.spec.list[-1].name', ['two']],
    ['.spec.list[*].name', ['one', 'two']],
    ['.spec.list[?(@.name=="two")].size', [3]],
    ['.spec.list[?(@.on==true)].name', ['one']],
    ['.spec.list[?(@.size==3)].name', ['two']],
    [".metadata.annotations['a.b/c']", ['x']],
    ['.spec.with\\.dot', [1]],
    ['.spec.nothing.at.all', []],
    ['.spec.list.name', []],
    ['.metadata.constructor', []],
  ]
  for (const [text, values] of paths) {
    const path = parseJsonPath(text)
    assert.ok(path, text)
    assert.deepEqual(followJsonPath(path, OBJECT), values, text)
  }
})

test('what is no path is told', () => {
  for (const text of ['', 'spec', '.spec[', '.spec..a', '.a[?(@.b)]', '.a[x]', '{.a}']) {
    assert.equal(parseJsonPath(text), undefined, text)
  }
})

test('property: what is set by a path of fields is found by it', () => {
  const name = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,5}$/)
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.nat(), (names, value) => {
      const path = parseJsonPath(`.${names.join('.')}`)
      assert.ok(path)
      const target = {}
      setByJsonPath(path, target, value)
      assert.deepEqual(followJsonPath(path, target), [value])
    }),
  )
})
