import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { createLocalTransport } from '../local-transport.ts'
import { createTokenSigner, generateTokenKey } from '../pki/service-account-token.ts'
import { openTestBench, type TestBench } from '../test-bench.ts'

const core = '/api/v1/namespaces/default'

function asNode(bench: TestBench, node: string) {
  const transport = createLocalTransport(bench.api, { name: `system:node:${node}`, groups: ['system:nodes'] })
  return async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<number> => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await transport.request({ method, path, headers: { 'content-type': type }, ...sent })
    const stop = new AbortController()
    for await (const _ of answer.body) stop.abort()
    return answer.status
  }
}

function pod(name: string, node: string | undefined, spec: object = {}) {
  const containers = [{ name: 'c', image: 'i' }]
  return { metadata: { name }, spec: { ...(node === undefined ? {} : { nodeName: node }), containers, ...spec } }
}

async function openNodes(): Promise<TestBench> {
  const tokens = createTokenSigner({ keyPem: generateTokenKey(), clock: systemClock })
  const bench = await openTestBench({ tokens })
  for (const name of ['default', 'app', 'other'])
    await bench.call('POST', `${core}/serviceaccounts`, { metadata: { name } })
  for (const name of ['mounted', 'variable', 'pull', 'unused']) {
    await bench.call('POST', `${core}/secrets`, { metadata: { name } })
  }
  await bench.call('POST', `${core}/configmaps`, { metadata: { name: 'projected' } })
  const spec = {
    serviceAccountName: 'app',
    imagePullSecrets: [{ name: 'pull' }],
    containers: [
      { name: 'c', image: 'i', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'variable', key: 'k' } } }] },
    ],
    volumes: [
      { name: 'v', secret: { secretName: 'mounted' } },
      { name: 'w', projected: { sources: [{ configMap: { name: 'projected' } }] } },
    ],
  }
  await bench.call('POST', `${core}/pods`, pod('mine', 'a', spec))
  await bench.call('POST', `${core}/pods`, pod('theirs', 'b'))
  return bench
}

test('a node makes and changes its own Node and Lease, not those of others', async () => {
  await using bench = await openNodes()
  const a = asNode(bench, 'a')
  assert.equal(await a('POST', '/api/v1/nodes', { metadata: { name: 'b' } }), 403)
  const labels = { 'kubernetes.io/hostname': 'a', 'topology.kubernetes.io/zone': 'z', mine: 'yes' }
  assert.equal(await a('POST', '/api/v1/nodes', { metadata: { name: 'a', labels } }), 201)
  await bench.call('POST', '/api/v1/nodes', { metadata: { name: 'b' } })
  assert.equal(await a('PATCH', '/api/v1/nodes/a', { metadata: { annotations: { x: 'y' } } }), 200)
  assert.equal(await a('PATCH', '/api/v1/nodes/b', { metadata: { annotations: { x: 'y' } } }), 403)
  assert.equal(await a('PATCH', '/api/v1/nodes/b/status', { status: { phase: 'x' } }), 403)
  const restricted = { 'node-restriction.kubernetes.io/zone': 'x' }
  assert.equal(await a('PATCH', '/api/v1/nodes/a', { metadata: { labels: restricted } }), 403)
  assert.equal(await a('PATCH', '/api/v1/nodes/a/status', { metadata: { labels: restricted } }), 403)
  assert.equal(await a('PATCH', '/api/v1/nodes/a', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }), 403)
  assert.equal(await a('DELETE', '/api/v1/nodes/a'), 403)
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  assert.equal(await a('POST', leases, { metadata: { name: 'b' }, spec: { holderIdentity: 'b' } }), 403)
  assert.equal(await a('POST', leases, { metadata: { name: 'a' }, spec: { holderIdentity: 'a' } }), 201)
  assert.equal(await a('PATCH', `${leases}/a`, { spec: { holderIdentity: 'a2' } }), 200)
  assert.equal(await a('PATCH', `${leases}/b`, { spec: { holderIdentity: 'a' } }), 403)
})

test('a node sees, reports on and ends the pods that are bound to it', async () => {
  await using bench = await openNodes()
  const a = asNode(bench, 'a')
  assert.equal(await a('GET', '/api/v1/pods'), 403)
  assert.equal(await a('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Db'), 403)
  assert.equal(await a('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Da'), 200)
  const status = { status: { phase: 'Running' } }
  assert.equal(await a('PATCH', `${core}/pods/mine/status`, status), 200)
  assert.equal(await a('PATCH', `${core}/pods/mine/status`, { metadata: { labels: { app: 'bank' } } }), 403)
  assert.equal(await a('PATCH', `${core}/pods/theirs/status`, status), 403)
  assert.equal(await a('PATCH', `${core}/pods/mine`, { metadata: { labels: { a: 'b' } } }), 403)
  assert.equal(await a('POST', `${core}/pods`, pod('new', 'a')), 403)
  const mirror = { 'kubernetes.io/config.mirror': 'x' }
  assert.equal(await a('POST', `${core}/pods`, { ...pod('m', 'b'), metadata: { name: 'm', annotations: mirror } }), 403)
  assert.equal(await a('POST', `${core}/pods`, { ...pod('m', 'a'), metadata: { name: 'm', annotations: mirror } }), 201)
  assert.equal(await a('DELETE', `${core}/pods/theirs`), 403)
  assert.equal(await a('DELETE', `${core}/pods/nowhere`), 404)
  assert.equal(await a('DELETE', `${core}/pods/mine?gracePeriodSeconds=0`), 200)
})

test('a node reads the secrets of its pods only, and gets tokens for their accounts only', async () => {
  await using bench = await openNodes()
  const [a, b] = [asNode(bench, 'a'), asNode(bench, 'b')]
  for (const name of ['mounted', 'variable', 'pull']) {
    assert.equal(await a('GET', `${core}/secrets/${name}`), 200, name)
    assert.equal(await b('GET', `${core}/secrets/${name}`), 403, name)
  }
  assert.equal(await a('GET', `${core}/secrets/unused`), 403)
  assert.equal(await a('GET', `${core}/secrets`), 403)
  assert.equal(await a('GET', `${core}/secrets?fieldSelector=metadata.name%3Dmounted`), 200)
  assert.equal(await a('GET', `${core}/configmaps/projected`), 200)
  assert.equal(await b('GET', `${core}/configmaps/projected`), 403)
  const { body } = await bench.call('GET', `${core}/pods/mine`)
  const { body: other } = await bench.call('GET', `${core}/pods/theirs`)
  const bound = ({ metadata: { name, uid } }: { metadata: { name: string; uid: string } }) => {
    return { spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid } } }
  }
  assert.equal(await a('POST', `${core}/serviceaccounts/app/token`, bound(body)), 201)
  assert.equal(await a('POST', `${core}/serviceaccounts/app/token`, {}), 403)
  assert.equal(await a('POST', `${core}/serviceaccounts/app/token`, bound(other)), 403)
  assert.equal(await a('POST', `${core}/serviceaccounts/other/token`, bound(body)), 403)
  assert.equal(await b('POST', `${core}/serviceaccounts/app/token`, bound(body)), 403)
})
