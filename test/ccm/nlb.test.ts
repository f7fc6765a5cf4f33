import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotFound } from '../../src/kube/api-error.ts'
import { services } from '../../src/kube/resource.ts'
import { endpoint } from './ccm-bench.ts'
import { type NlbBench, openNlbBench } from './nlb-bench.ts'

const AT = { namespace: 'default' }

test('a Service of the class gets a Network Load Balancer with its marks, is found again, and takes it along', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
  const { metadata } = await nlb.addService({ name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [
    'CreateLoadBalancer',
    'CreateServerGroup',
    'AddServersToServerGroup',
    'CreateListener',
  ])
  const [lb, ...others] = await nlb.instances()
  assert.equal(others.length, 0)
  const defaultName = `a${metadata.uid?.replaceAll('-', '')}`.slice(0, 32)
  assert.equal(lb!.LoadBalancerName, defaultName)
  const tags = [
    { Key: 'kubernetes.do.not.delete', Value: defaultName },
    { Key: 'ack.aliyun.com', Value: 'c1' },
  ]
  assert.deepEqual(lb!.Tags, tags)
  assert.equal(lb!.AddressType, 'Internet')
  assert.equal((lb!.DeletionProtectionConfig as { Enabled: boolean }).Enabled, true)
  const protection = lb!.ModificationProtectionConfig as { Status: string; Reason: string }
  assert.deepEqual([protection.Status, protection.Reason], ['ConsoleProtection', 'managed.by.ack'])
  const service = await ccm.service('web')
  const nodePort = service.spec.ports?.[0]?.nodePort
  assert.deepEqual(service.metadata.finalizers, ['service.k8s.alibaba/nlb'])
  assert.equal(service.metadata.labels?.['service.k8s.alibaba/loadbalancer-id'], lb!.LoadBalancerId)
  assert.deepEqual(
    service.status?.loadBalancer?.ingress?.map(({ ip, hostname }) => [ip, hostname]),
    [[undefined, lb!.DNSName]],
  )
  const [listener] = await nlb.listenersOf(lb!.LoadBalancerId)
  assert.equal(listener!.ListenerDescription, 'k8s.80.TCP.web.default.c1')
  const [group] = await nlb.groups()
  assert.equal(group!.ServerGroupName, `k8s.${nodePort}.TCP.web.default.c1`)
  assert.deepEqual(group!.Tags, tags)
  assert.equal(listener!.ServerGroupId, group!.ServerGroupId)
  assert.deepEqual(
    group!.servers.map((one) => [one.ServerId, one.Port, one.Weight, one.ServerType, one.Description]).sort(),
    ['node-1', 'node-2'].map((name) => [ccm.machine(name), nodePort, 100, 'Ecs', group!.ServerGroupName]).sort(),
  )
  assert.deepEqual(await ccm.events('web', 'EnsuredLoadBalancer'), [`Ensured load balancer [${lb!.LoadBalancerId}]`])

  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeCalls(), [], 'a reconcile without change calls nobody')
  ccm.restart()
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [], 'after a restart nothing is written')

  await ccm.client.delete(services, { ...AT, name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), ['UpdateLoadBalancerProtection', 'DeleteLoadBalancer', 'DeleteServerGroup'])
  assert.deepEqual([await nlb.instances(), await nlb.groups()], [[], []])
  await assert.rejects(ccm.service('web'), isNotFound)
  assert.deepEqual(await ccm.events('web', 'CleanLoadBalancer'), ['Clean load balancer'])
})

