import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { createTokenSigner, generateTokenKey } from './pki/service-account-token.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

const NS = '/api/v1/namespaces/default'
const APPS = '/apis/apps/v1/namespaces/default'
const MERGE = 'application/merge-patch+json'
const DRY = 'dryRun=All'

type Call = Parameters<TestBench['call']>

const pod = (name: string) => ({ metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } })
const service = { metadata: { name: 's' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } }
const deployment = {
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
}
const scale = { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'd' }, spec: { replicas: 5 } }
const binding = { kind: 'Binding', apiVersion: 'v1', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }
const eviction = (deleteOptions: object) => ({
  kind: 'Eviction',
  apiVersion: 'policy/v1',
  metadata: { name: 'p' },
  deleteOptions,
})
const all = { dryRun: ['All'] }

const CALLS: readonly Call[] = [
  ['POST', `${NS}/configmaps?${DRY}`, { metadata: { name: 'new' } }],
  ['POST', `${NS}/services?${DRY}`, { ...service, metadata: { name: 'new' } }],
  ['PUT', `${NS}/configmaps/m?${DRY}`, { metadata: { name: 'm' }, data: { a: 'b' } }],
  ['PATCH', `${NS}/configmaps/m?${DRY}`, { data: { a: 'b' } }, MERGE],
  [
    'PATCH',
    `${NS}/configmaps/n?${DRY}&fieldManager=a`,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'n' } },
    'application/apply-patch+yaml',
  ],
  ['DELETE', `${NS}/configmaps/m?${DRY}`],
  ['DELETE', `${NS}/configmaps/m`, all],
  ['DELETE', `${NS}/configmaps?${DRY}`],
  ['DELETE', `${NS}/configmaps`, all],
  ['PUT', `${APPS}/deployments/d/scale?${DRY}`, scale],
  ['PATCH', `${APPS}/deployments/d/scale?${DRY}`, { spec: { replicas: 4 } }, MERGE],
  ['PATCH', `${APPS}/deployments/d/status?${DRY}`, { status: { replicas: 4 } }, MERGE],
  ['POST', `${NS}/pods/p/binding?${DRY}`, binding],
  ['POST', `${NS}/pods/p/eviction?${DRY}`, eviction({})],
  ['POST', `${NS}/pods/p/eviction`, eviction(all)],
  ['POST', `${NS}/serviceaccounts/default/token?${DRY}`, { spec: {} }],
  ['PUT', `/api/v1/namespaces/x/finalize?${DRY}`, { metadata: { name: 'x' }, spec: { finalizers: [] } }],
]

test('a dry run answers as if it were none, and stores nothing', async () => {
  const tokens = createTokenSigner({ keyPem: generateTokenKey(), clock: systemClock })
  await using bench = await openTestBench({ tokens })
  await bench.call('POST', '/api/v1/namespaces', { metadata: { name: 'x' } })
  await bench.call('POST', `${NS}/serviceaccounts`, { metadata: { name: 'default' } })
  await bench.call('POST', `${NS}/configmaps`, { metadata: { name: 'm' } })
  await bench.call('POST', `${NS}/services`, service)
  await bench.call('POST', `${APPS}/deployments`, deployment)
  assert.equal((await bench.call('POST', `${NS}/pods`, pod('p'))).status, 201)
  const before = bench.store.revision()
  for (const call of CALLS) {
    const { status, body } = await bench.call(...call)
    assert.ok(status < 300, `${call[0]} ${call[1]}: ${body.message}`)
    assert.equal(bench.store.revision(), before, `${call[0]} ${call[1]}`)
  }
})

test('what a dry run was given is free again', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', `${NS}/services?${DRY}`, service)
  const { clusterIP, ports } = body.spec
  const wanted = { ...service.spec, clusterIP, ports: [{ port: 80, nodePort: ports[0].nodePort }] }
  assert.equal((await bench.call('POST', `${NS}/services`, { metadata: { name: 't' }, spec: wanted })).status, 201)
})

test('options that are none are refused as upstream does', async () => {
  await using bench = await openTestBench()
  await bench.call('POST', `${NS}/configmaps`, { metadata: { name: 'm' } })
  const path = `${NS}/configmaps/m`
  const is = (kind: string, rest: string) => `${kind}.meta.k8s.io "" is invalid: ${rest}`
  const unknown = 'dryRun: Unsupported value: ["x"]: supported values: "All"'
  const refusals: readonly (readonly [Call, string])[] = [
    [['POST', `${NS}/configmaps?dryRun=x`, { metadata: { name: 'n' } }], is('CreateOptions', unknown)],
    [['PUT', `${path}?dryRun=x`, { metadata: { name: 'm' } }], is('UpdateOptions', unknown)],
    [['PATCH', `${path}?dryRun=x`, {}, MERGE], is('PatchOptions', unknown)],
    [['DELETE', path, { dryRun: ['x'] }], is('DeleteOptions', unknown)],
    [
      ['PATCH', `${path}?fieldManager=${'x'.repeat(129)}`, {}, MERGE],
      is('PatchOptions', 'fieldManager: Too long: may not be more than 128 bytes'),
    ],
    [
      ['PATCH', `${path}?force=true`, {}, MERGE],
      is('PatchOptions', 'force: Forbidden: may not be specified for non-apply patch'),
    ],
    [
      ['DELETE', path, { propagationPolicy: 'Some' }],
      is(
        'DeleteOptions',
        'propagationPolicy: Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"',
      ),
    ],
    [
      ['DELETE', path, { propagationPolicy: 'Orphan', orphanDependents: true }],
      is(
        'DeleteOptions',
        'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
      ),
    ],
  ]
  for (const [call, message] of refusals) {
    const answer = await bench.call(...call)
    assert.deepEqual([answer.status, answer.body.message], [422, message])
  }
  assert.equal((await bench.call('GET', path)).status, 200)
})

test('dependents are orphaned by the older option as well, and a later deletion has the last word', async () => {
  await using bench = await openTestBench()
  const path = `${NS}/configmaps/m`
  await bench.call('POST', `${NS}/configmaps`, { metadata: { name: 'm', finalizers: ['a.b/c'] } })
  const finalizers = async () => (await bench.call('GET', path)).body.metadata.finalizers
  await bench.call('DELETE', path, { orphanDependents: true })
  assert.deepEqual(await finalizers(), ['a.b/c', 'orphan'])
  await bench.call('DELETE', path, { propagationPolicy: 'Foreground' })
  assert.deepEqual(await finalizers(), ['a.b/c', 'foregroundDeletion'])
  await bench.call('DELETE', path, { orphanDependents: false })
  assert.deepEqual(await finalizers(), ['a.b/c'])
})
