import assert from 'node:assert/strict'
import { test } from 'node:test'
import { services } from '../../src/kube/resource.ts'
import { type CcmBench, openCcmBench } from './ccm-bench.ts'

async function byHand(ccm: CcmBench, parameters: object = {}): Promise<string> {
  const answer = await ccm.ask<{ LoadBalancerId: string }>('CreateLoadBalancer', {
    LoadBalancerSpec: 'slb.s1.small',
    LoadBalancerName: 'by-hand',
    ...parameters,
  })
  return answer.LoadBalancerId
}

async function remove(ccm: CcmBench, name: string): Promise<void> {
  await ccm.client.delete(services, { namespace: 'default', name })
  await ccm.sync(name)
}

test('an instance of somebody else is used: listeners only with force-override-listeners, and it stays', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  const id = await byHand(ccm)
  const group = await ccm.ask<{ VServerGroupId: string }>('CreateVServerGroup', { LoadBalancerId: id })
  await ccm.ask('CreateLoadBalancerTCPListener', {
    LoadBalancerId: id,
    ListenerPort: 9000,
    VServerGroupId: group.VServerGroupId,
  })
  await ccm.addService({ name: 'web', annotations: { id } })
  await ccm.sync('web')
  assert.deepEqual(
    (await ccm.listenersOf(id)).map(({ ListenerPort }) => ListenerPort),
    [9000],
  )
  assert.equal((await ccm.groupsOf(id)).length, 2)
  const [lb] = await ccm.instances()
  assert.equal(lb!.LoadBalancerName, 'by-hand', 'nothing of it is changed that no annotation asks for')
  assert.deepEqual(lb!.Tags.Tag, [{ TagKey: 'kubernetes.reused.by.user', TagValue: 'true' }])
  assert.equal((await ccm.service('web')).status?.loadBalancer?.ingress?.[0]?.ip, lb!.Address)

  await ccm.annotate('web', { 'force-override-listeners': 'true', name: 'renamed' })
  await ccm.sync('web')
  assert.deepEqual(
    (await ccm.listenersOf(id)).map(({ Description }) => Description),
    ['k8s/80/web/default/c1', ''],
  )
  assert.equal((await ccm.instances())[0]!.LoadBalancerName, 'renamed')
  await remove(ccm, 'web')
  assert.deepEqual(
    (await ccm.listenersOf(id)).map(({ ListenerPort }) => ListenerPort),
    [9000],
  )
  assert.deepEqual(
    (await ccm.groupsOf(id)).map((one) => one.id),
    [group.VServerGroupId],
  )
})

test('instances of Kubernetes, or that do not exist, are refused', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'first' })
  await ccm.sync('first')
  const { LoadBalancerId } = await ccm.instanceOf('first')
  await ccm.addService({ name: 'second', annotations: { id: LoadBalancerId } })
  assert.match(await ccm.syncFails('second'), /can not reuse loadbalancer created by kubernetes\./)
  await ccm.annotate('second', { id: 'lb-nobody' })
  assert.match(await ccm.syncFails('second'), /can not find loadbalancer lb-nobody/)
  await ccm.annotate('first', { id: await byHand(ccm) })
  assert.match(await ccm.syncFails('first'), /service has been associated with ip \[.*\], cannot be bound to ip/)
  await remove(ccm, 'first')
  await remove(ccm, 'second')
  assert.deepEqual(
    (await ccm.instances()).map(({ LoadBalancerName }) => LoadBalancerName),
    ['by-hand'],
  )
})

test('a port that another Service holds is refused to the later one, with the holder', async () => {
  await using ccm = await openCcmBench()
  const id = await byHand(ccm)
  const annotations = { id, 'force-override-listeners': 'true' }
  await ccm.addService({ name: 'first', annotations })
  await ccm.addService({ name: 'second', annotations })
  await ccm.sync('first')
  const refusal = /port 80 of load balancer lb-\w+ is held by the Service default\/first/
  assert.match(await ccm.syncFails('second'), refusal)
  assert.match((await ccm.events('second', 'SyncLoadBalancerFailed'))[0]!, refusal)
  const { status } = await ccm.service('second')
  assert.equal(status?.conditions?.find(({ type }) => type.endsWith('LoadBalancerReady'))?.reason, 'PortConflict')
  assert.equal((await ccm.listenersOf(id))[0]!.Description, 'k8s/80/first/default/c1')
  await remove(ccm, 'first')
  await ccm.sync('second')
  assert.equal((await ccm.listenersOf(id))[0]!.Description, 'k8s/80/second/default/c1')
  assert.equal((await ccm.service('second')).status?.conditions?.[0]?.status, 'True')
})

test("ACK's own way lets the later Service have the port", async () => {
  await using ccm = await openCcmBench({ compat: true })
  const id = await byHand(ccm)
  const annotations = { id, 'force-override-listeners': 'true' }
  for (const name of ['first', 'second']) {
    await ccm.addService({ name, annotations })
    await ccm.sync(name)
  }
  assert.equal((await ccm.listenersOf(id))[0]!.Description, 'k8s/80/second/default/c1')
})

