import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from '../test-bench.ts'

const DEFAULT = '/api/v1/namespaces/default'
const target = { kind: 'Node', name: 'node-1' }
const pod = (name: string) => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } })

test('a pod is bound through the collection of bindings as through its own subresource', async () => {
  await using bench = await openTestBench()
  for (const name of ['a', 'b']) await bench.call('POST', `${DEFAULT}/pods`, pod(name))
  const bound = await bench.call('POST', `${DEFAULT}/bindings`, { metadata: { name: 'a' }, target })
  assert.equal(bound.status, 201, JSON.stringify(bound.body))
  assert.equal((await bench.call('GET', `${DEFAULT}/pods/a`)).body.spec.nodeName, 'node-1')
  const twice = await bench.call('POST', `${DEFAULT}/bindings`, { metadata: { name: 'a' }, target })
  assert.equal(twice.status, 409)
  const other = await bench.call('POST', `${DEFAULT}/pods/b/binding`, { metadata: { name: 'a' }, target })
  assert.equal(other.status, 400)
  assert.equal((await bench.call('POST', `${DEFAULT}/bindings`, { metadata: { name: 'none' }, target })).status, 404)
  assert.equal((await bench.call('POST', `${DEFAULT}/bindings`, { target })).status, 422)
  assert.equal((await bench.call('GET', `${DEFAULT}/bindings`)).status, 405)
})

test('discovery names bindings', async () => {
  await using bench = await openTestBench()
  const { resources } = (await bench.call('GET', '/api/v1')).body
  const found = resources.find((resource: { name: string }) => resource.name === 'bindings')
  assert.deepEqual(found, {
    name: 'bindings',
    singularName: 'binding',
    namespaced: true,
    kind: 'Binding',
    verbs: ['create'],
  })
})

test("a namespace is finalized by names that are somebody's, and its phase follows its deletion", async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', '/api/v1/namespaces', { metadata: { name: 'n' } })
  const finalize = async (finalizers: readonly unknown[]) =>
    (await bench.call('PUT', '/api/v1/namespaces/n/finalize', { ...body, spec: { finalizers } })).body
  assert.equal(
    (await finalize(['mine'])).message,
    'Namespace "n" is invalid: spec.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  )
  assert.match((await finalize([1])).message, /json: cannot unmarshal number into Go struct field/)
  const kept = await finalize(['kubernetes', 'example.com/mine'])
  assert.deepEqual(kept.spec.finalizers, ['kubernetes', 'example.com/mine'])
  const phase = await bench.call('PUT', '/api/v1/namespaces/n/status', { status: { phase: 'Terminating' } })
  assert.equal(
    phase.body.message,
    'Namespace "n" is invalid: status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  )
})
