import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { MergeList } from '../kind.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicMergePatch } from './strategic-merge-patch.ts'

const LISTS: Readonly<Record<string, MergeList>> = {
  'metadata.finalizers': { keys: [] },
  'spec.ports': { keys: ['port', 'protocol'], patchKey: 'port' },
  'spec.containers': { keys: ['name'] },
  'spec.containers.ports': { keys: ['containerPort', 'protocol'], patchKey: 'containerPort' },
  'spec.containers.env': { keys: ['name'] },
}

function patched(document: unknown, patch: unknown): unknown {
  return applyStrategicMergePatch(document, patch, (path) => LISTS[path])
}

function containers(...names: string[]): unknown {
  return { spec: { containers: names.map((name) => ({ name, image: `${name}:1` })) } }
}

function names(document: unknown): string[] {
  return (document as { spec: { containers: { name: string }[] } }).spec.containers.map(({ name }) => name)
}

// What is expected here was compared with `kubectl patch --local --type=strategic` for the same objects.
describe('applyStrategicMergePatch()', () => {
  it('merges objects and deletes by null', () => {
    const document = { metadata: { labels: { a: '1', b: '2' } }, spec: { hostNetwork: true } }
    assert.deepEqual(patched(document, { metadata: { labels: { a: null, c: '3' } } }), {
      metadata: { labels: { b: '2', c: '3' } },
      spec: { hostNetwork: true },
    })
  })

  it('takes no null along where there was nothing', () => {
    assert.deepEqual(patched({}, { metadata: { labels: { a: null, b: '1' } } }), { metadata: { labels: { b: '1' } } })
  })

  it('merges lists by key, lists in them too, in the order of the patch', () => {
    const document = {
      spec: {
        containers: [
          { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }], command: ['run', 'it'] },
          { name: 'b', image: 'b:1' },
        ],
      },
    }
    const patch = {
      spec: {
        containers: [
          { name: 'c', image: 'c:1' },
          { name: 'a', env: [{ name: 'Y', value: '2' }], command: ['other'] },
        ],
      },
    }
    assert.deepEqual(patched(document, patch), {
      spec: {
        containers: [
          { name: 'c', image: 'c:1' },
          {
            name: 'a',
            image: 'a:1',
            env: [
              { name: 'Y', value: '2' },
              { name: 'X', value: '1' },
            ],
            command: ['other'],
          },
          { name: 'b', image: 'b:1' },
        ],
      },
    })
  })

  it('replaces lists without a merge rule', () => {
    assert.deepEqual(patched({ spec: { args: ['a', 'b'] } }, { spec: { args: ['c'] } }), { spec: { args: ['c'] } })
  })

  it('deletes and replaces by $patch', () => {
    const deletion = { spec: { containers: [{ $patch: 'delete', name: 'a' }] } }
    assert.deepEqual(patched(containers('a', 'b'), deletion), containers('b'))
    const replacement = { spec: { containers: [{ $patch: 'replace' }, { name: 'c', image: 'c:1' }] } }
    assert.deepEqual(patched(containers('a', 'b'), replacement), containers('c'))
    assert.deepEqual(patched({ spec: { a: 1, b: 2 } }, { spec: { $patch: 'replace', c: 3 } }), { spec: { c: 3 } })
    assert.deepEqual(patched({ spec: { a: 1 } }, { spec: { $patch: 'delete' } }), { spec: {} })
    assert.deepEqual(patched({ spec: { a: 1 } }, { spec: { $patch: 'merge', c: 3 } }), { spec: { a: 1, c: 3 } })
  })

  it('merges lists of scalars as sets, and deletes from them', () => {
    const document = { metadata: { finalizers: ['a', 'b'] } }
    assert.deepEqual(patched(document, { metadata: { finalizers: ['b', 'c'] } }), {
      metadata: { finalizers: ['a', 'b', 'c'] },
    })
    const deletion = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }
    assert.deepEqual(patched(document, deletion), { metadata: { finalizers: ['b'] } })
    assert.deepEqual(patched({ metadata: {} }, deletion), { metadata: {} })
    const both = {
      metadata: {
        finalizers: ['c'],
        '$deleteFromPrimitiveList/finalizers': ['b'],
        '$setElementOrder/finalizers': ['c', 'a'],
      },
    }
    assert.deepEqual(patched(document, both), { metadata: { finalizers: ['c', 'a'] } })
  })

  it('orders by $setElementOrder, and leaves what the patch does not know in its place', () => {
    const order = (...wanted: string[]) => ({ '$setElementOrder/containers': wanted.map((name) => ({ name })) })
    assert.deepEqual(names(patched(containers('a', 'b', 'c'), { spec: order('c', 'b', 'a') })), ['c', 'b', 'a'])
    assert.deepEqual(names(patched(containers('a', 'x', 'b'), { spec: order('b', 'a') })), ['x', 'b', 'a'])
    assert.deepEqual(names(patched(containers('x', 'a', 'b', 'y'), { spec: order('a', 'b') })), ['x', 'a', 'b', 'y'])
    const withNew = { spec: { containers: [{ name: 'n', image: 'n:1' }], ...order('n', 'a') } }
    assert.deepEqual(names(patched(containers('x', 'a'), withNew)), ['n', 'x', 'a'])
    const withDeletion = { spec: { containers: [{ name: 'a', $patch: 'delete' }], ...order('c', 'b') } }
    assert.deepEqual(names(patched(containers('a', 'b', 'c'), withDeletion)), ['c', 'b'])
  })

  it('retains only the members that $retainKeys lists', () => {
    const document = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } }
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }
    assert.deepEqual(patched(document, patch), { spec: { strategy: { type: 'Recreate' } } })
    const foreign = { spec: { strategy: { $retainKeys: ['type'], other: 1 } } }
    assert.throws(() => patched(document, foreign), {
      message: /at spec\.strategy: the patch has "other", which its \$retainKeys/,
    })
  })

  it('tells ports apart by protocol where the patch names it', () => {
    const tcp = { port: 53, protocol: 'TCP', name: 'dns-tcp' }
    const udp = { port: 53, protocol: 'UDP', name: 'dns' }
    const document = { spec: { ports: [tcp, udp] } }
    const patch = (item: object) => ({ spec: { ports: [item] } })
    assert.deepEqual(patched(document, patch({ port: 53, protocol: 'UDP', targetPort: 5353 })), {
      spec: { ports: [tcp, { ...udp, targetPort: 5353 }] },
    })
    assert.deepEqual(patched(document, patch({ port: 53, targetPort: 5353 })), {
      spec: { ports: [{ ...tcp, targetPort: 5353 }, udp] },
    })
  })

  it('keeps no directive in what is new', () => {
    const patch = {
      metadata: { '$setElementOrder/finalizers': ['a'], finalizers: ['a'] },
      spec: { containers: [{ name: 'a', $retainKeys: ['name'] }], strategy: { $patch: 'replace', type: 'x' } },
    }
    assert.deepEqual(patched({}, patch), {
      metadata: { finalizers: ['a'] },
      spec: { containers: [{ name: 'a' }], strategy: { type: 'x' } },
    })
  })

  for (const [name, patch, message] of [
    [
      'an item without its key',
      { spec: { containers: [{ image: 'x' }] } },
      /at spec\.containers: \{"image":"x"\} does not contain declared merge key: name/,
    ],
    [
      'a scalar among objects',
      { spec: { containers: ['a'] } },
      /at spec\.containers: the list has a string, expected objects/,
    ],
    [
      'an unknown directive',
      { spec: { $patch: 'remove' } },
      /at spec: \$patch is "remove", expected merge, replace or delete/,
    ],
    ['an order that is no list', { spec: { '$setElementOrder/containers': 'a', containers: [] } }, /expected list/],
    ['a patch that is no object', ['a'], /found list, expected object/],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => patched(containers('a'), patch), { code: 'INVALID_INPUT', message })
    })
  }

  it('treats names of built-in properties as plain data', () => {
    const patch = JSON.parse('{"metadata":{"labels":{"__proto__":"x","constructor":"y"}}}')
    assert.equal(JSON.stringify(patched({}, patch)), JSON.stringify(patch))
    assert.equal(
      Object.getPrototypeOf((patched({}, patch) as { metadata: { labels: object } }).metadata.labels),
      Object.prototype,
    )
  })

  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)

  it('is a merge patch where no list is merged', () => {
    const member = fc.dictionary(fc.string(), json, { noNullPrototype: true })
    fc.assert(
      fc.property(member, member, (document, patch) => {
        const merge = applyMergePatch(document, patch)
        assert.deepEqual(
          applyStrategicMergePatch(document, patch, () => undefined),
          merge,
        )
      }),
    )
  })

  it('changes nothing when applied twice, and leaves the document alone', () => {
    const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), image: fc.string() }, { noNullPrototype: true })
    const list = fc.uniqueArray(item, { selector: ({ name }) => name })
    fc.assert(
      fc.property(list, list, fc.shuffledSubarray(['a', 'b', 'c']), (before, items, wanted) => {
        const document = { spec: { containers: before } }
        const copy = structuredClone(document)
        const patch = { spec: { containers: items, '$setElementOrder/containers': wanted.map((name) => ({ name })) } }
        const once = patched(document, patch)
        assert.deepEqual(document, copy)
        assert.deepEqual(patched(once, patch), once)
      }),
    )
  })

  it('merges a list within the items of a list by its own key', () => {
    const lists = new Map([
      ['containers', { keys: ['name'] }],
      ['containers.ports', { keys: ['containerPort', 'protocol'], patchKey: 'containerPort' }],
    ])
    const patch = { containers: [{ name: 'web', ports: [{ containerPort: 80, name: 'http' }] }] }
    const patched = (document: unknown) => applyStrategicMergePatch(document, patch, (path) => lists.get(path))
    assert.deepEqual(patched({}), patch)
    assert.deepEqual(patched({ containers: [{ name: 'web', ports: [{ containerPort: 80, protocol: 'TCP' }] }] }), {
      containers: [{ name: 'web', ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }] }],
    })
  })
})
