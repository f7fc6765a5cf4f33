import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isForbidden } from '../../src/kube/api-error.ts'
import {
  configMaps,
  deployments,
  events,
  namespaces,
  pods,
  replicaSets,
  serviceAccounts,
  services,
  statefulSets,
} from '../../src/kube/resource.ts'
import { ROOT_CA, startControlPlane } from './control-plane.ts'
import { deployment, service, statefulSet } from './workloads.ts'

const WEB = { namespace: 'default', name: 'web' }

async function running(replicas = 2) {
  const plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  await plane.client.create(deployments, deployment(replicas))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === replicas)
  return plane
}

test('background: what a Deployment owns goes after it', async () => {
  await using plane = await running()
  await plane.client.delete(deployments, WEB, { propagationPolicy: 'Background' })
  await plane.untilAll(pods, (all) => all.length === 0)
  await plane.untilAll(replicaSets, (all) => all.length === 0)
})

test('foreground: the Deployment is there until its pods are gone', async () => {
  await using plane = await running()
  plane.kubelets.ends = false
  await plane.client.delete(deployments, WEB, { propagationPolicy: 'Foreground' })
  const ending = await plane.untilAll(pods, (all) =>
    all.every(({ metadata }) => metadata.deletionTimestamp !== undefined),
  )
  const owner = await plane.client.get(deployments, WEB)
  assert.deepEqual(owner.metadata.finalizers, ['foregroundDeletion'])
  for (const pod of ending) await plane.kubelets.end(pod)
  await plane.gone(deployments, 'web')
  const { items } = await plane.client.list(replicaSets, { namespace: 'default' })
  assert.deepEqual(items, [])
})

test('foreground: objects that own each other in a circle all go', async () => {
  await using plane = await startControlPlane({})
  const { client } = plane
  const names = ['a', 'b', 'c']
  const made = await Promise.all(
    names.map((name) =>
      client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } }),
    ),
  )
  for (const [index, { metadata }] of made.entries()) {
    const { name, uid = '' } = made.at(index - 1)?.metadata ?? metadata
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true, blockOwnerDeletion: true }
    await client.patch(configMaps, metadata, { type: 'merge', body: { metadata: { ownerReferences: [owner] } } })
  }
  await client.delete(configMaps, { namespace: 'default', name: 'a' }, { propagationPolicy: 'Foreground' })
  await plane.untilAll(configMaps, (all) => !all.some(({ metadata }) => names.includes(metadata.name)))
})

test('orphan: what a Deployment owned stays, and a new one of its name takes it over', async () => {
  await using plane = await running()
  const before = await plane.client.list(pods, { namespace: 'default' })
  await plane.client.delete(deployments, WEB, { propagationPolicy: 'Orphan' })
  await plane.gone(deployments, 'web')
  const [set] = await plane.untilAll(
    replicaSets,
    (all) => all.length === 1 && all[0]?.metadata.ownerReferences === undefined,
  )
  assert.equal(set?.spec.replicas, 2)
  const again = await plane.client.create(deployments, deployment(2))
  await plane.until(
    deployments,
    'web',
    ({ status, metadata }) => metadata.uid === again.metadata.uid && status?.availableReplicas === 2,
  )
  const [adopted] = await plane.untilAll(
    replicaSets,
    (all) => all[0]?.metadata.ownerReferences?.[0]?.uid === again.metadata.uid,
  )
  assert.equal(adopted?.metadata.uid, set?.metadata.uid)
  const after = await plane.client.list(pods, { namespace: 'default' })
  assert.deepEqual(
    after.items.map(({ metadata }) => metadata.uid).sort(),
    before.items.map(({ metadata }) => metadata.uid).sort(),
  )
})

test('a pod whose labels are changed is let go, and replaced', async () => {
  await using plane = await running()
  const { items } = await plane.client.list(pods, { namespace: 'default' })
  await plane.client.patch(pods, items[0]!.metadata, {
    type: 'merge',
    body: { metadata: { labels: { app: 'other' } } },
  })
  const all = await plane.untilAll(pods, (found) => found.length === 3)
  const released = await plane.until(
    pods,
    items[0]!.metadata.name,
    ({ metadata }) => metadata.ownerReferences === undefined,
  )
  assert.equal(all.filter(({ metadata }) => metadata.labels?.app === 'web').length, 2)
  assert.equal(released.metadata.deletionTimestamp, undefined)
})

