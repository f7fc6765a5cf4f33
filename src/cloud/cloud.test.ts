import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import PopCore from '@alicloud/pop-core'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { type Cloud, openCloud } from './cloud.ts'
import { FakeDataPlane } from './load-balancer/fake-data-plane.ts'
import type { LoadBalancerPlan } from './load-balancer/plan.ts'
import { instanceId, vSwitchId } from './region.ts'
import { type Acs3Client, acs3Client, refusalOf, TEST_REGION, TEST_USER } from './test-cloud.ts'

/** Carries nothing out until the test says. */
class HeldDataPlane extends FakeDataPlane {
  held: Promise<void> = Promise.resolve()

  onApply: () => void = () => {}

  override async apply(plan: LoadBalancerPlan): Promise<void> {
    this.onApply()
    await this.held
    await super.apply(plan)
  }
}

/** Ahead of the machine's clock, by what the test says. */
class AheadClock implements Clock {
  ahead = 0

  now(): number {
    return systemClock.now() + this.ahead
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }

  after(ms: number, callback: () => void): () => void {
    return systemClock.after(ms, callback)
  }
}

/** An NLB instance of the intranet and an empty group of addresses. */
async function createNlb(cloud: Cloud, ask: Acs3Client) {
  const { vpcId: VpcId } = cloud.ids
  const { LoadbalancerId: LoadBalancerId } = await ask('CreateLoadBalancer', {
    AddressType: 'Intranet',
    VpcId,
    ZoneMappings: ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: vSwitchId('test', ZoneId) })),
  })
  const { ServerGroupId } = await ask('CreateServerGroup', { ServerGroupName: 'web', ServerGroupType: 'Ip', VpcId })
  return { LoadBalancerId, ServerGroupId }
}

/** A cloud whose data plane the test holds back. */
async function openHeldCloud(t: TestContext, clock: Clock = systemClock) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-cloud-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const dataPlane = new HeldDataPlane()
  const cloud = await openCloud({
    directory,
    region: TEST_REGION,
    users: [TEST_USER],
    listen: { host: '127.0.0.1', port: 0 },
    dataPlane,
    fabric: { follow() {}, publicBytes: () => new Map(), [Symbol.dispose]() {} },
    clock,
    log: silentLog,
  })
  return { cloud, dataPlane }
}

test('what is asked of NLB is carried, and its job succeeds then and not before', async (t) => {
  const { cloud: opened, dataPlane } = await openHeldCloud(t)
  await using cloud = opened
  const ask = acs3Client(cloud.endpoint, '2022-04-30', TEST_USER)
  const { LoadBalancerId, ServerGroupId } = await createNlb(cloud, ask)
  const Servers = [{ ServerType: 'Ip', ServerId: '192.168.0.11', Port: 8080 }]
  await ask('AddServersToServerGroup', { ServerGroupId, Servers })
  await cloud.settled()

  let release = () => {}
  dataPlane.held = new Promise((resolve) => {
    release = resolve
  })
  const { JobId } = await ask('CreateListener', {
    LoadBalancerId,
    ServerGroupId,
    ListenerProtocol: 'TCP',
    ListenerPort: 80,
  })
  const status = async () => {
    const { Status } = await ask('GetJobStatus', { JobId })
    return Status
  }
  assert.equal(await status(), 'Processing')
  assert.equal(dataPlane.connect('192.168.0.12', '192.168.1.1', 80).kind, 'refused')
  release()
  await cloud.settled()
  assert.equal(await status(), 'Succeeded')
  const outcome = dataPlane.connect('192.168.0.12', '192.168.1.1', 80)
  assert.equal(outcome.kind === 'connected' ? outcome.backend.key : outcome.kind, '192.168.0.11:8080')
})

