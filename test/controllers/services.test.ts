import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployments, endpointSlices, endpoints, events, nodes, pods, services } from '../../src/kube/resource.ts'
import type { EndpointSlice } from '../../src/kube/types/discovery.ts'
import { startControlPlane } from './control-plane.ts'
import { barePod, deployment, service } from './workloads.ts'

const ofWeb = (slices: readonly EndpointSlice[]) =>
  slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web')
const endpointsIn = (slices: readonly EndpointSlice[]) => ofWeb(slices).flatMap((slice) => slice.endpoints ?? [])

test('a Service without pods has an empty slice; pods fill it, and it follows their readiness', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  const { client, kubelets } = plane
  await client.create(services, service())
  const [empty] = ofWeb(await plane.untilAll(endpointSlices, (all) => ofWeb(all).length === 1))
  assert.deepEqual(empty?.endpoints, [])
  await client.create(deployments, deployment(2))
  const [slice] = ofWeb(
    await plane.untilAll(
      endpointSlices,
      (all) => endpointsIn(all).filter(({ conditions }) => conditions?.ready).length === 2,
    ),
  )
  assert.equal(slice?.metadata.name, empty?.metadata.name, 'the same slice')
  assert.deepEqual(slice?.ports, [{ name: '', port: 8080, protocol: 'TCP' }])
  assert.deepEqual(new Set(slice?.endpoints?.map(({ nodeName }) => nodeName)), new Set(['n1', 'n2']))
  const { items } = await client.list(pods, { namespace: 'default' })
  await kubelets.setReady(items[0]!, false)
  await plane.untilAll(endpointSlices, (all) =>
    endpointsIn(all).some(
      ({ targetRef, conditions }) => targetRef?.name === items[0]?.metadata.name && conditions?.ready === false,
    ),
  )
  await kubelets.setReady(items[0]!, true)
  await plane.untilAll(endpointSlices, (all) => endpointsIn(all).every(({ conditions }) => conditions?.ready === true))
})

test('an endpoint is terminating for as long as its pod ends, then gone', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client, kubelets } = plane
  kubelets.ends = false
  await client.create(services, service())
  await client.create(pods, barePod('a'))
  await plane.untilAll(endpointSlices, (all) => endpointsIn(all).some(({ conditions }) => conditions?.ready === true))
  await client.delete(pods, { namespace: 'default', name: 'a' })
  const all = await plane.untilAll(endpointSlices, (found) =>
    endpointsIn(found).some(({ conditions }) => conditions?.terminating === true),
  )
  assert.deepEqual(endpointsIn(all)[0]?.conditions, { ready: false, serving: true, terminating: true })
  await kubelets.end(await client.get(pods, { namespace: 'default', name: 'a' }))
  await plane.untilAll(endpointSlices, (found) => ofWeb(found).length === 1 && endpointsIn(found).length === 0)
})

test('250 endpoints lie in three slices, and a slice that someone deletes comes back', async () => {
  await using plane = await startControlPlane({
    nodeNames: ['n1', 'n2', 'n3'],
  })
  const { client } = plane
  await client.create(services, service())
  await client.create(deployments, deployment(250))
  const full = (all: readonly EndpointSlice[]) =>
    endpointsIn(all).filter(({ conditions }) => conditions?.ready).length === 250
  const slices = ofWeb(await plane.untilAll(endpointSlices, full))
  assert.ok(slices.every((slice) => (slice.endpoints ?? []).length <= 100))
  assert.ok(slices.length <= 6, `${slices.length} slices`)
  await client.delete(endpointSlices, slices[0]!.metadata)
  await plane.untilAll(
    endpointSlices,
    (all) => full(all) && !all.some(({ metadata }) => metadata.uid === slices[0]?.metadata.uid),
  )
})

test('legacy Endpoints follow the pods, and go with the Service; its slices go too', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(services, service())
  await client.create(pods, barePod('a'))
  const object = await plane.until(endpoints, 'web', ({ subsets = [] }) => (subsets[0]?.addresses ?? []).length === 1)
  assert.deepEqual(object.subsets?.[0]?.ports, [{ port: 8080, protocol: 'TCP' }])
  assert.equal(object.subsets?.[0]?.addresses?.[0]?.targetRef?.name, 'a')
  await client.delete(services, { namespace: 'default', name: 'web' })
  await plane.gone(endpoints, 'web')
  await plane.untilAll(endpointSlices, (all) => ofWeb(all).length === 0)
})

