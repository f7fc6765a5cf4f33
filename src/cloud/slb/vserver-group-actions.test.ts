import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf } from '../test-cloud.ts'
import { compileSlbPlan } from './compile-plan.ts'
import { openTestSlb, type TestSlb } from './test-slb.ts'

interface GroupView {
  readonly VServerGroupId: string
  readonly BackendServers: {
    readonly BackendServer: {
      ServerId: string
      ServerIp: string
      Port: number
      Weight: number
      Type: string
      Description: string
    }[]
  }
}

async function makeGroup(slb: TestSlb): Promise<{ LoadBalancerId: string; VServerGroupId: string }> {
  const LoadBalancerId = await slb.create()
  const { VServerGroupId } = await slb.ask<GroupView>('CreateVServerGroup', {
    LoadBalancerId,
    VServerGroupName: 'k8s/30080/web/default/c1',
  })
  return { LoadBalancerId, VServerGroupId }
}

function servers(...list: object[]): string {
  return JSON.stringify(list)
}

test('servers are added, weighed and removed by server and port', async () => {
  await using slb = await openTestSlb()
  const { VServerGroupId } = await makeGroup(slb)
  const [a, b] = [slb.machine('node-1'), slb.machine('node-2')]
  // As the original controller writes them: lower case, with members of its own.
  const added = servers(
    { serverId: a, port: 30_080, weight: 100, type: 'ecs', description: 'd', isUserManaged: false },
    { ServerId: b, Port: '30080' },
  )
  await slb.ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers: added })
  await slb.ask('SetVServerGroupAttribute', {
    VServerGroupId,
    BackendServers: servers({ ServerId: b, Port: 30_080, Weight: 0, Description: 'e' }),
  })
  const view = await slb.ask<GroupView>('DescribeVServerGroupAttribute', { VServerGroupId })
  assert.deepEqual(
    view.BackendServers.BackendServer.map(({ ServerId, Port, Weight, Description }) => [
      ServerId,
      Port,
      Weight,
      Description,
    ]),
    [
      [a, 30_080, 100, 'd'],
      [b, 30_080, 0, 'e'],
    ],
  )
  await slb.ask('RemoveVServerGroupBackendServers', {
    VServerGroupId,
    BackendServers: servers({ ServerId: a, Port: 30_080 }, { ServerId: a, Port: 1 }),
  })
  const after = await slb.ask<GroupView>('DescribeVServerGroupAttribute', { VServerGroupId })
  assert.deepEqual(
    after.BackendServers.BackendServer.map(({ ServerId }) => ServerId),
    [b],
  )
})

test('an interface is attached by its address', async () => {
  await using slb = await openTestSlb()
  const { VServerGroupId } = await makeGroup(slb)
  const ecs = slb.cloud.client('2014-05-26')
  const card = await ecs.request<{ NetworkInterfaceId: string }>('CreateNetworkInterface', {
    VSwitchId: slb.cloud.vSwitch('zone-a'),
    SecurityGroupId: slb.cloud.ids.securityGroupId,
    SecondaryPrivateIpAddressCount: 2,
  })
  const ServerId = card.NetworkInterfaceId
  const pods = ['192.168.0.2', '192.168.0.3'].map((ServerIp) => ({ ServerId, ServerIp, Port: 8080, Type: 'eni' }))
  await slb.ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers: servers(...pods) })
  const view = await slb.ask<GroupView>('DescribeVServerGroupAttribute', { VServerGroupId })
  assert.deepEqual(
    view.BackendServers.BackendServer.map(({ ServerIp }) => ServerIp),
    ['192.168.0.2', '192.168.0.3'],
  )
  const foreign = servers({ ServerId, ServerIp: '192.168.0.99', Port: 8080, Type: 'eni' })
  assert.equal(
    await refusalOf(slb.ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers: foreign })),
    'InvalidParameter',
  )
})

test('a group in use stays', async () => {
  await using slb = await openTestSlb()
  const { LoadBalancerId, VServerGroupId } = await makeGroup(slb)
  const place = { LoadBalancerId, ListenerPort: 80 }
  await slb.ask('CreateLoadBalancerTCPListener', { ...place, VServerGroupId })
  assert.equal(await refusalOf(slb.ask('DeleteVServerGroup', { VServerGroupId })), 'RspoolVipExist')
  await slb.ask('DeleteLoadBalancerListener', place)
  await slb.ask('DeleteVServerGroup', { VServerGroupId })
})

