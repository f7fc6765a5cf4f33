import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, sameJson } from './canonical-json.ts'
import { sameTemplate, templateHash } from './template-hash.ts'

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } }

test('the hash does not depend on the order of fields and is a valid label', () => {
  const other = { spec: { containers: [{ image: 'nginx', name: 'web' }] }, metadata: { labels: { app: 'web' } } }
  assert.equal(templateHash(template), templateHash(other))
  assert.match(templateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
})

test('another image, and another collision count, give another hash', () => {
  const changed = { ...template, spec: { containers: [{ name: 'web', image: 'nginx:2' }] } }
  const hashes = new Set([templateHash(template), templateHash(changed), templateHash(template, 1)])
  assert.equal(hashes.size, 3)
})

test('templates are compared without pod-template-hash', () => {
  const labelled = { ...template, metadata: { labels: { app: 'web', 'pod-template-hash': 'abc' } } }
  assert.ok(sameTemplate(template, labelled))
  assert.ok(!sameTemplate(template, { ...template, metadata: { labels: { app: 'other' } } }))
})

test('canonical JSON parses to the same value, and reordering fields changes nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))
      const reversed = JSON.parse(JSON.stringify(value, reverseFields))
      assert.ok(sameJson(value, reversed))
    }),
  )
})

function reverseFields(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).reverse())
}
