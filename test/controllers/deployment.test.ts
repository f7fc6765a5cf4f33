import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newReplicaSet } from '../../src/controllers/deployment/replica-set.ts'
import { deployments, events, nodes, pods, replicaSets, serviceAccounts } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import type { Condition } from '../../src/kube/types/meta.ts'
import { startControlPlane } from './control-plane.ts'
import { deployment } from './workloads.ts'

const running = (objects: readonly Pod[]) => objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined)

test('a Deployment becomes pods on nodes, spread evenly, and reports itself available', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2', 'n3'] })
  await plane.client.create(deployments, deployment(6))
  const ready = await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 6)
  const placed = await plane.untilAll(pods, (all) => all.length === 6)
  const perNode = ['n1', 'n2', 'n3'].map((name) => placed.filter(({ spec }) => spec.nodeName === name).length)
  assert.deepEqual(perNode, [2, 2, 2])
  assert.equal(ready.metadata.annotations?.['deployment.kubernetes.io/revision'], '1')
  const complete = await plane.until(deployments, 'web', ({ status }) =>
    Boolean(status?.conditions?.some(({ reason }) => reason === 'NewReplicaSetAvailable')),
  )
  const available = complete.status?.conditions?.find(({ type }) => type === 'Available')
  assert.deepEqual([available?.status, available?.reason], ['True', 'MinimumReplicasAvailable'])
  assert.match(placed[0]!.metadata.name, /^web-[a-z0-9]+-[a-z0-9]{5}$/)
})

test('its Events say what was done, from the components that upstream names', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(deployments, deployment(2))
  const all = await plane.untilAll(events, (found) =>
    ['ScalingReplicaSet', 'SuccessfulCreate', 'Scheduled'].every((reason) =>
      found.some((each) => each.reason === reason),
    ),
  )
  const scaling = all.find(({ reason }) => reason === 'ScalingReplicaSet')
  assert.match(scaling?.message ?? '', /^Scaled up replica set web-\w+ from 0 to 2$/)
  assert.equal(scaling?.source?.component, 'deployment-controller')
  const scheduled = all.find(({ reason }) => reason === 'Scheduled')
  assert.match(scheduled?.message ?? '', /^Successfully assigned default\/web-\S+ to n1$/)
  assert.equal(scheduled?.source?.component, 'default-scheduler')
})

test('a new image rolls out, never with fewer available pods than allowed, and can be taken back', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  const { client } = plane
  await client.create(deployments, deployment(4))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 4)
  let least = 4
  const setImage = async (image: string, revision: string) => {
    const body = { spec: { template: { spec: { containers: [{ name: 'web', image }] } } } }
    await client.patch(deployments, { namespace: 'default', name: 'web' }, { type: 'strategic', body })
    await plane.until(deployments, 'web', ({ status, metadata }) => {
      least = Math.min(least, status?.availableReplicas ?? 0)
      const done = status?.updatedReplicas === 4 && status.replicas === 4 && status.availableReplicas === 4
      return done && metadata.annotations?.['deployment.kubernetes.io/revision'] === revision
    })
  }
  await setImage('v2', '2')
  await setImage('v1', '3')
  assert.ok(least >= 3, `${least} available`)
  const sets = await plane.untilAll(
    replicaSets,
    (all) => all.filter(({ status }) => status?.replicas === 0).length === 1,
  )
  assert.equal(sets.length, 2)
  const current = sets.find(({ spec }) => spec.replicas === 4)
  assert.equal(current?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
})

test('a pod that is deleted is replaced, and none is made twice', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  const { client } = plane
  await client.create(deployments, deployment(5))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 5)
  const before = await plane.untilAll(pods, (all) => running(all).length === 5)
  await Promise.all(before.slice(0, 3).map((pod) => client.delete(pods, pod.metadata)))
  const kept = new Set(before.slice(3).map(({ metadata }) => metadata.uid))
  const after = await plane.untilAll(pods, (all) => all.length === 5 && running(all).length === 5)
  assert.equal(after.filter(({ metadata }) => kept.has(metadata.uid)).length, 2)
})

test('a hundred pods at once: exactly a hundred are created', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2', 'n3'] })
  let created = 0
  await plane.client.create(deployments, deployment(100))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 100)
  const all = await plane.untilAll(events, (found) => {
    created = found.filter(({ reason }) => reason === 'SuccessfulCreate').reduce((sum, { count = 1 }) => sum + count, 0)
    return created > 0
  })
  assert.ok(all.length > 0)
  const { items } = await plane.client.list(pods, { namespace: 'default' })
  assert.equal(items.length, 100)
  const perNode = ['n1', 'n2', 'n3'].map((name) => items.filter(({ spec }) => spec.nodeName === name).length).sort()
  assert.deepEqual(perNode, [33, 33, 34])
})

test('controllers that start again find their work done, and do not do it twice', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(deployments, deployment(3))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 3)
  const before = await plane.client.list(pods, { namespace: 'default' })
  await plane.restartControllers()
  await plane.client.patch(
    deployments,
    { namespace: 'default', name: 'web' },
    { type: 'merge', body: { spec: { replicas: 4 } } },
  )
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 4)
  const after = await plane.client.list(pods, { namespace: 'default' })
  const known = new Set(before.items.map(({ metadata }) => metadata.uid))
  assert.equal(after.items.filter(({ metadata }) => known.has(metadata.uid)).length, 3)
})