test('every namespace has a default ServiceAccount and the CA certificate, and gets them back', async () => {
  await using plane = await startControlPlane()
  const { client } = plane
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  await plane.until(serviceAccounts, 'default', ({ metadata }) => metadata.namespace === 'team')
  const map = await plane.until(configMaps, 'kube-root-ca.crt', ({ metadata }) => metadata.namespace === 'team')
  assert.deepEqual(map.data, { 'ca.crt': ROOT_CA })
  await client.delete(configMaps, map.metadata)
  await plane.until(
    configMaps,
    'kube-root-ca.crt',
    ({ metadata }) => metadata.namespace === 'team' && metadata.uid !== map.metadata.uid,
  )
})

test('a namespace goes with all that is in it, and says what it waits for', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client, kubelets } = plane
  kubelets.ends = false
  const metadata = { name: 'web', namespace: 'team' }
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  await client.create(deployments, { ...deployment(2), metadata })
  await client.create(services, { ...service(), metadata })
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 2)
  await client.delete(namespaces, { name: 'team' })
  const waiting = await plane.until(namespaces, 'team', ({ status }) => (status?.conditions ?? []).length > 0)
  assert.equal(waiting.status?.phase, 'Terminating')
  assert.match(waiting.status?.conditions?.[0]?.message ?? '', /pods\. has \d resource instances/)
  await assert.rejects(client.create(services, { ...service(), metadata: { ...metadata, name: 'late' } }), isForbidden)
  for (const pod of (await client.list(pods, { namespace: 'team' })).items) await kubelets.end(pod)
  await plane.gone(namespaces, 'team')
  for (const resource of [pods, services, deployments, replicaSets, configMaps]) {
    assert.deepEqual((await client.list(resource, { namespace: 'team' })).items, [])
  }
})

test('a StatefulSet makes its pods in order, keeps their names, and removes the highest first', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  const { client } = plane
  await client.create(statefulSets, statefulSet(3))
  await plane.until(statefulSets, 'db', ({ status }) => status?.readyReplicas === 3)
  const all = await plane.untilAll(pods, (found) => found.length === 3)
  const byAge = [...all].sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
  assert.deepEqual(
    byAge.map(({ metadata }) => metadata.name),
    ['db-0', 'db-1', 'db-2'],
  )
  assert.deepEqual(
    all.map(({ spec }) => spec.subdomain),
    ['db', 'db', 'db'],
  )
  await client.delete(pods, { namespace: 'default', name: 'db-1' })
  await plane.until(
    pods,
    'db-1',
    ({ metadata }) => metadata.uid !== all.find((pod) => pod.metadata.name === 'db-1')?.metadata.uid,
  )
  await client.patch(
    statefulSets,
    { namespace: 'default', name: 'db' },
    { type: 'merge', body: { spec: { replicas: 1 } } },
  )
  const left = await plane.untilAll(pods, (found) => found.length === 1)
  assert.equal(left[0]?.metadata.name, 'db-0')
})

test('an owner in another namespace is none: an Event says so, and the object goes', async () => {
  await using plane = await startControlPlane()
  const { client } = plane
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } })
  const map = (name: string, namespace: string, more: object = {}) =>
    client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...more } })
  const owner = await map('owner', 'team')
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid ?? '' }
  await map('near', 'team', { ownerReferences: [reference] })
  await map('far', 'default', { ownerReferences: [reference] })
  await plane.gone(configMaps, 'far')
  const text = `ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${reference.uid}] does not exist in namespace "default"`
  await plane.untilAll(events, (all) =>
    all.some(({ reason, message }) => reason === 'OwnerRefInvalidNamespace' && message === text),
  )
  await client.get(configMaps, { namespace: 'team', name: 'near' })
})