test('a change of type takes the load balancer away and leaves the Service', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  await nlb.addService({ name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(await ccm.events('web', 'UnAvailableLoadBalancer'), [
    'There are no available nodes for NetworkLoadBalancer',
  ])
  await ccm.patch('web', { spec: { type: 'ClusterIP', loadBalancerClass: null } })
  await ccm.sync('web')
  assert.deepEqual([await nlb.instances(), await nlb.groups()], [[], []])
  const service = await ccm.service('web')
  assert.deepEqual([service.metadata.finalizers, service.metadata.labels ?? {}], [undefined, {}])
  assert.deepEqual(service.status?.loadBalancer ?? {}, {})
  await ccm.patch('web', { spec: { type: 'LoadBalancer', loadBalancerClass: 'alibabacloud.com/nlb' } })
  await ccm.sync('web')
  assert.equal((await nlb.instances()).length, 1, 'the answer that stood for the first one is of no use')
})

test('Services of CLB, and of other classes, are left alone; the annotation of the type counts behind its gate', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  const zoneMaps = { 'zone-maps': nlb.zoneMaps() }
  await ccm.addService({ name: 'classic', annotations: zoneMaps })
  await ccm.addService({ name: 'other', annotations: zoneMaps, spec: { loadBalancerClass: 'example.com/lb' } })
  await ccm.addService({ name: 'typed', annotations: { ...zoneMaps, type: 'nlb' } })
  for (const name of ['classic', 'other', 'typed']) await ccm.sync(name)
  assert.deepEqual(ccm.api.takeCalls(), [])
  ccm.restart({ config: { featureGates: { LoadBalancerTypeAnnotation: true } } })
  await ccm.sync('typed')
  assert.equal((await nlb.instances()).length, 1)
})

test('TCP and UDP on one port are two listeners with a group each; TCP ports of one target share theirs', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  const ports = [
    { name: 'a', port: 53, targetPort: 53, protocol: 'UDP' },
    { name: 'b', port: 53, targetPort: 53 },
    { name: 'c', port: 54, targetPort: 53 },
  ] as const
  await nlb.addService({ name: 'dns', ports, annotations: { 'backend-type': 'eni', 'server-group-type': 'Ip' } })
  await ccm.sync('dns')
  const { LoadBalancerId } = await nlb.instanceOf('dns')
  const names = new Map((await nlb.groups()).map((one) => [one.ServerGroupId, one.ServerGroupName]))
  const seen = (await nlb.listenersOf(LoadBalancerId)).map((one) => [
    one.ListenerDescription,
    names.get(one.ServerGroupId),
  ])
  assert.deepEqual(seen.sort(), [
    ['k8s.53.TCP.dns.default.c1', 'k8s.53.TCP.dns.default.c1'],
    ['k8s.53.UDP.dns.default.c1', 'k8s.53.UDP.dns.default.c1'],
    ['k8s.54.TCP.dns.default.c1', 'k8s.53.TCP.dns.default.c1'],
  ])
  const checks = (await nlb.groups()).map(({ Protocol, HealthCheck }) => {
    return [Protocol, (HealthCheck as { HealthCheckType: string }).HealthCheckType]
  })
  assert.deepEqual(checks.sort(), [
    ['TCP', 'TCP'],
    ['UDP', 'UDP'],
  ])
  ccm.restart()
  ccm.api.takeCalls()
  await ccm.sync('dns')
  assert.deepEqual(ccm.api.takeWrites(), [])
})

test('an endpoint that ends keeps its connections at weight 0; an interface that is unknown takes nobody out', async () => {
  await using nlb = await openNlbBench({ driftPeriodMs: 0 })
  const { ccm } = nlb
  await ccm.addNode('node-1')
  await nlb.addService({ name: 'web', annotations: { 'backend-type': 'eni' } })
  const known = '192.168.0.11'
  await ccm.setEndpoints('web', [endpoint(known, 'node-1')])
  await ccm.sync('web')
  const seen = async () =>
    (await nlb.groups('web'))[0]!.servers.map((one) => [one.ServerType, one.ServerIp, one.Weight])
  assert.deepEqual(await seen(), [['Eni', known, 100]])
  const other = '192.168.1.11'
  const ends = { ready: false, terminating: true, serving: true }
  await ccm.setEndpoints('web', [endpoint(known, 'node-1', ends), endpoint(other, 'node-2')])
  await ccm.sync('web')
  assert.deepEqual((await seen()).sort(), [
    ['Eni', known, 0],
    ['Eni', other, 100],
  ])
  await ccm.setEndpoints('web', [endpoint(known, 'node-1')])
  await ccm.sync('web')
  assert.deepEqual(await seen(), [['Eni', known, 100]])
  await ccm.setEndpoints('web', [endpoint('192.168.0.222', 'node-1')])
  assert.match(await ccm.syncFails('web'), /has invalid server in server groups/)
  assert.deepEqual(await seen(), [['Eni', known, 100]])
  assert.match((await ccm.events('web', 'SkipSyncBackends'))[0]!, /192\.168\.0\.222.*whose eni is invalid/)
})

