import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench, type TestAnswer, type TestBench } from './test-bench.ts'

const NS = '/api/v1/namespaces/default'
const APPLY = 'application/apply-patch+yaml'

async function apply(
  bench: TestBench,
  path: string,
  body: object,
  { manager = 'a', force = false, query = '' } = {},
): Promise<TestAnswer> {
  return bench.call('PATCH', `${path}?fieldManager=${manager}${force ? '&force=true' : ''}${query}`, body, APPLY)
}

const map = (data: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', ...metadata },
  data,
})

function owners(object: {
  metadata: { managedFields?: readonly { manager: string; operation: string; fieldsV1: object }[] }
}) {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [
      `${manager} ${operation}`,
      fieldsV1,
    ]),
  )
}

test('what a manager leaves out goes, unless others own it', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  assert.equal((await apply(bench, path, map({ a: '1', b: '1', c: '1' }))).status, 201)
  assert.equal((await apply(bench, path, map({ b: '1' }), { manager: 'b' })).status, 200)
  const { body } = await apply(bench, path, map({ c: '1' }))
  assert.deepEqual(body.data, { b: '1', c: '1' })
  assert.deepEqual(owners(body), { 'a Apply': { 'f:data': { 'f:c': {} } }, 'b Apply': { 'f:data': { 'f:b': {} } } })
})

test('conflicts are told by owner, taken over by force', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  await apply(bench, path, map({ a: '1', b: '1' }))
  await bench.call('PATCH', `${path}?fieldManager=edit`, { data: { c: '1', d: '1' } }, 'application/merge-patch+json')
  const one = await apply(bench, path, map({ a: '2' }), { manager: 'x' })
  assert.equal(one.status, 409)
  assert.equal(one.body.message, 'Apply failed with 1 conflict: conflict with "a": .data.a')
  const many = await apply(bench, path, map({ a: '2', b: '2', c: '2', d: '2' }), { manager: 'x' })
  assert.equal(
    many.body.message,
    'Apply failed with 4 conflicts: conflicts with "a":\n- .data.a\n- .data.b\nconflicts with "edit" using v1:\n- .data.c\n- .data.d',
  )
  assert.deepEqual(
    many.body.details.causes.map(({ reason, message, field }: Record<string, string>) => [reason, message, field]),
    [
      ['FieldManagerConflict', 'conflict with "a"', '.data.a'],
      ['FieldManagerConflict', 'conflict with "a"', '.data.b'],
      ['FieldManagerConflict', 'conflict with "edit" using v1', '.data.c'],
      ['FieldManagerConflict', 'conflict with "edit" using v1', '.data.d'],
    ],
  )
  const forced = await apply(bench, path, map({ a: '2', c: '2' }), { manager: 'x', force: true })
  assert.equal(forced.status, 200)
  assert.deepEqual(owners(forced.body), {
    'a Apply': { 'f:data': { 'f:b': {} } },
    'edit Update': { 'f:data': { 'f:d': {} } },
    'x Apply': { 'f:data': { 'f:a': {}, 'f:c': {} } },
  })
})

test('the same value is owned by all who apply it', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  await apply(bench, path, map({ a: '1' }))
  await apply(bench, path, map({ a: '1' }), { manager: 'b' })
  const gone = await apply(bench, path, { ...map({}), data: undefined })
  assert.deepEqual(gone.body.data, { a: '1' })
  assert.deepEqual(Object.keys(owners(gone.body)), ['b Apply'])
})

test('what changes nothing is not written, and times stand still', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  const first = (await apply(bench, path, map({ a: '1' }))).body
  const second = (await apply(bench, path, map({ a: '1' }))).body
  assert.deepEqual(second.metadata, first.metadata)
  const patched = (
    await bench.call('PATCH', `${path}?fieldManager=e`, { data: { a: '1' } }, 'application/merge-patch+json')
  ).body
  assert.deepEqual(patched.metadata, first.metadata)
})

