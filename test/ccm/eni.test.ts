import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pods, services } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { type CcmBench, endpoint, openCcmBench } from './ccm-bench.ts'

const GATE = 'service.readiness.alibabacloud.com/web'
const ECS = '2014-05-26'

/** An interface of node-1 with some addresses, as Terway makes them. */
async function addInterface(ccm: CcmBench): Promise<{ id: string; addresses: string[] }> {
  const answer = await ccm.ask<{ NetworkInterfaceId: string }>(
    'CreateNetworkInterface',
    {
      VSwitchId: ccm.cloud.vSwitch('zone-a'),
      SecurityGroupId: ccm.cloud.ids.securityGroupId,
      SecondaryPrivateIpAddressCount: 3,
    },
    ECS,
  )
  const id = answer.NetworkInterfaceId
  await ccm.ask('AttachNetworkInterface', { NetworkInterfaceId: id, InstanceId: ccm.machine('node-1') }, ECS)
  type Listed = {
    NetworkInterfaceSets: { NetworkInterfaceSet: { PrivateIpSets: { PrivateIpSet: { PrivateIpAddress: string }[] } }[] }
  }
  const listed = await ccm.ask<Listed>('DescribeNetworkInterfaces', { NetworkInterfaceId: [id] }, ECS)
  const sets = listed.NetworkInterfaceSets.NetworkInterfaceSet.flatMap((one) => one.PrivateIpSets.PrivateIpSet)
  return { id, addresses: sets.map((one) => one.PrivateIpAddress) }
}

async function addPod(ccm: CcmBench, name: string, ready: boolean): Promise<Pod> {
  const pod = await ccm.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i' }], readinessGates: [{ conditionType: GATE }] },
  } as Pod)
  const body = { status: { conditions: [{ type: 'ContainersReady', status: ready ? 'True' : 'False' }] } }
  await ccm.client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
  return pod
}

const ofPod = (ip: string, { metadata }: Pod, ready: boolean) => ({
  ...endpoint(ip, 'node-1', { ready }),
  targetRef: { kind: 'Pod', namespace: 'default', name: metadata.name, uid: metadata.uid! },
})

async function gateOf(ccm: CcmBench, name: string) {
  const { status } = await ccm.client.get(pods, { namespace: 'default', name })
  const found = status?.conditions?.find(({ type }) => type === GATE)
  return found === undefined ? undefined : [found.status, found.reason]
}

async function serversOf(ccm: CcmBench, name: string) {
  const { LoadBalancerId } = await ccm.instanceOf(name)
  const groups = await ccm.groupsOf(LoadBalancerId)
  return groups.flatMap(({ servers }) =>
    servers.map((one) => [one.Type, one.ServerId, one.ServerIp, one.Port, one.Weight]),
  )
}

test('pods are attached by their interfaces, whatever the traffic policy; gates open when they are', async () => {
  await using ccm = await openCcmBench({ config: { serviceBackendType: 'eni' } })
  await ccm.addNode('node-1')
  const { id, addresses } = await addInterface(ccm)
  const [a = '', b = '', c = ''] = addresses
  await ccm.addService({ name: 'web', spec: { externalTrafficPolicy: 'Local' } })
  const [first, second] = [await addPod(ccm, 'web-1', true), await addPod(ccm, 'web-2', false)]
  await ccm.setEndpoints('web', [ofPod(a, first, false), ofPod(b, second, false)])
  await ccm.sync('web')
  assert.deepEqual(await serversOf(ccm, 'web'), [['eni', id, a, 8080, 100]])
  const [group] = await ccm.groupsOf((await ccm.instanceOf('web')).LoadBalancerId)
  assert.equal(group!.name, 'k8s/8080/web/default/c1')
  assert.deepEqual(await gateOf(ccm, 'web-1'), ['True', 'ServerRegistered'])
  assert.equal(await gateOf(ccm, 'web-2'), undefined)
  const attached = async () =>
    (await ccm.service('web')).status?.conditions?.find(({ type }) => type.endsWith('/BackendsAttached'))
  assert.match((await attached())?.message ?? '', /pod web-2 \(.*\): it is not ready/)

  ccm.api.takeCalls()
  await ccm.setEndpoints('web', [ofPod(a, first, true), ofPod(c, second, true)])
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeCalls(), ['DescribeNetworkInterfaces', 'AddVServerGroupBackendServers'])
  assert.equal((await attached())?.status, 'True')
})