test('every node gets a pod range of its own, also when they appear at once', async () => {
  await using plane = await startControlPlane()
  await Promise.all(Array.from({ length: 20 }, (_, index) => plane.addNode(`n${index}`)))
  const all = await plane.untilAll(
    nodes,
    (found) => found.length === 20 && found.every(({ spec }) => spec?.podCIDR !== undefined),
  )
  assert.equal(new Set(all.map(({ spec }) => spec?.podCIDR)).size, 20)
  assert.deepEqual(all[0]?.spec?.podCIDRs, [all[0]?.spec?.podCIDR])
  await plane.restartControllers()
  await plane.addNode('late')
  const late = await plane.until(nodes, 'late', ({ spec }) => spec?.podCIDR !== undefined)
  assert.ok(!all.some(({ spec }) => spec?.podCIDR === late.spec?.podCIDR))
})

test('a ReplicaSet of another that has the name which ours would have: ours gets another name', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(deployments, deployment(1, { paused: true }))
  const found = await plane.until(deployments, 'web', ({ status }) => status !== undefined)
  const taken = newReplicaSet(found, 1n)
  const { ownerReferences: _owners, ...metadata } = taken.metadata
  const labels = { app: 'squatter' }
  const template = { ...taken.spec.template!, metadata: { labels } }
  await client.create(replicaSets, {
    ...taken,
    metadata,
    spec: { ...taken.spec, selector: { matchLabels: labels }, template },
  })
  await client.patch(deployments, found.metadata, { type: 'merge', body: { spec: { paused: false } } })
  const done = await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 1)
  assert.equal(done.status?.collisionCount, 1)
  const sets = await plane.untilAll(replicaSets, (all) => all.length === 2)
  assert.equal(new Set(sets.map(({ metadata: { name } }) => name)).size, 2)
})

test('Recreate: the old pods are gone before a new one comes', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(deployments, deployment(2, { strategy: { type: 'Recreate' } }))
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 2)
  const old = await plane.untilAll(pods, (all) => all.length === 2)
  plane.kubelets.ends = false
  const body = { spec: { template: { spec: { containers: [{ name: 'web', image: 'v2' }] } } } }
  await client.patch(deployments, { namespace: 'default', name: 'web' }, { type: 'strategic', body })
  await plane.untilAll(pods, (all) => all.length === 2 && running(all).length === 0)
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 0)
  assert.equal((await client.list(pods, { namespace: 'default' })).items.length, 2)
  plane.kubelets.ends = true
  for (const pod of old) await plane.kubelets.end(pod)
  await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 2 && status.updatedReplicas === 2)
})

test('what keeps pods from being made is told by ReplicaSet and Deployment, until it is gone', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  const { spec, ...rest } = deployment(1)
  const { template } = spec
  const lacking = { ...template, spec: { ...template.spec, serviceAccountName: 'late' } }
  await client.create(deployments, { ...rest, spec: { ...spec, template: lacking } })
  const failureOf = (conditions: readonly Condition[] = []) => conditions.find(({ type }) => type === 'ReplicaFailure')
  const told = await plane.until(deployments, 'web', ({ status }) => failureOf(status?.conditions) !== undefined)
  const [set] = await plane.untilAll(replicaSets, (all) => all.some(({ status }) => failureOf(status?.conditions)))
  const failure = failureOf(set?.status?.conditions)
  assert.deepEqual([failure?.status, failure?.reason], ['True', 'FailedCreate'])
  assert.match(failure?.message ?? '', /^pods "web-.*" is forbidden: error looking up service account default\/late: /)
  const { lastUpdateTime, ...same } = failureOf(told.status?.conditions) ?? {}
  assert.deepEqual(same, failure)
  assert.equal(lastUpdateTime, failure?.lastTransitionTime)
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'late', namespace: 'default' } }
  await client.create(serviceAccounts, account)
  const done = await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 1)
  await plane.until(deployments, 'web', ({ status }) => failureOf(status?.conditions) === undefined)
  assert.equal(done.metadata.uid, told.metadata.uid)
})

test('a ReplicaSet that cannot be created is told by the condition Progressing', async () => {
  await using plane = await startControlPlane()
  const name = 'x'.repeat(250)
  const { metadata, ...rest } = deployment(1)
  await plane.client.create(deployments, { ...rest, metadata: { ...metadata, name } })
  const isProgress = ({ type }: Condition) => type === 'Progressing'
  const told = await plane.until(deployments, name, ({ status }) => status?.conditions?.some(isProgress) === true)
  const { status, reason, message } = told.status?.conditions?.find(isProgress) ?? {}
  assert.deepEqual([status, reason], ['False', 'ReplicaSetCreateError'])
  assert.match(message ?? '', /^Failed to create new replica set "x{250}-\w+": .*metadata\.name: Invalid value/)
})
