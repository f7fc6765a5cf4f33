import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ObjectCache } from './object-cache.ts'
import type { KubeObject } from './types/meta.ts'

/** An object that an index finds under each of its labels. */
function labelled(name: string, labels: readonly string[]): KubeObject {
  const metadata = { namespace: 'default', name, labels: Object.fromEntries(labels.map((label) => [label, ''])) }
  return { apiVersion: 'v1', kind: 'Service', metadata }
}

const labelsOf = (object: KubeObject) => Object.keys(object.metadata.labels ?? {})

test('an index finds what a search through all objects finds, whatever came, changed and went', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd')
  const labels = fc.constantFrom('x', 'y', 'z')
  const step = fc.record({ name: names, labels: fc.option(fc.uniqueArray(labels)) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const cache = new ObjectCache<KubeObject>()
      cache.addIndex('labels', labelsOf)
      const all = new Map<string, KubeObject>()
      for (const { name, labels } of steps) {
        const key = `default/${name}`
        if (labels === null) {
          cache.delete(key)
          all.delete(key)
        } else {
          const object = labelled(name, labels)
          cache.set(object)
          all.set(key, object)
        }
        for (const label of ['x', 'y', 'z']) {
          const wanted = [...all.values()].filter((object) => labelsOf(object).includes(label))
          assert.deepEqual(new Set(cache.byIndex('labels', label)), new Set(wanted))
        }
      }
      assert.deepEqual(new Set(cache.values()), new Set(all.values()))
    }),
  )
})

test('an index that comes later finds what is there', () => {
  const cache = new ObjectCache<KubeObject>()
  const [first, second] = [labelled('a', ['x']), labelled('b', ['x', 'y'])]
  cache.set(first)
  cache.set(second)
  cache.addIndex('labels', labelsOf)
  assert.deepEqual(cache.byIndex('labels', 'x'), [first, second])
  assert.deepEqual(cache.byIndex('labels', 'y'), [second])
  assert.throws(() => cache.addIndex('labels', labelsOf), { code: 'BUG' })
})
