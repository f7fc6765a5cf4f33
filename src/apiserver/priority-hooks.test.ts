import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from './test-bench.ts'

const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses'
const PODS = '/api/v1/namespaces/default/pods'

function pod(name: string, spec: object = {}): object {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...spec } }
}

test("every cluster has the classes of the system, and their names are the system's", async () => {
  await using bench = await openTestBench()
  const { items } = (await bench.call('GET', CLASSES)).body
  assert.deepEqual(
    items.map(({ metadata, value }: { metadata: { name: string }; value: number }) => [metadata.name, value]),
    [
      ['system-cluster-critical', 2_000_000_000],
      ['system-node-critical', 2_000_001_000],
    ],
  )
  const refused = async (name: string, extra: object) =>
    (await bench.call('POST', CLASSES, { metadata: { name }, value: 1, ...extra })).body.message
  const of = (name: string) => `PriorityClass.scheduling.k8s.io "${name}" is invalid:`
  assert.equal(
    await refused('system-mine', {}),
    `${of('system-mine')} metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class`,
  )
  assert.equal(
    await refused('huge', { value: 1_000_000_001 }),
    `${of('huge')} value: Forbidden: maximum allowed value of a user defined priority is 1000000000`,
  )
  assert.equal(
    await refused('odd', { preemptionPolicy: 'Maybe' }),
    `${of('odd')} preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"`,
  )
})

test('a class keeps its value, and there is one default', async () => {
  await using bench = await openTestBench()
  const high = { metadata: { name: 'high' }, value: 1000, globalDefault: true }
  assert.equal((await bench.call('POST', CLASSES, high)).status, 201)
  const change = async (body: object) =>
    (await bench.call('PATCH', `${CLASSES}/high`, body, 'application/merge-patch+json')).body.message
  assert.match(await change({ value: 5 }), /value: Forbidden: may not be changed in an update\.$/)
  assert.match(
    await change({ preemptionPolicy: 'Never' }),
    /preemptionPolicy: Invalid value: "Never": field is immutable$/,
  )
  assert.equal(await change({ description: 'x' }), undefined)
  const second = await bench.call('POST', CLASSES, { ...high, metadata: { name: 'other' } })
  assert.equal(second.status, 403)
  assert.equal(
    second.body.message,
    'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass high is already marked as default. Only one default can exist',
  )
})

test('a pod gets the priority of its class, and says no other', async () => {
  await using bench = await openTestBench()
  const plain = (await bench.call('POST', PODS, pod('plain'))).body.spec
  assert.deepEqual(
    [plain.priority, plain.preemptionPolicy, plain.priorityClassName],
    [0, 'PreemptLowerPriority', undefined],
  )
  await bench.call('POST', CLASSES, {
    metadata: { name: 'meek' },
    value: 7,
    preemptionPolicy: 'Never',
    globalDefault: true,
  })
  const meek = (await bench.call('POST', PODS, pod('meek'))).body.spec
  assert.deepEqual([meek.priority, meek.preemptionPolicy, meek.priorityClassName], [7, 'Never', 'meek'])
  const critical = (await bench.call('POST', PODS, pod('critical', { priorityClassName: 'system-node-critical' }))).body
  assert.equal(critical.spec.priority, 2_000_001_000)
  const { spec } = critical
  const { priority: _, preemptionPolicy: __, ...without } = spec
  const kept = await bench.call('PUT', `${PODS}/critical`, { metadata: { labels: { a: 'b' } }, spec: without })
  assert.equal(kept.body.spec?.priority, 2_000_001_000, JSON.stringify(kept.body))
  const refused = async (more: object) => (await bench.call('POST', PODS, pod('bad', more))).body.message
  assert.equal(
    await refused({ priorityClassName: 'none' }),
    'pods "bad" is forbidden: no PriorityClass with name none was found',
  )
  assert.equal(
    await refused({ priority: 5 }),
    'pods "bad" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name',
  )
})
