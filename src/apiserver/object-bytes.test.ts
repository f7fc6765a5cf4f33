import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeObject, encodeObject, versionedBytes } from './object-bytes.ts'

test('what is sent is what was stored, with the version of the write', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), fc.integer({ min: 1 }), (name, spec, revision) => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, resourceVersion: '7' }, spec }
      const bytes = encodeObject(object)
      const expected = { ...object, metadata: { name, resourceVersion: String(revision) } }
      const sent: unknown = JSON.parse(versionedBytes(bytes, revision).toString())
      assert.deepEqual(sent, JSON.parse(JSON.stringify(expected)))
      assert.deepEqual(decodeObject(bytes, revision), sent)
    }),
  )
})
