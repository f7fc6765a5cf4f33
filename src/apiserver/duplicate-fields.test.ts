import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJson, repeatsFields } from './body.ts'
import { duplicateFields } from './duplicate-fields.ts'
import { openTestBench } from './test-bench.ts'

test('fields that stand twice are found wherever they are', () => {
  const text = '{"a":{"b":1,"c":[{"d":1},{"d":1,"d":2}],"b":[]},"e\\"":1,"a":"{\\"x\\":1,\\"x\\":1}","\\u0062":1,"b":2}'
  assert.deepEqual(duplicateFields(text), ['a.c[1].d', 'a.b', 'a', 'b'])
  assert.deepEqual(duplicateFields('[{"a":1},{"a":1}]'), [])
})

test('what JSON.stringify writes has none', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => duplicateFields(text).length === 0),
    { numRuns: 50 },
  )
})

test('counting tells texts that have some from those that have none', () => {
  const read = (text: string) => readJson(Buffer.from(text)) as object
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 4 }),
      (text) => text.includes('__proto__') || !repeatsFields(read(`{"a":${text}}`)),
    ),
    { numRuns: 100 },
  )
  for (const text of ['{"a":1,"a":1}', '[{"b":[{"c":":","c":{}}]}]', '{"a":{"x":1,"x":1},"a":2}']) {
    assert.ok(repeatsFields(read(text)), text)
  }
})

test('colons and brackets in a text do not count, however long it is and whatever is escaped in it', () => {
  const read = (text: string) => readJson(Buffer.from(text)) as object
  const piece = fc.constantFrom('x', '"', '\\', ':', '{', '[', 'é', 'some more of it, ')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 80 }), (pieces) => {
      const text = pieces.join('')
      assert.ok(!repeatsFields(read(JSON.stringify({ a: text, b: { [text]: text } }))))
      assert.ok(repeatsFields(read(`{"a":${JSON.stringify(text)},"a":1}`)))
    }),
  )
})

test('fields that stand twice are refused, named in a warning, or let be', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const body = '{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}'
  const post = (query: string) =>
    bench.send(`/api/v1/namespaces/default/configmaps?dryRun=All${query}`, {
      method: 'POST',
      identity,
      body,
      headers: { 'content-type': 'application/json' },
    })
  const strict = await post('&fieldValidation=Strict')
  assert.equal(strict.status, 400)
  assert.match(strict.body.message, /strict decoding error: duplicate field "data\.x"$/)
  const warned = await post('')
  assert.equal(warned.status, 201)
  assert.equal(warned.headers.warning, '299 - "duplicate field \\"data.x\\""')
  assert.equal(warned.body.data.x, '2')
  assert.equal((await post('&fieldValidation=Ignore')).headers.warning, undefined)
})
