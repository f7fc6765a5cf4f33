import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from './test-bench.ts'

const CLASSES = '/apis/node.k8s.io/v1/runtimeclasses'
const PODS = '/api/v1/namespaces/default/pods'
const pod = (spec: object) => ({ metadata: { name: 'a' }, spec: { containers: [{ name: 'c', image: 'x' }], ...spec } })

test('a pod gets what its class says, and a class that is not there is none', async () => {
  await using bench = await openTestBench()
  const post = async (path: string, body: object) => (await bench.call('POST', path, body)).body
  const missing = await post(PODS, pod({ runtimeClassName: 'none' }))
  assert.equal(missing.message, 'pods "a" is forbidden: pod rejected: RuntimeClass "none" not found')
  const alone = await post(PODS, pod({ overhead: { cpu: '1' } }))
  assert.match(alone.message, /pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead$/)
  const toleration = { key: 'sandboxed', operator: 'Exists' }
  const made = await post(CLASSES, {
    metadata: { name: 'box' },
    handler: 'box',
    overhead: { podFixed: { cpu: '100m' } },
    scheduling: { nodeSelector: { box: 'yes' }, tolerations: [toleration] },
  })
  assert.equal(made.handler, 'box')
  const runtimeClassName = 'box'
  const other = await post(PODS, pod({ runtimeClassName, overhead: { cpu: '1' } }))
  assert.match(other.message, /pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead$/)
  const elsewhere = await post(PODS, pod({ runtimeClassName, nodeSelector: { box: 'no' } }))
  assert.match(
    elsewhere.message,
    /conflict: runtimeClass\.scheduling\.nodeSelector\[box\] = yes; pod\.spec\.nodeSelector\[box\] = no$/,
  )
  const { spec } = await post(PODS, pod({ runtimeClassName, nodeSelector: { a: 'b' } }))
  assert.deepEqual([spec.overhead, spec.nodeSelector], [{ cpu: '100m' }, { a: 'b', box: 'yes' }])
  assert.deepEqual(spec.tolerations.at(-1), toleration)
})

test('a class is of one runtime for ever', async () => {
  await using bench = await openTestBench()
  const made = await bench.call('POST', CLASSES, { metadata: { name: 'box' }, handler: 'A_b' })
  assert.match(
    made.body.message,
    /^RuntimeClass\.node\.k8s\.io "box" is invalid: handler: Invalid value: "A_b": a lowercase/,
  )
  await bench.call('POST', CLASSES, { metadata: { name: 'box' }, handler: 'box' })
  const changed = await bench.call('PATCH', `${CLASSES}/box`, { handler: 'bag' }, 'application/merge-patch+json')
  assert.match(changed.body.message, /handler: Invalid value: "bag": field is immutable$/)
})
