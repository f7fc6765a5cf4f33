import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotFound } from '../../src/kube/api-error.ts'
import { services } from '../../src/kube/resource.ts'
import { endpoint, openCcmBench } from './ccm-bench.ts'

test('a Service gets an instance of its own with its marks, is found again, and goes with it', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
  const { metadata } = await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const calls = ccm.api.takeCalls()
  assert.deepEqual(calls, [
    'DescribeLoadBalancers',
    'DescribeLoadBalancers',
    'CreateLoadBalancer',
    'CreateVServerGroup',
    'AddVServerGroupBackendServers',
    'CreateLoadBalancerTCPListener',
    'StartLoadBalancerListener',
  ])
  const [lb, ...others] = await ccm.instances()
  assert.equal(others.length, 0)
  const defaultName = `a${metadata.uid?.replaceAll('-', '')}`.slice(0, 32)
  assert.equal(lb!.LoadBalancerName, defaultName)
  assert.deepEqual(lb!.Tags.Tag, [
    { TagKey: 'kubernetes.do.not.delete', TagValue: defaultName },
    { TagKey: 'ack.aliyun.com', TagValue: 'c1' },
  ])
  assert.equal(lb!.DeleteProtection, 'on')
  assert.equal(lb!.ModificationProtectionReason, 'managed.by.ack')
  assert.equal(lb!.InstanceChargeType, 'PayByCLCU')
  const service = await ccm.service('web')
  const nodePort = service.spec.ports?.[0]?.nodePort
  assert.deepEqual(service.metadata.finalizers, ['service.k8s.alibaba/resources'])
  assert.equal(service.metadata.labels?.['service.beta.kubernetes.io/hash']?.length, 56)
  assert.equal(service.metadata.labels?.['service.k8s.alibaba/loadbalancer-id'], lb!.LoadBalancerId)
  assert.deepEqual(
    service.status?.loadBalancer?.ingress?.map(({ ip }) => ip),
    [lb!.Address],
  )
  const [listener] = await ccm.listenersOf(lb!.LoadBalancerId)
  assert.equal(listener!.Description, 'k8s/80/web/default/c1')
  assert.equal(listener!.Status, 'running')
  assert.equal(listener!.Scheduler, 'rr')
  const [group] = await ccm.groupsOf(lb!.LoadBalancerId)
  assert.equal(group!.name, `k8s/${nodePort}/web/default/c1`)
  assert.deepEqual(
    group!.servers.map(({ ServerId, Port, Weight, Type, Description }) => [ServerId, Port, Weight, Type, Description]),
    ['node-1', 'node-2'].map((name) => [ccm.machine(name), nodePort, 100, 'ecs', group!.name]),
  )
  assert.deepEqual(await ccm.events('web', 'EnsuredLoadBalancer'), [`Ensured load balancer [${lb!.LoadBalancerId}]`])

  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeCalls(), [], 'a reconcile without change calls nobody')
  ccm.restart()
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [], 'after a restart nothing is written')

  await ccm.client.delete(services, { namespace: 'default', name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(await ccm.instances(), [])
  await assert.rejects(ccm.service('web'), isNotFound)
  assert.deepEqual(await ccm.events('web', 'CleanLoadBalancer'), ['Clean load balancer'])
})

test('a change of type takes the load balancer away and leaves the Service', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(await ccm.events('web', 'UnAvailableLoadBalancer'), [
    'There are no available nodes for LoadBalancer',
  ])
  await ccm.patch('web', { spec: { type: 'ClusterIP' } })
  await ccm.sync('web')
  assert.deepEqual(await ccm.instances(), [])
  const service = await ccm.service('web')
  assert.equal(service.metadata.finalizers, undefined)
  assert.deepEqual(service.metadata.labels ?? {}, {})
  assert.deepEqual(service.status?.loadBalancer ?? {}, {})
})