test('servers go in batches, and new ones come before old ones go', async () => {
  await using nlb = await openNlbBench({ batchSize: 2 })
  const { ccm } = nlb
  const pods = (from: number) => [0, 1, 2].map((n) => endpoint(`192.168.0.${from + n}`, 'node-1'))
  await nlb.addService({ name: 'web', annotations: { 'backend-type': 'eni', 'server-group-type': 'Ip' } })
  await ccm.setEndpoints('web', pods(100))
  await ccm.sync('web')
  ccm.api.takeCalls()
  await ccm.setEndpoints('web', pods(120))
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [
    'AddServersToServerGroup',
    'AddServersToServerGroup',
    'RemoveServersFromServerGroup',
    'RemoveServersFromServerGroup',
  ])
  const addresses = (await nlb.groups('web'))[0]!.servers.map(({ ServerIp }) => ServerIp)
  assert.deepEqual(addresses.sort(), ['192.168.0.120', '192.168.0.121', '192.168.0.122'])
})

test('an instance of somebody else is used: listeners only with force-override-listeners, and it stays', async () => {
  await using nlb = await openNlbBench({ driftPeriodMs: 0 })
  const { ccm } = nlb
  await ccm.addNode('node-1')
  const id = await shared(nlb)
  const foreign = await ccm.askNlb<{ ServerGroupId: string }>('CreateServerGroup', {
    ServerGroupName: 'people',
    VpcId: ccm.cloud.ids.vpcId,
  })
  const theirs = { LoadBalancerId: id, ListenerProtocol: 'TCP', ServerGroupId: foreign.ServerGroupId }
  await ccm.askNlb('CreateListener', { ...theirs, ListenerPort: 9000 })
  await nlb.addService({ name: 'web', annotations: { 'zone-maps': '', id } })
  await ccm.sync('web')
  const ports = async () => (await nlb.listenersOf(id)).map(({ ListenerPort }) => ListenerPort).sort()
  assert.deepEqual(await ports(), [9000])
  assert.deepEqual((await nlb.groups('web'))[0]!.servers.length, 1)
  const marks = (await nlb.instanceOf('web')).Tags
  assert.deepEqual(marks, [{ Key: 'kubernetes.reused.by.user', Value: 'true' }])
  await ccm.annotate('web', { 'force-override-listeners': 'true' })
  await ccm.sync('web')
  assert.deepEqual(await ports(), [80, 9000])
  await nlb.addService({ name: 'late', annotations: { 'zone-maps': '', id, 'force-override-listeners': 'true' } })
  assert.match(await ccm.syncFails('late'), /port 80 of load balancer nlb-\w+ is held by the Service default\/web/)
  for (const name of ['late', 'web']) {
    await ccm.client.delete(services, { ...AT, name })
    await ccm.sync(name)
  }
  assert.deepEqual(await ports(), [9000])
  assert.deepEqual(
    (await nlb.groups()).map(({ ServerGroupName }) => ServerGroupName),
    ['people'],
  )
})