test('an endpoint that ends keeps its connections at weight 0 until it is gone', async () => {
  await using ccm = await openCcmBench({ config: { serviceBackendType: 'eni' } })
  await ccm.addNode('node-1')
  const { id, addresses } = await addInterface(ccm)
  const [a = '', b = ''] = addresses
  const ending = (ip: string) => endpoint(ip, 'node-1', { ready: false, serving: true, terminating: true })
  await ccm.addService({ name: 'web' })
  await ccm.setEndpoints('web', [endpoint(a, 'node-1')])
  await ccm.sync('web')
  await ccm.setEndpoints('web', [ending(a)])
  await ccm.sync('web')
  assert.deepEqual(await serversOf(ccm, 'web'), [['eni', id, a, 8080, 100]], 'the only one serves to the end')
  await ccm.setEndpoints('web', [ending(a), endpoint(b, 'node-1')])
  await ccm.sync('web')
  assert.deepEqual(await serversOf(ccm, 'web'), [
    ['eni', id, a, 8080, 0],
    ['eni', id, b, 8080, 100],
  ])
  await ccm.setEndpoints('web', [endpoint(b, 'node-1')])
  await ccm.sync('web')
  assert.deepEqual(await serversOf(ccm, 'web'), [['eni', id, b, 8080, 100]])
  await ccm.annotate('web', { 'graceful-shutdown': 'false' })
  await ccm.setEndpoints('web', [endpoint(a, 'node-1'), ending(b)])
  await ccm.sync('web')
  assert.deepEqual(await serversOf(ccm, 'web'), [['eni', id, a, 8080, 100]])
})

test('while an interface is unknown nothing is taken out; who is missing is told', async () => {
  await using ccm = await openCcmBench({ config: { serviceBackendType: 'eni' } })
  const { addresses } = await addInterface(ccm)
  const [a = '', b = ''] = addresses
  await ccm.addService({ name: 'web' })
  const pod = await addPod(ccm, 'web-1', true)
  await ccm.setEndpoints('web', [endpoint(a, 'node-1')])
  await ccm.sync('web')
  await ccm.setEndpoints('web', [endpoint(b, 'node-1'), ofPod('192.168.9.9', pod, true)])
  assert.equal(await ccm.syncFails('web'), 'has invalid backend in vservergroups')
  assert.deepEqual(
    (await serversOf(ccm, 'web')).map(([, , ip]) => ip),
    [a, b],
  )
  assert.deepEqual(await gateOf(ccm, 'web-1'), ['False', 'ServerInvalidServer'])
  const [message] = await ccm.events('web', 'SkipSyncBackends')
  assert.match(message!, /Not sync pods \[pod web-1 \(192\.168\.9\.9\): .*\] whose eni is invalid/)
  await ccm.setEndpoints('web', [endpoint(b, 'node-1'), endpoint('172.16.0.1', 'node-1')])
  await ccm.sync('web')
  assert.deepEqual(
    (await serversOf(ccm, 'web')).map(([, , ip]) => ip),
    [b],
  )
  const messages = await ccm.events('web', 'SkipSyncBackends')
  assert.match(messages[1]!, /172\.16\.0\.1.*whose ip is not in vpc cidrs/)
})

test('nodes that cannot be attached are named; cordoned, excluded and virtual ones are treated by their rules', async () => {
  await using ccm = await openCcmBench()
  const { id, addresses } = await addInterface(ccm)
  await ccm.addNode('node-1')
  await ccm.addNode('node-2', { ready: false })
  await ccm.addNode('edge', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } })
  await ccm.addNode('strange', { spec: { providerID: 'kind://a/b' } })
  await ccm.addNode('eci', {
    labels: { type: 'virtual-kubelet', 'service.alibabacloud.com/x': '' },
    spec: { providerID: 'eci' },
  })
  await ccm.addService({ name: 'web' })
  await ccm.setEndpoints('web', [endpoint(addresses[0]!, 'eci')])
  await ccm.sync('web')
  const nodePort = (await ccm.service('web')).spec.ports?.[0]?.nodePort
  assert.deepEqual(await serversOf(ccm, 'web'), [
    ['ecs', ccm.machine('node-1'), '', nodePort, 100],
    ['eni', id, addresses[0], 8080, 100],
  ])
  const [message] = await ccm.events('web', 'SkipSyncBackends')
  assert.match(message!, /node node-2: it is not Ready/)
  assert.match(message!, /node strange: its providerID 'kind:\/\/a\/b' is not of the form/)
  assert.doesNotMatch(message!, /edge/)
  await ccm.client.delete(services, { namespace: 'default', name: 'web' })
  await ccm.sync('web')
})