const service = (ports: readonly object[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec: { selector: { app: 'x' }, ports },
})

test('ports of a Service belong together by port and protocol, whose default is part of the key', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/services/s`
  const made = await apply(bench, path, service([{ name: 'web', port: 80 }]))
  assert.equal(made.status, 201)
  const { body, status } = await apply(
    bench,
    path,
    service([
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53 },
    ]),
    { manager: 'b' },
  )
  assert.equal(status, 200, body.message)
  assert.deepEqual(
    body.spec.ports.map(({ port, protocol, name }: Record<string, unknown>) => [port, protocol, name]),
    [
      [80, 'TCP', 'web'],
      [53, 'UDP', 'dns'],
      [53, 'TCP', 'tcp'],
    ],
  )
  assert.deepEqual(Object.keys(owners(body)['b Apply'] as object), ['f:spec'])
  const ports = (owners(body)['b Apply'] as { 'f:spec': { 'f:ports': object } })['f:spec']['f:ports']
  assert.deepEqual(ports, {
    'k:{"port":53,"protocol":"UDP"}': { '.': {}, 'f:name': {}, 'f:port': {}, 'f:protocol': {} },
    'k:{"port":53,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} },
  })
  const same = await apply(bench, path, service([{ name: 'web', port: 80, protocol: 'TCP', targetPort: 80 }]))
  assert.equal(same.status, 200)
  const fewer = await apply(bench, path, service([{ name: 'tcp', port: 53 }]), { manager: 'b' })
  assert.deepEqual(
    fewer.body.spec.ports.map(({ port, protocol }: Record<string, unknown>) => [port, protocol]),
    [
      [80, 'TCP'],
      [53, 'TCP'],
    ],
  )
})

const deployment = (spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
})

test('scaling takes the replicas over, and who applies them again is told', async () => {
  await using bench = await openTestBench()
  const path = '/apis/apps/v1/namespaces/default/deployments/d'
  await apply(bench, path, deployment({ replicas: 1 }))
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd' }, spec: { replicas: 3 } }
  assert.equal((await bench.call('PUT', `${path}/scale?fieldManager=hpa`, scale)).status, 200)
  const scaled = (await bench.call('GET', path)).body
  const entry = scaled.metadata.managedFields.find(({ manager }: { manager: string }) => manager === 'hpa')
  assert.equal(entry.subresource, 'scale')
  const refused = await apply(bench, path, deployment({ replicas: 1 }))
  assert.equal(refused.status, 409)
  assert.equal(
    refused.body.message,
    'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  )
  assert.equal((await apply(bench, path, deployment({}))).body.spec.replicas, 3)
  const applied = await apply(
    bench,
    `${path}/scale`,
    { ...scale, spec: { replicas: 4 } },
    { manager: 'hpa2', force: true },
  )
  assert.equal(applied.status, 200, applied.body.message)
  assert.equal((await bench.call('GET', path)).body.spec.replicas, 4)
})

test('status is applied apart from the rest', async () => {
  await using bench = await openTestBench()
  const path = '/apis/apps/v1/namespaces/default/deployments/d'
  await apply(bench, path, deployment({}))
  const condition = { type: 'Mine', status: 'True', reason: 'R', message: '' }
  const status = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    status: { conditions: [condition] },
  }
  const answer = await apply(bench, `${path}/status`, status, { manager: 's' })
  assert.equal(answer.status, 200, answer.body.message)
  assert.equal(answer.body.status.conditions[0].type, 'Mine')
  assert.equal(answer.body.metadata.generation, 1)
  const entry = answer.body.metadata.managedFields.find(({ manager }: { manager: string }) => manager === 's')
  assert.deepEqual([entry.operation, entry.subresource], ['Apply', 'status'])
  assert.deepEqual(entry.fieldsV1, {
    'f:status': {
      'f:conditions': {
        'k:{"type":"Mine"}': { '.': {}, 'f:message': {}, 'f:reason': {}, 'f:status': {}, 'f:type': {} },
      },
    },
  })
  assert.equal(
    (await apply(bench, `${path.replace(/d$/, 'none')}/status`, { ...status, metadata: { name: 'none' } })).status,
    404,
  )
})

test('what an apply must say', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  const refused = async (body: object, query: string) =>
    (await bench.call('PATCH', `${path}${query}`, body, APPLY)).body.message
  assert.match(await refused(map({}), ''), /fieldManager: Required value: is required for apply patch/)
  assert.match(
    await refused(map({}, { managedFields: [{ manager: 'x' }] }), '?fieldManager=a'),
    /metadata.managedFields must be nil/,
  )
  const forced = await bench.call(
    'PATCH',
    `${path}?fieldManager=a&force=true`,
    { data: {} },
    'application/merge-patch+json',
  )
  assert.match(forced.body.message, /force: Forbidden: may not be specified for non-apply patch/)
  const uid = await apply(bench, path, map({}, { uid: 'other' }))
  assert.equal(uid.status, 409)
  const stale = await apply(bench, path, map({}))
  const wrong = await apply(bench, path, map({ a: '1' }, { resourceVersion: '1' }))
  assert.equal(wrong.status, 409, JSON.stringify([stale.status, wrong.body]))
  const dry = await apply(bench, path, map({ z: '1' }), { query: '&dryRun=All' })
  assert.equal(dry.body.data?.z, '1', JSON.stringify(dry.body))
  assert.equal((await bench.call('GET', path)).body.data?.z, undefined)
})

test('lists of custom resources are applied by the keys of their schema', async () => {
  await using bench = await openTestBench()
  const text = { type: 'string' }
  const ports = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: { type: 'object', required: ['name'], properties: { name: text, to: text } },
  }
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { ports } } } },
  }
  const versions = [{ name: 'v1', served: true, storage: true, schema }]
  const names = { plural: 'doors', kind: 'Door' }
  const definition = {
    metadata: { name: 'doors.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names, versions },
  }
  await bench.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  const path = '/apis/example.com/v1/namespaces/default/doors/d'
  const door = (items: readonly object[]) => ({
    apiVersion: 'example.com/v1',
    kind: 'Door',
    metadata: { name: 'd' },
    spec: { ports: items },
  })
  assert.equal((await apply(bench, path, door([{ name: 'a', to: '1' }]))).status, 201)
  const both = await apply(bench, path, door([{ name: 'b', to: '2' }]), { manager: 'b' })
  assert.deepEqual(both.body.spec.ports, [
    { name: 'a', to: '1' },
    { name: 'b', to: '2' },
  ])
  const taken = await apply(bench, path, door([{ name: 'a', to: '3' }]), { manager: 'b' })
  assert.equal(taken.body.message, 'Apply failed with 1 conflict: conflict with "a": .spec.ports[name="a"].to')
  assert.deepEqual((await apply(bench, path, door([]), { manager: 'a' })).body.spec.ports, [{ name: 'b', to: '2' }])
})

test('what kubectl applied on its side is handed over to what it applies on the server’s', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  const client = 'kubectl-client-side-apply'
  await bench.call('POST', `${NS}/configmaps?fieldManager=${client}`, map({ a: '1', b: '1' }))
  const { metadata } = (await bench.call('GET', path)).body
  // As client-go's csaupgrade does: one patch makes the entry of the one that of the other.
  const [entry] = metadata.managedFields
  const managedFields = [{ ...entry, manager: 'kubectl', operation: 'Apply' }]
  const patch = [
    { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
  ]
  const handed = await bench.call('PATCH', path, patch, 'application/json-patch+json')
  assert.deepEqual(Object.keys(owners(handed.body)), ['kubectl Apply'], JSON.stringify(handed.body))
  const applied = await apply(bench, path, map({ a: '2' }), { manager: 'kubectl' })
  assert.deepEqual(applied.body.data, { a: '2' })
})
