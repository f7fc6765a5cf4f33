import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench, type TestBench } from './test-bench.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const PODS = '/api/v1/namespaces/default/pods'

function map(name: string, extra: object = {}): object {
  return { metadata: { name, ...extra }, data: { a: '1' } }
}

function pod(name: string, extra: object = {}): object {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...extra } }
}

async function create(bench: TestBench, path: string, body: object) {
  const answer = await bench.call('POST', path, body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[]
  readonly rows: readonly { readonly cells: readonly unknown[] }[]
}

async function asTable(bench: TestBench, path: string): Promise<Table> {
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  const { body } = await bench.transport.request({ method: 'GET', path, headers })
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

test('an object is created with what the server decides, and read back the same', async () => {
  await using bench = await openTestBench()
  const made = await create(bench, MAPS, map('m', { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' }))
  assert.notEqual(made.metadata.uid, 'mine')
  assert.notEqual(made.metadata.creationTimestamp, '2001-01-01T00:00:00Z')
  assert.match(made.metadata.resourceVersion, /^\d+$/)
  assert.deepEqual((await bench.call('GET', `${MAPS}/m`)).body, made)
  const again = await bench.call('POST', MAPS, map('m'))
  assert.equal(again.status, 409)
  assert.equal(again.body.message, 'configmaps "m" already exists')
  const none = await bench.call('GET', `${MAPS}/none`)
  assert.equal(none.status, 404)
  assert.deepEqual(none.body.details, { name: 'none', kind: 'configmaps' })
})

test('names are generated, and a dry run leaves nothing', async () => {
  await using bench = await openTestBench()
  const made = await create(bench, MAPS, { metadata: { generateName: 'x-' } })
  assert.match(made.metadata.name, /^x-[a-z0-9]{5}$/)
  await create(bench, `${MAPS}?dryRun=All`, map('dry'))
  assert.equal((await bench.call('GET', `${MAPS}/dry`)).status, 404)
})

test('an update with an old version is refused, one without a version is not', async () => {
  await using bench = await openTestBench()
  const made = await create(bench, MAPS, map('m'))
  const second = await bench.call('PUT', `${MAPS}/m`, { ...made, data: { a: '2' } })
  assert.equal(second.status, 200)
  const lost = await bench.call('PUT', `${MAPS}/m`, { ...made, data: { a: '3' } })
  assert.equal(lost.status, 409)
  assert.equal(lost.body.reason, 'Conflict')
  assert.match(lost.body.message, /^Operation cannot be fulfilled on configmaps "m": the object has been modified/)
  assert.equal((await bench.call('PUT', `${MAPS}/m`, map('m'))).status, 200)
})

test('an update that changes nothing writes nothing', async () => {
  await using bench = await openTestBench()
  const made = await create(bench, MAPS, map('m'))
  const same = await bench.call('PUT', `${MAPS}/m`, map('m'))
  assert.equal(same.body.metadata.resourceVersion, made.metadata.resourceVersion)
})

test('concurrent patches all count', async () => {
  await using bench = await openTestBench()
  await create(bench, MAPS, map('m'))
  const keys = Array.from({ length: 8 }, (_, index) => `k${index}`)
  const patch = (key: string) =>
    bench.call('PATCH', `${MAPS}/m`, { data: { [key]: 'x' } }, 'application/merge-patch+json')
  const answers = await Promise.all(keys.map(patch))
  assert.deepEqual(
    answers.map(({ status }) => status),
    keys.map(() => 200),
  )
  const { data } = (await bench.call('GET', `${MAPS}/m`)).body
  assert.deepEqual(Object.keys(data).sort(), ['a', ...keys])
})

test('of the metadata, an update of the status changes what it may of that kind', async () => {
  await using bench = await openTestBench()
  const crd = definition()
  await create(bench, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } }
  const deployment = { selector: { matchLabels: { a: 'b' } }, template }
  const cases = [
    ['/apis/apps/v1/namespaces/default/deployments', deployment, { labels: { is: 'old' }, annotations: { is: 'new' } }],
    [
      '/api/v1/namespaces/default/services',
      { ports: [{ port: 80 }] },
      { labels: { is: 'new' }, annotations: { is: 'new' } },
    ],
    ['/apis/example.com/v1/namespaces/default/crews', {}, { labels: { is: 'old' }, annotations: { is: 'old' } }],
  ] as const
  for (const [path, spec, wanted] of cases) {
    const metadata = (is: string) => ({ name: 'd', labels: { is }, annotations: { is } })
    await create(bench, path, { metadata: metadata('old'), spec })
    const body = { metadata: metadata('new'), status: {} }
    const { status, body: now } = await bench.call('PATCH', `${path}/d/status`, body, 'application/merge-patch+json')
    assert.equal(status, 200, JSON.stringify(now))
    assert.deepEqual({ labels: now.metadata.labels, annotations: now.metadata.annotations }, wanted, path)
  }
})

test('status and spec are written apart, and the generation counts changes of the spec', async () => {
  await using bench = await openTestBench()
  const path = '/apis/apps/v1/namespaces/default/deployments'
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } }
  const spec = { selector: { matchLabels: { a: 'b' } }, template }
  const made = await create(bench, path, { metadata: { name: 'd' }, spec, status: { replicas: 9 } })
  assert.equal(made.metadata.generation, 1)
  assert.equal(made.status.replicas, undefined)
  const status = await bench.call('PUT', `${path}/d/status`, {
    ...made,
    spec: { ...spec, replicas: 5 },
    status: { replicas: 2 },
  })
  assert.equal(status.body.spec.replicas, 1)
  assert.equal(status.body.status.replicas, 2)
  assert.equal(status.body.metadata.generation, 1)
  const scaled = await bench.call('PATCH', `${path}/d/scale`, { spec: { replicas: 3 } }, 'application/merge-patch+json')
  assert.deepEqual([scaled.body.kind, scaled.body.spec.replicas, scaled.body.status.selector], ['Scale', 3, 'a=b'])
  const { columnDefinitions, rows } = await asTable(bench, `${path}/d/scale`)
  assert.deepEqual(
    columnDefinitions.map(({ name }) => name),
    ['Name', 'Desired', 'Available', 'Age'],
  )
  assert.deepEqual(rows[0]?.cells.slice(0, 3), ['d', 3, 2])
  const now = (await bench.call('GET', `${path}/d`)).body
  assert.deepEqual([now.spec.replicas, now.status.replicas, now.metadata.generation], [3, 2, 2])
})

test('finalizers hold a deleted object until they are taken off', async () => {
  await using bench = await openTestBench()
  await create(bench, MAPS, map('m', { finalizers: ['example.com/hold'] }))
  const marked = await bench.call('DELETE', `${MAPS}/m`)
  assert.ok(marked.body.metadata.deletionTimestamp)
  const more = { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }
  assert.equal((await bench.call('PATCH', `${MAPS}/m`, more, 'application/merge-patch+json')).status, 422)
  const free = { metadata: { finalizers: null } }
  assert.equal((await bench.call('PATCH', `${MAPS}/m`, free, 'application/merge-patch+json')).status, 200)
  assert.equal((await bench.call('GET', `${MAPS}/m`)).status, 404)
})

test('preconditions guard a deletion', async () => {
  await using bench = await openTestBench()
  await create(bench, MAPS, map('m'))
  const refused = await bench.call('DELETE', `${MAPS}/m`, { preconditions: { uid: 'other' } })
  assert.equal(refused.status, 409)
  assert.match(refused.body.message, /the UID in the precondition \(other\) does not match the UID in record \(/)
  const gone = await bench.call('DELETE', `${MAPS}/m`)
  assert.deepEqual([gone.body.status, gone.body.details.name, gone.body.details.kind], ['Success', 'm', 'configmaps'])
})

test('a pod on a node goes when its kubelet says so, one without a node at once', async () => {
  await using bench = await openTestBench()
  await create(bench, PODS, pod('free'))
  await bench.call('DELETE', `${PODS}/free`)
  assert.equal((await bench.call('GET', `${PODS}/free`)).status, 404)
  await create(bench, PODS, pod('bound'))
  const bind = (node: string) => bench.call('POST', `${PODS}/bound/binding`, { target: { kind: 'Node', name: node } })
  assert.equal((await bind('a')).status, 201)
  const twice = await bind('b')
  assert.equal(twice.status, 409)
  assert.match(twice.body.message, /pod bound is already assigned to node "a"/)
  const marked = (await bench.call('DELETE', `${PODS}/bound`)).body
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 30)
  assert.equal(marked.status.conditions[0].type, 'PodScheduled')
  const shorter = (await bench.call('DELETE', `${PODS}/bound`, { gracePeriodSeconds: 5 })).body
  assert.equal(shorter.metadata.deletionGracePeriodSeconds, 5)
  await bench.call('DELETE', `${PODS}/bound`, { gracePeriodSeconds: 0 })
  assert.equal((await bench.call('GET', `${PODS}/bound`)).status, 404)
})

test('a pod can hardly be changed, but evicted', async () => {
  await using bench = await openTestBench()
  await create(bench, PODS, pod('p'))
  const frozen = await bench.call('PATCH', `${PODS}/p`, { spec: { hostname: 'x' } }, 'application/merge-patch+json')
  assert.equal(frozen.status, 422)
  assert.match(
    frozen.body.message,
    /^Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than/,
  )
  const image = [{ op: 'replace', path: '/spec/containers/0/image', value: 'nginx:2' }]
  assert.equal((await bench.call('PATCH', `${PODS}/p`, image, 'application/json-patch+json')).status, 200)
  assert.equal((await bench.call('POST', `${PODS}/p/eviction`, { metadata: { name: 'p' } })).status, 201)
  assert.equal((await bench.call('GET', `${PODS}/p`)).status, 404)
})

test('a namespace takes nothing new while it goes, and goes when it is finalized', async () => {
  await using bench = await openTestBench()
  await create(bench, '/api/v1/namespaces', { metadata: { name: 'n' } })
  await create(bench, '/api/v1/namespaces/n/configmaps', map('m'))
  const missing = await bench.call('POST', '/api/v1/namespaces/none/configmaps', map('m'))
  assert.equal(missing.body.message, 'namespaces "none" not found')
  const marked = (await bench.call('DELETE', '/api/v1/namespaces/n')).body
  assert.equal(marked.status.phase, 'Terminating')
  const refused = await bench.call('POST', '/api/v1/namespaces/n/configmaps', map('new'))
  assert.equal(refused.status, 403)
  assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating')
  const done = await bench.call('PUT', '/api/v1/namespaces/n/finalize', { ...marked, spec: { finalizers: [] } })
  assert.equal(done.status, 200)
  assert.equal((await bench.call('GET', '/api/v1/namespaces/n')).status, 404)
})

test('many are deleted at once, by selector', async () => {
  await using bench = await openTestBench()
  await create(bench, MAPS, map('a', { labels: { x: 'y' } }))
  await create(bench, MAPS, map('b'))
  assert.equal((await bench.call('DELETE', `${MAPS}?labelSelector=x%3Dy`)).body.items.length, 1)
  const left = (await bench.call('GET', MAPS)).body.items
  assert.deepEqual(
    left.map((item: { metadata: { name: string } }) => item.metadata.name),
    ['b'],
  )
})

test('unknown fields are dropped with a warning, refused when strict', async () => {
  await using bench = await openTestBench()
  const body = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x', foo: 1 }] } }
  const strict = await bench.call('POST', `${PODS}?fieldValidation=Strict`, body)
  assert.equal(strict.status, 400)
  assert.match(strict.body.message, /strict decoding error: unknown field "spec.containers\[0\].foo"$/)
  const made = await create(bench, PODS, body)
  assert.equal(made.spec.containers[0].foo, undefined)
  const wrong = await bench.call('POST', PODS, { metadata: { name: 'q' }, spec: { containers: 'x' } })
  assert.match(
    wrong.body.message,
    /json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type \[\]v1.Container$/,
  )
})

test('what was stored before a schema had defaults has them when it is read; nothing else is in the store', async () => {
  await using bench = await openTestBench()
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  await create(bench, crds, definition())
  const path = '/apis/example.com/v1/namespaces/default/crews'
  await create(bench, path, { metadata: { name: 'a' } })
  const at = '/spec/versions/0/schema/openAPIV3Schema/properties'
  const patch = (operation: object) =>
    bench.call('PATCH', `${crds}/crews.example.com`, [operation], 'application/json-patch+json')
  const text = { type: 'string', default: 'A' }
  assert.equal((await patch({ op: 'add', path: at, value: { a: text, b: { type: 'string' } } })).status, 200)
  assert.equal((await bench.call('GET', `${path}/a`)).body.a, 'A')
  assert.equal((await bench.call('GET', path)).body.items[0].a, 'A')
  await patch({ op: 'remove', path: `${at}/a/default` })
  await patch({ op: 'add', path: `${at}/b/default`, value: 'B' })
  const { a, b } = (await bench.call('GET', `${path}/a`)).body
  assert.deepEqual([a, b], [undefined, 'B'])
})

/** Crews, with a status of their own. */
function definition() {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const version = { name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }
  const names = { plural: 'crews', singular: 'crew', kind: 'Crew' }
  const spec = { group: 'example.com', scope: 'Namespaced', names, versions: [version] }
  return { metadata: { name: 'crews.example.com' }, spec }
}