test('Services of others are left alone', async () => {
  await using ccm = await openCcmBench()
  await ccm.addService({ name: 'nlb', spec: { loadBalancerClass: 'alibabacloud.com/nlb' } })
  await ccm.addService({ name: 'hidden', annotations: { 'service.beta.kubernetes.io/class': 'x' } })
  await ccm.addService({ name: 'tunnel', annotations: { 'tunnel-type': '' } })
  for (const name of ['nlb', 'hidden', 'tunnel']) await ccm.sync(name)
  assert.deepEqual(ccm.api.takeCalls(), [])
})

test('Local attaches the nodes that have pods, each with as much weight; Cluster all of them', async () => {
  await using ccm = await openCcmBench()
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
  await ccm.addService({ name: 'web', spec: { externalTrafficPolicy: 'Local' } })
  await ccm.setEndpoints('web', [endpoint('10.244.0.2', 'node-1'), endpoint('10.244.0.3', 'node-1')])
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  const weights = async () =>
    (await ccm.groupsOf(LoadBalancerId)).flatMap(({ servers }) =>
      servers.map(({ ServerId, Weight }) => [ServerId, Weight]),
    )
  assert.deepEqual(await weights(), [[ccm.machine('node-1'), 2]])
  ccm.api.takeCalls()
  await ccm.setEndpoints('web', [endpoint('10.244.0.2', 'node-1'), endpoint('10.244.1.3', 'node-2')])
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeCalls(), ['AddVServerGroupBackendServers', 'SetVServerGroupAttribute'])
  assert.deepEqual(await weights(), [
    [ccm.machine('node-1'), 1],
    [ccm.machine('node-2'), 1],
  ])
})

test('an instance that somebody deleted is not made again before the status is cleared', async () => {
  await using ccm = await openCcmBench({ driftPeriodMs: 0 })
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  await ccm.ask('SetLoadBalancerDeleteProtection', { LoadBalancerId, DeleteProtection: 'off' })
  await ccm.ask('DeleteLoadBalancer', { LoadBalancerId })
  assert.match(await ccm.syncFails('web'), /can not find loadbalancer, but it's defined in service \[203\./)
  const condition = (await ccm.service('web')).status?.conditions?.find(({ type }) =>
    type.endsWith('/LoadBalancerReady'),
  )
  assert.deepEqual([condition?.status, condition?.reason], ['False', 'LoadBalancerGone'])
  await ccm.clearStatus('web')
  await ccm.sync('web')
  const [again] = await ccm.instances()
  assert.notEqual(again!.LoadBalancerId, LoadBalancerId)
})

test('what somebody changes at the console is put right', async () => {
  await using ccm = await openCcmBench({ driftPeriodMs: 0 })
  await ccm.addNode('node-1')
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const { LoadBalancerId } = await ccm.instanceOf('web')
  await ccm.ask('SetLoadBalancerTCPListenerAttribute', { LoadBalancerId, ListenerPort: 80, EstablishedTimeout: 10 })
  await ccm.ask('StopLoadBalancerListener', { LoadBalancerId, ListenerPort: 80 })
  await ccm.sync('web')
  const [listener] = await ccm.listenersOf(LoadBalancerId)
  assert.equal(listener!.Status, 'running')
  assert.equal((listener!.TCPListenerConfig as { EstablishedTimeout: number }).EstablishedTimeout, 900)
})

test('a dry run reads, and writes nothing anywhere', async () => {
  await using ccm = await openCcmBench({ dryRun: true })
  const before = await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [])
  assert.deepEqual(await ccm.service('web'), before)
  ccm.restart({ dryRun: false })
  await ccm.sync('web')
  await ccm.annotate('web', { name: 'other' })
  ccm.restart({ dryRun: true })
  ccm.api.takeCalls()
  await ccm.client.delete(services, { namespace: 'default', name: 'web' })
  await ccm.sync('web')
  assert.deepEqual(ccm.api.takeWrites(), [])
  assert.equal((await ccm.instances()).length, 1)
})
