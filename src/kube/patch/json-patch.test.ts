import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { applyJsonPatch } from './json-patch.ts'

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}

/** Every place in a document, as pointers. */
function pointers(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at]
  const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')
  return [at, ...Object.entries(value).flatMap(([key, child]) => pointers(child, `${at}/${escaped(key)}`))]
}

describe('applyJsonPatch()', () => {
  for (const [name, document, operation, result] of [
    ['adds a member', { foo: 'bar' }, { op: 'add', path: '/baz', value: 'qux' }, { foo: 'bar', baz: 'qux' }],
    ['adds an item', { foo: ['a', 'c'] }, { op: 'add', path: '/foo/1', value: 'b' }, { foo: ['a', 'b', 'c'] }],
    ['appends an item', { foo: ['a'] }, { op: 'add', path: '/foo/-', value: ['b'] }, { foo: ['a', ['b']] }],
    ['adds over a member', { foo: 1 }, { op: 'add', path: '/foo', value: null }, { foo: null }],
    ['adds a member named by a number', { foo: {} }, { op: 'add', path: '/foo/0', value: 1 }, { foo: { 0: 1 } }],
    ['adds the whole document', { foo: 1 }, { op: 'add', path: '', value: [1] }, [1]],
    ['removes a member', { foo: 1, bar: 2 }, { op: 'remove', path: '/bar' }, { foo: 1 }],
    ['removes an item', { foo: [1, 2, 3] }, { op: 'remove', path: '/foo/1' }, { foo: [1, 3] }],
    ['replaces a value', { foo: { bar: 1 } }, { op: 'replace', path: '/foo/bar', value: 2 }, { foo: { bar: 2 } }],
    ['replaces an item', [1, 2], { op: 'replace', path: '/1', value: 3 }, [1, 3]],
    ['moves a value', { a: { b: 1 }, c: {} }, { op: 'move', from: '/a/b', path: '/c/d' }, { a: {}, c: { d: 1 } }],
    ['moves an item', [1, 2, 3], { op: 'move', from: '/0', path: '/2' }, [2, 3, 1]],
    ['moves a value to where it is', { a: 1 }, { op: 'move', from: '/a', path: '/a' }, { a: 1 }],
    ['copies a value', { a: [1] }, { op: 'copy', from: '/a', path: '/b' }, { a: [1], b: [1] }],
    [
      'tests in any order of members',
      { a: { b: 1, c: 2 } },
      { op: 'test', path: '/a', value: { c: 2, b: 1 } },
      { a: { b: 1, c: 2 } },
    ],
    ['reads escapes', { 'a/b': 1, 'm~n': 2 }, { op: 'remove', path: '/a~1b' }, { 'm~n': 2 }],
    ['reads ~01 as ~1', { '~1': 1 }, { op: 'remove', path: '/~01' }, {}],
    ['reads the empty name', { '': 1 }, { op: 'replace', path: '/', value: 2 }, { '': 2 }],
  ] as const) {
    it(name, () => {
      assert.deepEqual(applyJsonPatch(deepFreeze(document), [operation]), result)
    })
  }

  for (const [name, document, operation, message] of [
    ['a missing parent', {}, { op: 'add', path: '/a/b', value: 1 }, /operation 0 \(add \/a\/b\): there is no "a"/],
    ['a missing member', { a: 1 }, { op: 'remove', path: '/b' }, /there is no "b"/],
    ['replacing what is not there', {}, { op: 'replace', path: '/b', value: 1 }, /there is no "b"/],
    ['an index beyond the end', [1], { op: 'add', path: '/2', value: 1 }, /index 2 is beyond the end/],
    ['the place after the end', [1], { op: 'remove', path: '/1' }, /index 1 is beyond the end/],
    ['an index with a leading zero', [1, 2], { op: 'remove', path: '/01' }, /"01" is no index/],
    ['"-" where nothing is added', [1], { op: 'remove', path: '/-' }, /"-" is no index/],
    [
      'members of a scalar',
      { a: 'x' },
      { op: 'add', path: '/a/length', value: 1 },
      /in a string, which has no members/,
    ],
    ['a pointer without a slash', {}, { op: 'add', path: 'a', value: 1 }, /path "a" is no JSON pointer/],
    ['a wrong escape', {}, { op: 'add', path: '/~2', value: 1 }, /is no JSON pointer/],
    ['a missing path', {}, { op: 'add', value: 1 }, /path is missing/],
    ['a missing value', {}, { op: 'add', path: '/a' }, /value is missing/],
    ['a missing source', {}, { op: 'copy', path: '/a' }, /from is missing/],
    ['a failed test', { a: 1 }, { op: 'test', path: '/a', value: '1' }, /the value there is another one/],
    ['a move into itself', { a: { b: 1 } }, { op: 'move', from: '/a', path: '/a/b' }, /cannot be moved into itself/],
    ['an unknown operation', {}, { op: 'increment', path: '/a' }, /op must be add, remove/],
    ['anything but an operation', {}, 'add', /found string, expected object/],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => applyJsonPatch(document, [operation]), { code: 'INVALID_INPUT', message })
    })
  }

  it('names the operation that failed and applies none', () => {
    const document = deepFreeze({ a: 1 })
    const operations = [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'move', from: '/x', path: '/y' },
    ]
    assert.throws(() => applyJsonPatch(document, operations), /operation 1 \(move \/x \/y\): there is no "x"/)
  })

  it('refuses patches and copies without end', () => {
    assert.throws(
      () => applyJsonPatch({}, new Array(10_001).fill({ op: 'test', path: '', value: {} })),
      /maximum operations/,
    )
    const bomb = Array.from({ length: 64 }, () => ({ op: 'copy', from: '', path: '/a' }))
    assert.throws(
      () =>
        applyJsonPatch({ seed: 'x'.repeat(1000) }, [
          ...bomb,
          ...bomb.map(() => ({ op: 'copy', from: '/a', path: '/a/b' })),
        ]),
      /copies add up/,
    )
  })

  it('treats names of built-in properties as plain data', () => {
    const hostile = JSON.parse('{"__proto__":{"a":1},"constructor":{"b":1}}')
    const result = applyJsonPatch(hostile, [
      { op: 'add', path: '/__proto__/polluted', value: true },
      { op: 'remove', path: '/constructor/b' },
      { op: 'add', path: '/constructor/prototype', value: 'x' },
    ])
    assert.equal(JSON.stringify(result), '{"__proto__":{"a":1,"polluted":true},"constructor":{"prototype":"x"}}')
    assert.equal(Object.getPrototypeOf(result), Object.prototype)
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
    for (const path of ['/__proto__', '/constructor', '/toString']) {
      assert.throws(() => applyJsonPatch({}, [{ op: 'remove', path }]), { code: 'INVALID_INPUT' })
    }
    const added = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }])
    assert.equal(JSON.stringify(added), '{"__proto__":{"polluted":true}}')
  })

  it('undoes an addition by a removal, anywhere in any document', () => {
    fc.assert(
      fc.property(json, fc.nat(), json, (document, seed, value) => {
        const places = pointers(document)
        const place = `${places[seed % places.length]}/-`
        const parent = applyJsonPatch({ document }, [
          { op: 'copy', from: `/document${place.slice(0, -2)}`, path: '/parent' },
        ])
        const isList = Array.isArray((parent as { parent: unknown }).parent)
        const added = isList ? `${place.slice(0, -2)}/0` : `${place.slice(0, -2)}/fresh!`
        fc.pre(
          typeof (parent as { parent: unknown }).parent === 'object' && (parent as { parent: unknown }).parent !== null,
        )
        const there = applyJsonPatch(deepFreeze(document), [
          { op: 'add', path: added, value },
          { op: 'test', path: added, value },
        ])
        assert.deepEqual(applyJsonPatch(there, [{ op: 'remove', path: added }]), document)
      }),
    )
  })

  it('gives back the document after a replacement by what was there', () => {
    fc.assert(
      fc.property(json, fc.nat(), json, (document, seed, value) => {
        const places = pointers(document)
        const path = places[seed % places.length]
        const { old } = applyJsonPatch({ document }, [{ op: 'copy', from: `/document${path}`, path: '/old' }]) as {
          old: unknown
        }
        const changed = applyJsonPatch(deepFreeze(document), [{ op: 'replace', path, value }])
        assert.deepEqual(applyJsonPatch(changed, [{ op: 'replace', path, value: old }]), document)
      }),
    )
  })

  it('describes an operation that has no text of its own', () => {
    assert.throws(
      () => applyJsonPatch({}, [{ op: 'add', path: { toString: null } }]),
      (error) => isFairleadError(error, 'INVALID_INPUT') && error.message.includes('add {"toString":null}'),
    )
  })

  it('throws INVALID_INPUT and nothing else, whatever comes in', () => {
    const operation = fc.record(
      {
        op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
        path: fc.oneof(fc.string({ unit: fc.constantFrom(...'/~01-ab') }), json),
        from: fc.string({ unit: fc.constantFrom(...'/~01-ab') }),
        value: json,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        json,
        fc.array(fc.oneof({ weight: 9, arbitrary: operation }, { weight: 1, arbitrary: json })),
        (document, operations) => {
          try {
            applyJsonPatch(deepFreeze(document), operations)
          } catch (error) {
            assert.ok(isFairleadError(error, 'INVALID_INPUT'), String(error))
          }
        },
      ),
    )
  })
})
