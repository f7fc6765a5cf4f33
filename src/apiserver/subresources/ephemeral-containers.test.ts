import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from '../test-bench.ts'

const PODS = '/api/v1/namespaces/default/pods'
const look = { name: 'look', image: 'x:1' }

test('containers are added to a pod, and nothing else of it changes', async () => {
  await using bench = await openTestBench()
  await bench.call('POST', PODS, { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', image: 'x:1' }] } })
  const { body: pod } = await bench.call('GET', `${PODS}/a/ephemeralcontainers`)
  const spec = { ...pod.spec, containers: [{ name: 'c', image: 'other' }], ephemeralContainers: [look] }
  const changed = { ...pod, metadata: { ...pod.metadata, labels: { a: 'b' } }, spec, status: { phase: 'Failed' } }
  const put = await bench.call('PUT', `${PODS}/a/ephemeralcontainers?fieldManager=me`, changed)
  assert.equal(put.status, 200, JSON.stringify(put.body))
  const { body: now } = await bench.call('GET', `${PODS}/a`)
  assert.deepEqual(now.spec.ephemeralContainers, [
    {
      ...look,
      imagePullPolicy: 'IfNotPresent',
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
    },
  ])
  const { ephemeralContainers: _, ...rest } = now.spec
  assert.deepEqual([rest, now.status, now.metadata.labels], [pod.spec, pod.status, undefined])
  assert.equal(now.metadata.generation, pod.metadata.generation + 1)
  const managers = now.metadata.managedFields.map(
    ({ manager, subresource }: { manager: string; subresource?: string }) => [manager, subresource],
  )
  assert.deepEqual(managers.at(-1), ['me', 'ephemeralcontainers'])
  // As kubectl debug adds one.
  const patch = { spec: { ephemeralContainers: [{ name: 'more', image: 'x:1' }] } }
  const path = `${PODS}/a/ephemeralcontainers`
  const patched = await bench.call('PATCH', path, patch, 'application/strategic-merge-patch+json')
  assert.deepEqual(patched.body.spec.ephemeralContainers.map(({ name }: { name: string }) => name).sort(), [
    'look',
    'more',
  ])
  const stale = await bench.call('PUT', path, changed)
  assert.deepEqual([stale.status, stale.body.reason], [409, 'Conflict'])
})

test('they are not to be taken away, nor to be there from the start, nor to come with the rest of the pod', async () => {
  await using bench = await openTestBench()
  const containers = [{ name: 'c', image: 'x:1' }]
  const early = await bench.call('POST', PODS, {
    metadata: { name: 'b' },
    spec: { containers, ephemeralContainers: [look] },
  })
  assert.match(early.body.message, /spec\.ephemeralContainers: Forbidden: cannot be set on create/)
  await bench.call('POST', PODS, { metadata: { name: 'a' }, spec: { containers } })
  const patch = { spec: { ephemeralContainers: [look] } }
  const whole = await bench.call('PATCH', `${PODS}/a`, patch, 'application/strategic-merge-patch+json')
  assert.match(whole.body.message, /^Pod "a" is invalid: spec: Forbidden: pod updates may not change fields other than/)
  const path = `${PODS}/a/ephemeralcontainers`
  assert.equal((await bench.call('PATCH', path, patch, 'application/strategic-merge-patch+json')).status, 200)
  const gone = await bench.call('PATCH', path, { spec: { ephemeralContainers: null } }, 'application/merge-patch+json')
  assert.match(gone.body.message, /existing ephemeral containers "look" may not be removed/)
  assert.equal((await bench.call('DELETE', path)).status, 405)
})