test('instances of Kubernetes, that do not exist, or that are not the one shown, are refused', async () => {
  await using nlb = await openNlbBench({ driftPeriodMs: 0 })
  const { ccm } = nlb
  await nlb.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await nlb.instanceOf('web')
  await nlb.addService({ name: 'thief', annotations: { id: LoadBalancerId } })
  assert.match(await ccm.syncFails('thief'), /can not reuse loadbalancer created by kubernetes/)
  await nlb.addService({ name: 'lost', annotations: { id: 'nlb-nobody' } })
  assert.match(await ccm.syncFails('lost'), /can not find loadbalancer nlb-nobody/)
  await ccm.annotate('web', { id: await shared(nlb) })
  assert.match(await ccm.syncFails('web'), /has been associated with dnsname \[.*\], cannot be bound to dnsname \[/)
})

test('a group that people made is filled by vgroup-port, shares out the weight, and keeps their servers', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
  const id = await shared(nlb)
  const { ServerGroupId } = await ccm.askNlb<{ ServerGroupId: string }>('CreateServerGroup', {
    ServerGroupName: 'people',
    VpcId: ccm.cloud.ids.vpcId,
  })
  const theirs = { ServerType: 'Ecs', ServerId: ccm.machine('node-1'), Port: 9999, Description: 'by hand' }
  await ccm.askNlb('AddServersToServerGroup', { ServerGroupId, Servers: [theirs] })
  const annotations = { 'zone-maps': '', id, 'vgroup-port': `${ServerGroupId}:80`, weight: '60' }
  await nlb.addService({ name: 'web', annotations: { ...annotations, 'force-override-listeners': 'true' } })
  await ccm.sync('web')
  const weights = async () => (await nlb.groups())[0]!.servers.map(({ Weight }) => Weight).sort((a, b) => a - b)
  assert.deepEqual(await weights(), [30, 30, 100])
  assert.equal((await nlb.listenersOf(id))[0]!.ServerGroupId, ServerGroupId)
  await ccm.client.delete(services, { ...AT, name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(await weights(), [100])
})

test('source ranges become a security group of the instance, which goes with them', async () => {
  await using nlb = await openNlbBench()
  const { ccm } = nlb
  const ecs = '2014-05-26'
  type Rules = { Permissions: { Permission: { Policy: string; Priority: string; SourceCidrIp: string }[] } }
  const rulesOf = async (SecurityGroupId: string) => {
    const { Permissions } = await ccm.ask<Rules>('DescribeSecurityGroupAttribute', { SecurityGroupId }, ecs)
    return Permissions.Permission.map((one) => [one.Policy, one.Priority, one.SourceCidrIp])
  }
  await nlb.addService({ name: 'web', spec: { loadBalancerSourceRanges: ['10.0.0.0/8'] } })
  await ccm.sync('web')
  const [group] = (await nlb.instanceOf('web')).SecurityGroupIds
  const drop = ['Drop', '100', '0.0.0.0/0']
  assert.deepEqual(await rulesOf(group!), [['Accept', '1', '10.0.0.0/8'], drop])
  assert.equal((await ccm.service('web')).metadata.labels?.['service.k8s.alibaba/security-group-id'], group)
  ccm.restart()
  ccm.api.takeCalls()
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [])
  await ccm.patch('web', { spec: { loadBalancerSourceRanges: ['198.51.100.0/24'] } })
  await ccm.sync('web')
  assert.deepEqual(await rulesOf(group!), [drop, ['Accept', '1', '198.51.100.0/24']])
  await ccm.patch('web', { spec: { loadBalancerSourceRanges: null } })
  await ccm.sync('web')
  assert.deepEqual((await nlb.instanceOf('web')).SecurityGroupIds, [])
  assert.equal((await ccm.service('web')).metadata.labels?.['service.k8s.alibaba/security-group-id'], undefined)
  await assert.rejects(rulesOf(group!))
  await nlb.addService({
    name: 'reuses',
    annotations: { 'zone-maps': '', id: await shared(nlb) },
    spec: { loadBalancerSourceRanges: ['10.0.0.0/8'] },
  })
  await ccm.sync('reuses')
  assert.deepEqual(await ccm.events('reuses', 'FeatureNotSupported'), [
    'LoadBalancerSourceRanges is not supported for user-managed LB.',
  ])
})

test('the next call waits for the job of the one before; a change by the console in between is waited for too', async () => {
  const looks = new Map<string, number>()
  const isOpen = (job: string) => {
    looks.set(job, (looks.get(job) ?? 0) + 1)
    return looks.get(job)! < 3
  }
  await using nlb = await openNlbBench({ isOpen })
  const { ccm } = nlb
  await ccm.addNode('node-1')
  await nlb.addService({ name: 'web' })
  await ccm.sync('web')
  const calls = ccm.api.takeCalls()
  for (const action of ['CreateServerGroup', 'AddServersToServerGroup', 'CreateListener']) {
    const at = calls.indexOf(action)
    assert.deepEqual(calls.slice(at + 1, at + 4), ['GetJobStatus', 'GetJobStatus', 'GetJobStatus'], action)
  }
})

test('what somebody changes at the console is put right, and an instance that is gone is told', async () => {
  await using nlb = await openNlbBench({ driftPeriodMs: 0 })
  const { ccm } = nlb
  await ccm.addNode('node-1')
  await nlb.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await nlb.instanceOf('web')
  const [listener] = await nlb.listenersOf(LoadBalancerId)
  const [group] = await nlb.groups()
  const { ListenerId } = listener!
  await ccm.askNlb('UpdateListenerAttribute', { ListenerId, IdleTimeout: 33 })
  await ccm.askNlb('StopListener', { ListenerId })
  await ccm.askNlb('UpdateServerGroupAttribute', { ServerGroupId: group!.ServerGroupId, Scheduler: 'rr' })
  await ccm.askNlb('UpdateLoadBalancerProtection', { LoadBalancerId, DeletionProtectionEnabled: false })
  await ccm.sync('web')
  const [after] = await nlb.listenersOf(LoadBalancerId)
  assert.deepEqual(
    [after!.ListenerStatus, after!.IdleTimeout, (await nlb.groups())[0]!.Scheduler],
    ['Running', 900, 'Wrr'],
  )
  await ccm.askNlb('UpdateLoadBalancerProtection', { LoadBalancerId, DeletionProtectionEnabled: false })
  await ccm.askNlb('DeleteLoadBalancer', { LoadBalancerId })
  assert.match(await ccm.syncFails('web'), /can not find loadbalancer, but it's defined in service \[nlb-/)
  await ccm.clearStatus('web')
  await ccm.sync('web')
  assert.notEqual((await nlb.instanceOf('web')).LoadBalancerId, LoadBalancerId)
  assert.equal((await nlb.groups()).length, 1, 'the groups of before serve the new one')
})

test("ACK's own way: foreign listeners of an own instance go, groups of a kept one stay without marks", async () => {
  await using nlb = await openNlbBench({ compat: true })
  const { ccm } = nlb
  await nlb.addService({ name: 'web', annotations: { 'preserve-lb-on-delete': 'true' } })
  await ccm.sync('web')
  const { LoadBalancerId } = await nlb.instanceOf('web')
  const { ServerGroupId } = (await nlb.groups())[0]!
  const extra = { LoadBalancerId, ListenerProtocol: 'TCP', ListenerPort: 7777, ServerGroupId }
  await ccm.askNlb('CreateListener', extra)
  await ccm.annotate('web', { cps: '10' })
  await ccm.sync('web')
  assert.deepEqual(
    (await nlb.listenersOf(LoadBalancerId)).map(({ ListenerPort }) => ListenerPort),
    [80],
  )
  await ccm.client.delete(services, { ...AT, name: 'web' })
  await ccm.sync('web')
  const [group] = await nlb.groups()
  assert.deepEqual([group!.ServerGroupId, group!.Tags], [ServerGroupId, []])
})

/** An instance that people made; its id. */
async function shared({ ccm }: NlbBench): Promise<string> {
  const ZoneMappings = ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: ccm.cloud.vSwitch(ZoneId) }))
  const asked = { AddressType: 'Intranet', VpcId: ccm.cloud.ids.vpcId, ZoneMappings }
  return (await ccm.askNlb<{ LoadBalancerId: string }>('CreateLoadBalancer', asked)).LoadBalancerId
}