test("Endpoints of no Service are the user's own; those of a Service are put right", async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  const subsets = [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' as const }] }]
  const own = await client.create(endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'own', namespace: 'default' },
    subsets,
  })
  await client.create(services, service())
  const web = await plane.until(endpoints, 'web', () => true)
  await client.update(endpoints, { ...own, metadata: { ...own.metadata, labels: { changed: 'yes' } } })
  // Events of one kind are taken in order: once this is put right, the other has been looked at.
  await client.update(endpoints, { ...web, subsets })
  await plane.until(
    endpoints,
    'web',
    (now) => now.metadata.resourceVersion !== web.metadata.resourceVersion && now.subsets === undefined,
  )
  assert.deepEqual((await client.get(endpoints, own.metadata)).subsets, subsets)
})

test('the Service kubernetes, which has no selector, is left alone', async () => {
  await using plane = await startControlPlane()
  await plane.client.create(services, service())
  await plane.until(endpoints, 'web', () => true)
  await plane.client.delete(services, { namespace: 'default', name: 'web' })
  await plane.gone(endpoints, 'web')
  const kubernetes = await plane.client.get(endpoints, { namespace: 'default', name: 'kubernetes' })
  assert.equal(kubernetes.subsets?.[0]?.addresses?.[0]?.ip, '192.168.0.1')
})

test('a pod that fits nowhere says why, and is placed when a node appears', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(pods, barePod('a', { nodeSelector: { disk: 'ssd' } }))
  const waiting = await plane.until(pods, 'a', ({ status }) =>
    Boolean(status?.conditions?.some(({ type }) => type === 'PodScheduled')),
  )
  const condition = waiting.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  const text =
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
  assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['False', 'Unschedulable', text])
  await plane.untilAll(events, (all) =>
    all.some(({ reason, message }) => reason === 'FailedScheduling' && message === text),
  )
  await plane.addNode('n2', { metadata: { name: 'n2', labels: { disk: 'ssd' } } })
  await plane.until(pods, 'a', ({ spec }) => spec.nodeName === 'n2')
})

test('a node that falls silent is Unknown and tainted, its pods not ready, its endpoints withdrawn', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'], nodeGraceMs: 150 })
  const { client } = plane
  await client.create(services, service())
  await client.create(pods, barePod('a', { tolerations: [{ operator: 'Exists' }] }))
  const node = await plane.until(nodes, 'n1', ({ status, spec }) => {
    const unknown = status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'Unknown')
    return unknown === true && (spec?.taints ?? []).length === 2
  })
  assert.deepEqual(new Set(node.spec?.taints?.map(({ key }) => key)), new Set(['node.kubernetes.io/unreachable']))
  await plane.until(pods, 'a', ({ status }) =>
    Boolean(status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'False')),
  )
  await plane.untilAll(endpointSlices, (all) => endpointsIn(all).some(({ conditions }) => conditions?.ready === false))
  const body = { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] } }
  await client.patch(nodes, { name: 'n1' }, { type: 'strategic', body }, { subresource: 'status' })
  await plane.until(nodes, 'n1', ({ spec }) => (spec?.taints ?? []).length === 0)
})

test('pods of a node that is gone are removed', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'], podGcQuarantineMs: 20 })
  const { client, kubelets } = plane
  kubelets.ends = false
  await client.create(pods, barePod('a'))
  await plane.until(pods, 'a', ({ spec }) => spec.nodeName === 'n1')
  await client.delete(nodes, { name: 'n1' })
  await plane.gone(pods, 'a')
})

test('a pod with scheduling gates waits until the last one is removed', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(pods, barePod('a', { schedulingGates: [{ name: 'example.com/hold' }] }))
  const gated = await client.get(pods, { namespace: 'default', name: 'a' })
  const condition = gated.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'SchedulingGated'])
  await client.create(pods, barePod('b'))
  await plane.until(pods, 'b', ({ spec }) => spec.nodeName === 'n1')
  assert.equal((await client.get(pods, gated.metadata)).spec.nodeName, undefined)
  await client.patch(pods, gated.metadata, { type: 'merge', body: { spec: { schedulingGates: null } } })
  await plane.until(pods, 'a', ({ spec }) => spec.nodeName === 'n1')
})

