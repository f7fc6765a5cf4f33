import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalTransport } from './local-transport.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

const DEFAULT = '/api/v1/namespaces/default'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

test('a PUT makes objects of the kinds that upstream makes by PUT, and no others', async () => {
  await using bench = await openTestBench()
  const service = { metadata: { name: 'web', resourceVersion: '5' }, spec: { ports: [{ port: 80 }] } }
  const made = await bench.call('PUT', `${DEFAULT}/services/web?fieldManager=me`, service)
  assert.equal(made.status, 201, JSON.stringify(made.body))
  assert.match(made.body.spec.clusterIP, /^10\.96\./)
  assert.equal(made.body.metadata.managedFields[0].operation, 'Update')
  const again = await bench.call('PUT', `${DEFAULT}/services/web`, {
    metadata: { labels: { a: 'b' } },
    spec: made.body.spec,
  })
  assert.equal(again.status, 200)
  assert.equal(again.body.metadata.uid, made.body.metadata.uid)
  const made201 = [
    [`${DEFAULT}/endpoints/a`, {}],
    [`${LEASES}/a`, { spec: { holderIdentity: 'x' } }],
    ['/apis/rbac.authorization.k8s.io/v1/clusterroles/a', { rules: [] }],
  ] as const
  for (const [path, body] of made201) assert.equal((await bench.call('PUT', path, body)).status, 201, path)
  for (const path of [`${DEFAULT}/configmaps/a`, `${DEFAULT}/services/no/status`, '/api/v1/namespaces/a']) {
    const { status, body } = await bench.call('PUT', path, {})
    assert.equal(status, 404, `${path}: ${JSON.stringify(body)}`)
  }
})

test('a PUT that means another object makes none', async () => {
  await using bench = await openTestBench()
  const refused = await bench.call('PUT', `${DEFAULT}/endpoints/a`, { metadata: { uid: 'gone' } })
  assert.equal(refused.status, 409)
  assert.equal(
    refused.body.message,
    'Operation cannot be fulfilled on endpoints "a": Precondition failed: UID in precondition: gone, UID in object meta: ',
  )
})

test('some kinds want to know which version a PUT changes', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', LEASES, { metadata: { name: 'a' }, spec: {} })
  const blind = await bench.call('PUT', `${LEASES}/a`, { spec: { holderIdentity: 'x' } })
  assert.equal(blind.status, 422)
  assert.equal(
    blind.body.message,
    'leases.coordination.k8s.io "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  )
  assert.equal((await bench.call('PUT', `${LEASES}/a`, { ...body, spec: { holderIdentity: 'x' } })).status, 200)
})

test('who may update only makes nothing, neither by PUT nor by apply', async () => {
  await using bench = await openTestBench()
  await allow(bench, ['update', 'patch'])
  const transport = createLocalTransport(bench.api, { name: 'eve', groups: ['system:authenticated'] })
  const ask = async (method: 'PUT' | 'PATCH', type: string) => {
    const path = `${DEFAULT}/endpoints/a?fieldManager=eve`
    const answer = await transport.request({ method, path, headers: { 'content-type': type }, body: '{}' })
    return answer.status
  }
  assert.equal(await ask('PUT', 'application/json'), 403)
  assert.equal(await ask('PATCH', 'application/apply-patch+yaml'), 403)
  await bench.call('POST', `${DEFAULT}/endpoints`, { metadata: { name: 'a' } })
  assert.equal(await ask('PUT', 'application/json'), 200)
})

async function allow(bench: TestBench, verbs: readonly string[]): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const rules = [{ verbs, apiGroups: [''], resources: ['endpoints'] }]
  await bench.call('POST', `${rbac}/clusterroles`, { metadata: { name: 'some' }, rules })
  await bench.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'some' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some' },
    subjects: [{ kind: 'User', name: 'eve' }],
  })
}