test('bad servers are refused together: nothing is half made', async () => {
  await using slb = await openTestSlb()
  const { VServerGroupId } = await makeGroup(slb)
  const good = { ServerId: slb.machine('node-1'), Port: 30_080 }
  const rows: [unknown, string][] = [
    ['{', 'InvalidParameter.BackendServers'],
    ['{}', 'InvalidParameter'],
    ['[1]', 'InvalidParameter'],
    [servers(good, {}), 'MissingParameter'],
    [servers(good, { ServerId: 'i-none', Port: 1 }), 'InvalidServerId.NotExist'],
    [servers(good, { ServerId: 'eni-none', Port: 1 }), 'ResourceNotFound.vServers'],
    [servers(good, { ...good, Port: 0 }), 'InvalidParameter'],
    [servers(good, { ...good, Port: 30_081, Weight: 101 }), 'InvalidParameter'],
    [servers(good, { ...good, Port: 30_081, Type: 'moon' }), 'BackendServer.InvalidType'],
    [servers(good, { ...good, Port: 30_081, Description: 'x'.repeat(81) }), 'InvalidParameter'],
    [servers(good, good), 'InvalidParameter'],
    [servers(...Array.from({ length: 41 }, (_, i) => ({ ...good, Port: i + 1 }))), 'InvalidParameter'],
  ]
  for (const [BackendServers, code] of rows) {
    assert.equal(
      await refusalOf(slb.ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers })),
      code,
      String(BackendServers).slice(0, 80),
    )
  }
  const view = await slb.ask<GroupView>('DescribeVServerGroupAttribute', { VServerGroupId })
  assert.deepEqual([...view.BackendServers.BackendServer], [])
})

test('an instance has 200 backends at most, and a server is attached 50 times at most', async () => {
  await using slb = await openTestSlb()
  const { VServerGroupId } = await makeGroup(slb)
  const add = (ServerId: string, from: number, count: number) => {
    const list = Array.from({ length: count }, (_, i) => ({ ServerId, Port: from + i }))
    return slb.ask('AddVServerGroupBackendServers', { VServerGroupId, BackendServers: servers(...list) })
  }
  await add(slb.machine('node-1'), 1, 40)
  await add(slb.machine('node-1'), 41, 10)
  assert.equal(await refusalOf(add(slb.machine('node-1'), 51, 1)), 'BackendServerNumberOverLimit')
  await slb.cloud.state.transact((transaction) =>
    transaction.put({ name: 'quota.limits' }, 'slb_quota_backendserver_attached_num', { name: 'x', limit: 500 }),
  )
  for (let n = 0; n < 3; n++) await add(slb.machine('node-2'), 1 + n * 40, 40)
  await add(slb.machine('node-2'), 121, 30)
  assert.equal(await refusalOf(add(slb.machine('node-2'), 151, 1)), 'InstanceBackendServerNumberOverLimit')
})

test('the plan holds running listeners of active instances with backends where they are', async () => {
  await using slb = await openTestSlb()
  const { LoadBalancerId, VServerGroupId } = await makeGroup(slb)
  await slb.ask('AddVServerGroupBackendServers', {
    VServerGroupId,
    BackendServers: servers({ ServerId: slb.machine('node-2'), Port: 30_080, Weight: 7 }),
  })
  const place = { LoadBalancerId, ListenerPort: 80 }
  await slb.ask('CreateLoadBalancerTCPListener', { ...place, VServerGroupId })
  assert.deepEqual(compileSlbPlan(slb.cloud.state), [])
  await slb.ask('StartLoadBalancerListener', place)
  const [listener] = compileSlbPlan(slb.cloud.state)
  assert.deepEqual([listener?.key, listener?.address], [`${LoadBalancerId}/tcp/80`, '203.0.113.100'])
  assert.deepEqual(listener?.backends, [
    { key: `${slb.machine('node-2')}:30080`, address: '192.168.1.11', port: 30_080, weight: 7 },
  ])
  await slb.ask('SetLoadBalancerStatus', { LoadBalancerId, LoadBalancerStatus: 'inactive' })
  assert.deepEqual(compileSlbPlan(slb.cloud.state), [])
})