test('three replicas that shun each other take three nodes, and a fourth waits for one', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2', 'n3'] })
  const { client } = plane
  const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' }
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
  for (const name of ['a', 'b', 'c', 'd']) await client.create(pods, barePod(name, { affinity }))
  const waiting = await plane.until(pods, 'd', ({ status }) => Boolean(status?.conditions?.length))
  assert.match(waiting.status?.conditions?.[0]?.message ?? '', /^0\/3 nodes are available: 3 node\(s\) didn't match/)
  const placed = (await client.list(pods, { namespace: 'default' })).items
  assert.equal(new Set(placed.map(({ spec }) => spec.nodeName)).size, 4)
  await client.delete(pods, { namespace: 'default', name: 'b' })
  await plane.until(pods, 'd', ({ spec }) => spec.nodeName !== undefined)
})

test('custom Endpoints of a Service without selector are mirrored into slices, and go with either', async () => {
  await using plane = await startControlPlane()
  const { client } = plane
  const metadata = { name: 'web', namespace: 'default' }
  const subsets = [{ addresses: [{ ip: '10.9.0.1' }, { ip: '10.9.0.2' }], ports: [{ name: 'pg', port: 5432 }] }]
  await client.create(endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets })
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { ports: [{ name: 'pg', port: 5432 }] },
  })
  const addresses = (all: readonly EndpointSlice[]) => endpointsIn(all).flatMap((each) => each.addresses)
  const [slice] = ofWeb(await plane.untilAll(endpointSlices, (all) => addresses(all).length === 2))
  assert.equal(
    slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'],
    'endpointslicemirroring-controller.k8s.io',
  )
  const body = { subsets: [{ ...subsets[0], addresses: [{ ip: '10.9.0.3' }] }] }
  await client.patch(endpoints, metadata, { type: 'merge', body })
  const changed = ofWeb(await plane.untilAll(endpointSlices, (all) => addresses(all).join() === '10.9.0.3'))
  assert.deepEqual(
    changed.map(({ metadata: { uid } }) => uid),
    [slice?.metadata.uid],
  )
  await client.delete(endpointSlices, slice!.metadata)
  await plane.untilAll(
    endpointSlices,
    (all) => addresses(all).length === 1 && ofWeb(all)[0]?.metadata.uid !== slice?.metadata.uid,
  )
  await client.delete(services, metadata)
  await plane.untilAll(endpointSlices, (all) => ofWeb(all).length === 0)
})

test('topology-mode Auto: endpoints are shared out among the zones, and Events say when they are not', async () => {
  await using plane = await startControlPlane()
  const { client } = plane
  for (const zone of ['a', 'b', 'c']) {
    const labels = { 'topology.kubernetes.io/zone': zone, 'kubernetes.io/hostname': zone }
    await plane.addNode(zone, { metadata: { name: zone, labels } })
  }
  const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' }
  await client.create(services, { ...service(), metadata: { name: 'web', namespace: 'default', annotations } })
  await client.create(deployments, deployment(3))
  const zones = (all: readonly EndpointSlice[]) =>
    endpointsIn(all).map(({ hints, zone }) => `${zone}>${hints?.forZones?.map(({ name }) => name).join()}`)
  await plane.untilAll(endpointSlices, (all) => zones(all).sort().join() === 'a>a,b>b,c>c')
  const told = (want: string, text: RegExp) =>
    plane.untilAll(events, (all) => all.some(({ reason, message = '' }) => reason === want && text.test(message)))
  await told('TopologyAwareHintsEnabled', /^Topology Aware Hints has been enabled, addressType: IPv4$/)
  await client.patch(
    deployments,
    { namespace: 'default', name: 'web' },
    { type: 'merge', body: { spec: { replicas: 2 } } },
  )
  await plane.untilAll(endpointSlices, (all) => {
    const found = endpointsIn(all)
    return found.length === 2 && found.every(({ hints }) => hints === undefined)
  })
  await told(
    'TopologyAwareHintsDisabled',
    /^Insufficient number of endpoints \(2 endpoints, 3 zones\), addressType: IPv4$/,
  )
})