test('a group that people made is filled by vgroup-port, shares out the weight, and keeps their servers', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  const id = await byHand(ccm)
  const servers = JSON.stringify([{ ServerId: ccm.machine('node-2'), Port: 9999, Weight: 50, Description: 'mine' }])
  const { VServerGroupId } = await ccm.ask<{ VServerGroupId: string }>('CreateVServerGroup', {
    LoadBalancerId: id,
    VServerGroupName: 'people',
    BackendServers: servers,
  })
  await ccm.addService({ name: 'web', annotations: { id, 'vgroup-port': `${VServerGroupId}:80`, weight: '60' } })
  await ccm.sync('web')
  const [group, ...others] = await ccm.groupsOf(id)
  assert.equal(others.length, 0)
  const nodePort = (await ccm.service('web')).spec.ports?.[0]?.nodePort
  const seen = (await ccm.groupsOf(id))[0]!.servers.map(({ Port, Weight, Description }) => [Port, Weight, Description])
  assert.deepEqual(seen, [
    [9999, 50, 'mine'],
    [nodePort, 60, `k8s/${nodePort}/web/default/c1`],
  ])
  await ccm.sync('web')
  await remove(ccm, 'web')
  assert.deepEqual(
    (await ccm.groupsOf(id)).map((one) => [one.name, one.servers.length]),
    [['people', 1]],
  )
  assert.equal(group!.id, VServerGroupId)
})

test('attributes that cannot change are refused with their values, the others change', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  await ccm.annotate('web', { 'address-type': 'intranet', name: 'new-name' })
  assert.match(await ccm.syncFails('web'), /can not change LoadBalancer AddressType once created\. delete and retry/)
  assert.equal((await ccm.instanceOf('web')).LoadBalancerName, 'new-name')
})

test('rr does not become a hash on a listener that exists: said in words; a new listener has it', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  await ccm.annotate('web', { scheduler: 'sch' })
  assert.match(await ccm.syncFails('web'), /cannot change its scheduler from rr to sch while it exists/)
  await ccm.ask('DeleteLoadBalancerListener', { LoadBalancerId, ListenerPort: 80 })
  await ccm.sync('web')
  assert.equal((await ccm.listenersOf(LoadBalancerId))[0]!.Scheduler, 'sch')
})

test('a protocol changes on the same port; ports come and go with their groups', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  await ccm.annotate('web', { 'protocol-port': 'http:80' })
  await ccm.sync('web')
  const shape = async () =>
    (await ccm.listenersOf(LoadBalancerId)).map((one) => `${one.ListenerProtocol}:${one.ListenerPort}`)
  assert.deepEqual(await shape(), ['http:80'])
  await ccm.patch('web', {
    spec: {
      ports: [
        { name: 'a', port: 81, targetPort: 8080 },
        { name: 'b', port: 82, targetPort: 8081 },
      ],
    },
  })
  await ccm.sync('web')
  assert.deepEqual(await shape(), ['tcp:81', 'tcp:82'])
  assert.equal((await ccm.groupsOf(LoadBalancerId)).length, 2)
})

test('source ranges become an access control list, which goes with them', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'web', spec: { loadBalancerSourceRanges: ['198.51.100.0/24', '10.0.0.0/8'] } })
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  const listener = async () => (await ccm.listenersOf(LoadBalancerId))[0]!
  assert.deepEqual([(await listener()).AclStatus, (await listener()).AclType], ['on', 'white'])
  const entries = async () => {
    type Answer = { AclEntrys: { AclEntry: { AclEntryIP: string }[] } }
    const answer = await ccm.ask<Answer>('DescribeAccessControlListAttribute', { AclId: (await listener()).AclId })
    return answer.AclEntrys.AclEntry.map(({ AclEntryIP }) => AclEntryIP)
  }
  assert.deepEqual(await entries(), ['10.0.0.0/8', '198.51.100.0/24'])
  await ccm.patch('web', { spec: { loadBalancerSourceRanges: ['198.51.100.0/24', '203.0.113.0/24'] } })
  await ccm.sync('web')
  assert.deepEqual(await entries(), ['198.51.100.0/24', '203.0.113.0/24'])
  const lists = async () => (await ccm.ask<{ Acls: { Acl: unknown[] } }>('DescribeAccessControlLists')).Acls.Acl.length
  await ccm.patch('web', { spec: { loadBalancerSourceRanges: null } })
  await ccm.sync('web')
  assert.deepEqual([(await listener()).AclStatus, await lists()], ['off', 0])
  await ccm.patch('web', { spec: { loadBalancerSourceRanges: ['10.0.0.0/8'] } })
  await ccm.sync('web')
  assert.equal(await lists(), 1)
  await remove(ccm, 'web')
  assert.equal(await lists(), 0)
})

test('names that the cloud would not take are refused before any call', async () => {
  await using ccm = await openCcmBench()
  const name = 'a'.repeat(63)
  await ccm.addService({ name })
  await ccm.sync(name)
  assert.deepEqual(ccm.api.takeCalls(), [])
  assert.match((await ccm.events(name, 'SyncLoadBalancerFailed'))[0]!, /has 8\d characters, the cloud takes 80/)
})

test('a quota is warned of before it is used up, and named when it is', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  const id = await byHand(ccm)
  const annotations = { id, 'force-override-listeners': 'true' }
  const portsOf = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ name: `p${n}`, port: from + n, targetPort: 8080 }))
  await ccm.addService({ name: 'many', annotations, ports: portsOf(1000, 41) })
  await ccm.sync('many')
  assert.match(
    (await ccm.events('many', 'QuotaNearlyExhausted'))[0]!,
    /slb_quota_listeners_num of lb-\w+ is nearly exhausted: 41 of 50/,
  )
  await ccm.addService({ name: 'more', annotations, ports: portsOf(2000, 11) })
  assert.match(await ccm.syncFails('more'), /slb_quota_/)
  const { status } = await ccm.service('more')
  assert.equal(status?.conditions?.find(({ type }) => type.endsWith('LoadBalancerReady'))?.reason, 'QuotaExceeded')
})

test('public instances can be forbidden; a Service that goes is not held by that', async () => {
  await using ccm = await openCcmBench({ config: { disablePublicSlb: true } })
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(await ccm.events('web', 'SyncLoadBalancerFailed'), ['create public address slb is not allowed'])
  assert.deepEqual(ccm.api.takeCalls(), [])
})
