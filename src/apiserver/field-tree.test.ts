import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deploymentKind } from '../kube/kinds/deployment.ts'
import { serviceKind } from '../kube/kinds/service.ts'
import type { AnyKind } from '../kube/registry.ts'
import { differenceOf, type FieldTree, intersect, pathsOf, subtract, treeOf, union } from './field-tree.ts'

const SERVICE: AnyKind = serviceKind

/** Every field on its own, which makes trees comparable as sets. */
function set(tree: FieldTree): ReadonlySet<string> {
  return new Set(Object.keys(tree).length === 0 ? [] : pathsOf(tree))
}

const name = fc.constantFrom('a', 'b', 'c')
const { tree } = fc.letrec<{ tree: Record<string, FieldTree> }>((tie) => ({
  tree: fc.dictionary(
    name.map((each) => `f:${each}`),
    fc.oneof({ depthSize: 'small' }, fc.constant({}), tie('tree')),
    { maxKeys: 3, noNullPrototype: true },
  ),
}))

test('trees are sets of fields', () => {
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      assert.deepEqual(set(union(a, b)), new Set([...set(a), ...set(b)]))
      assert.deepEqual(set(intersect(a, b)), new Set([...set(a)].filter((path) => set(b).has(path))))
      assert.deepEqual(set(subtract(a, b)), new Set([...set(a)].filter((path) => !set(b).has(path))))
    }),
  )
})

test('fields of an object are those of its lists by key, and of atomic parts as one', () => {
  const spec = { ports: [{ port: 80, name: 'http' }], selector: { app: 'web' } }
  assert.deepEqual(treeOf(SERVICE, { spec }, ''), {
    'f:spec': {
      'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:name': {} } },
      'f:selector': {},
    },
  })
})

test('a difference names what changed and what is gone', () => {
  const before = {
    spec: {
      replicas: 1,
      template: {
        spec: {
          containers: [
            { name: 'a', image: 'x' },
            { name: 'b', image: 'y' },
          ],
        },
      },
    },
  }
  const after = { spec: { replicas: 2, template: { spec: { containers: [{ name: 'a', image: 'z' }] } } } }
  const { changed, removed } = differenceOf(deploymentKind as AnyKind, before, after)
  assert.deepEqual(pathsOf(changed), ['.spec.replicas', '.spec.template.spec.containers[name="a"].image'])
  assert.deepEqual(
    set(removed),
    new Set(['', '.name', '.image'].map((end) => `.spec.template.spec.containers[name="b"]${end}`)),
  )
})