test('a listener and a group that are being configured for long take no other change, until they are', async (t) => {
  const clock = new AheadClock()
  const { cloud: opened, dataPlane } = await openHeldCloud(t, clock)
  await using cloud = opened
  const { accessKeyId, accessKeySecret } = TEST_USER
  const client = new PopCore({ endpoint: cloud.endpoint.url, apiVersion: '2014-05-15', accessKeyId, accessKeySecret })
  const ask = (action: string, parameters: object) =>
    client.request<Record<string, string>>(action, parameters, { method: 'POST' })
  const { LoadBalancerId } = await ask('CreateLoadBalancer', { LoadBalancerSpec: 'slb.s1.small' })
  const { VServerGroupId } = await ask('CreateVServerGroup', { LoadBalancerId })
  const ListenerPort = 80
  const listener = { LoadBalancerId, ListenerPort }
  await ask('CreateLoadBalancerTCPListener', { ...listener, VServerGroupId, Bandwidth: -1 })
  await cloud.settled()

  let release = () => {}
  dataPlane.held = new Promise((resolve) => {
    release = resolve
  })
  await ask('StartLoadBalancerListener', listener)
  const change = { ...listener, Bandwidth: -1, EstablishedTimeout: 100 }
  const BackendServers = JSON.stringify([{ ServerId: instanceId('test', 'node-1'), Port: 80 }])
  await ask('SetLoadBalancerTCPListenerAttribute', change)
  await ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers })
  const status = async () => (await ask('DescribeLoadBalancerTCPListenerAttribute', listener)).Status
  assert.equal(await status(), 'configuring')
  assert.equal(await refusalOf(ask('StartLoadBalancerListener', listener)), 'OperationFailed.ListenerStatusNotSupport')

  clock.ahead = 60_000
  for (const [action, parameters, code] of [
    ['SetLoadBalancerTCPListenerAttribute', change, 'ListenerProcessing'],
    ['StopLoadBalancerListener', listener, 'ListenerProcessing'],
    ['DeleteLoadBalancerListener', listener, 'ListenerProcessing'],
    ['CreateLoadBalancerUDPListener', { ...change, VServerGroupId }, 'ServiceIsConfiguring'],
    ['DeleteLoadBalancer', { LoadBalancerId }, 'ServiceIsConfiguring'],
    ['AddVServerGroupBackendServers', { VServerGroupId, BackendServers }, 'BackendServer.configuring'],
    ['RemoveVServerGroupBackendServers', { VServerGroupId, BackendServers }, 'BackendServer.configuring'],
  ] as const) {
    assert.equal(await refusalOf(ask(action, parameters)), code, action)
  }
  const other = await ask('CreateLoadBalancer', { LoadBalancerSpec: 'slb.s1.small' })
  await ask('CreateVServerGroup', { LoadBalancerId: other.LoadBalancerId })
  release()
  await cloud.settled()
  assert.equal(await status(), 'running')
  await ask('SetLoadBalancerTCPListenerAttribute', change)
  await ask('DeleteLoadBalancer', { LoadBalancerId })
})

test('what of NLB is being configured for long is locked, until it is done', async (t) => {
  const clock = new AheadClock()
  const { cloud: opened, dataPlane } = await openHeldCloud(t, clock)
  await using cloud = opened
  const ask = acs3Client(cloud.endpoint, '2022-04-30', TEST_USER)
  const { LoadBalancerId, ServerGroupId } = await createNlb(cloud, ask)
  await cloud.settled()
  let release = () => {}
  dataPlane.held = new Promise((resolve) => {
    release = resolve
  })
  const listen = { LoadBalancerId, ServerGroupId, ListenerProtocol: 'TCP' }
  const { ListenerId } = await ask('CreateListener', { ...listen, ListenerPort: 80 })
  const Servers = [{ ServerType: 'Ip', ServerId: '192.168.0.11', Port: 8080 }]
  await ask('AddServersToServerGroup', { ServerGroupId, Servers })
  clock.ahead = 60_000
  for (const [action, parameters, code] of [
    ['UpdateListenerAttribute', { ListenerId, IdleTimeout: 100 }, 'Conflict.Lock'],
    ['DeleteListener', { ListenerId }, 'Conflict.Lock'],
    ['RemoveServersFromServerGroup', { ServerGroupId, Servers }, 'Conflict.Lock'],
    ['CreateListener', { ...listen, ListenerPort: 81 }, 'IncorrectStatus.loadBalancer'],
    ['DeleteLoadBalancer', { LoadBalancerId }, 'IncorrectStatus.loadBalancer'],
  ] as const) {
    assert.equal(await refusalOf(ask(action, parameters)), code, action)
  }
  release()
  await cloud.settled()
  await ask('UpdateListenerAttribute', { ListenerId, IdleTimeout: 100 })
  await ask('DeleteLoadBalancer', { LoadBalancerId })
})

test('a data plane that fails locks nothing', async (t) => {
  const clock = new AheadClock()
  const { cloud: opened, dataPlane } = await openHeldCloud(t, clock)
  await using cloud = opened
  const ask = acs3Client(cloud.endpoint, '2022-04-30', TEST_USER)
  const { LoadBalancerId, ServerGroupId } = await createNlb(cloud, ask)
  await cloud.settled()
  const failed = new Promise<void>((resolve) => {
    dataPlane.onApply = () => resolve()
  })
  dataPlane.held = Promise.reject(new FairleadError('MISSING_TOOL', 'no such program'))
  dataPlane.held.catch(() => {})
  const listen = { LoadBalancerId, ServerGroupId, ListenerProtocol: 'TCP', ListenerPort: 80 }
  const { ListenerId } = await ask('CreateListener', listen)
  await failed
  clock.ahead = 60_000
  await ask('UpdateListenerAttribute', { ListenerId, IdleTimeout: 100 })
  dataPlane.held = Promise.resolve()
})
