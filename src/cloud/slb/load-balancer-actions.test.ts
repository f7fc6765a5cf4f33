import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf } from '../test-cloud.ts'
import { PRIVATE_ADDRESSES } from '../vpc/model.ts'
import { PUBLIC_ADDRESSES } from '../vpc/public-address-pool.ts'
import { openTestSlb, type TestSlb } from './test-slb.ts'

interface Described {
  readonly LoadBalancerId: string
  readonly Address: string
  readonly InternetChargeType: string
  readonly InternetChargeTypeAlias?: string
  readonly Tags: { readonly Tag: { readonly TagKey: string; readonly TagValue: string }[] }
  readonly [name: string]: unknown
}

async function list(slb: TestSlb, filter: object): Promise<Described[]> {
  const { LoadBalancers } = await slb.ask<{ LoadBalancers: { LoadBalancer: Described[] } }>(
    'DescribeLoadBalancers',
    filter,
  )
  return LoadBalancers.LoadBalancer
}

test('a public instance gets a public address, and gives it back with everything else', async () => {
  await using slb = await openTestSlb()
  const id = await slb.create({ LoadBalancerName: 'web', Tag: [{ Key: 'team', Value: 'a' }] })
  const found = await slb.ask<Described>('DescribeLoadBalancerAttribute', { LoadBalancerId: id })
  assert.equal(found.Address, '203.0.113.100')
  assert.equal(found.InternetChargeType, 'paybytraffic')
  assert.equal(found.DeleteProtection, 'off')
  const { VServerGroupId } = await slb.ask<{ VServerGroupId: string }>('CreateVServerGroup', { LoadBalancerId: id })
  await slb.ask('CreateLoadBalancerTCPListener', { LoadBalancerId: id, ListenerPort: 80, VServerGroupId })
  await slb.ask('DeleteLoadBalancer', { LoadBalancerId: id })
  assert.equal(await refusalOf(slb.ask('DeleteLoadBalancer', { LoadBalancerId: id })), 'InvalidLoadBalancerId.NotFound')
  assert.equal(
    await refusalOf(slb.ask('DescribeVServerGroupAttribute', { VServerGroupId })),
    'ResourceNotFound.VServerGroup',
  )
  assert.deepEqual(
    slb.cloud.state
      .list(PUBLIC_ADDRESSES)
      .map(({ address }) => address)
      .sort(),
    ['203.0.113.11', '203.0.113.12'],
  )
})

test('an intranet instance gets an address of its vSwitch, or the one asked for', async () => {
  await using slb = await openTestSlb()
  const VSwitchId = slb.cloud.vSwitch('zone-a')
  const first = await slb.create({ VSwitchId })
  const second = await slb.create({ VSwitchId, Address: '192.168.0.200' })
  const addresses = await list(slb, { AddressType: 'intranet' })
  assert.deepEqual(
    new Map(addresses.map((one) => [one.LoadBalancerId, one.Address])),
    new Map([
      [first, '192.168.0.1'],
      [second, '192.168.0.200'],
    ]),
  )
  assert.equal(await refusalOf(slb.create({ VSwitchId, Address: '192.168.0.200' })), 'InvalidIp.IpAssigned')
  await slb.ask('DeleteLoadBalancer', { LoadBalancerId: second })
  assert.equal(
    slb.cloud.state.list(PRIVATE_ADDRESSES).some(({ address }) => address === '192.168.0.200'),
    false,
  )
})

test('what cannot be is refused with its code and makes nothing', async () => {
  await using slb = await openTestSlb()
  const VSwitchId = slb.cloud.vSwitch('zone-a')
  const rows: [object, string][] = [
    [{ LoadBalancerSpec: '' }, 'ShareSlbHaltSales'],
    [{ LoadBalancerSpec: 'slb.s9.huge' }, 'InvalidParameter.LoadBalancerSpec'],
    [{ InstanceChargeType: 'PayByLuck' }, 'IllegalParam.InstanceChargeType'],
    [{ InternetChargeType: 'paybybandwidth' }, 'InvalidParameter.Bandwidth'],
    [{ InternetChargeType: 'paybybandwidth', Bandwidth: 5_121 }, 'InvalidParameter.Bandwidth'],
    [{ AddressType: 'intranet' }, 'MissingParam.VSwitchId'],
    [{ AddressType: 'Internet' }, 'InvalidParameter.AddressType'],
    [{ AddressType: 'intranet', VSwitchId, AddressIPVersion: 'ipv6' }, 'InvalidParameter.Mismatch'],
    [{ VSwitchId, Address: '10.0.0.1' }, 'InvalidIPAddress.NotInVSwitch'],
    [{ Address: '203.0.113.7' }, 'InvalidParameter'],
    [{ VSwitchId: 'vsw-none' }, 'InvalidVSwitchId.NotFound'],
    [{ VpcId: 'vpc-none' }, 'InvalidVpcId.NotExist'],
    [{ MasterZoneId: 'zone-x' }, 'InvalidParameter.MasterZoneId'],
    [{ LoadBalancerName: '1web' }, 'InvalidParameter.LoadBalancerName'],
    [{ LoadBalancerName: `a${'b'.repeat(80)}` }, 'InvalidParameter.LoadBalancerName'],
    [{ DeleteProtection: 'yes' }, 'InvalidParameter.DeleteProtection'],
    [{ ModificationProtectionStatus: 'Protected' }, 'InvalidParam.ModificationProtectionStatus'],
    [{ Tag: [{ Key: 'acs:x', Value: '1' }] }, 'InvalidParam.TagKey'],
    [{ Tag: [{ Key: 'x', Value: 'http://a' }] }, 'InvalidParam.TagValue'],
    [{ Tag: Array.from({ length: 21 }, (_, i) => ({ Key: `k${i}`, Value: 'v' })) }, 'SizeLimitExceeded.Tag'],
  ]
  for (const [parameters, code] of rows)
    assert.equal(await refusalOf(slb.create(parameters)), code, JSON.stringify(parameters))
  assert.deepEqual(await list(slb, {}), [])
})

test('by capacity units an instance has no spec and pays by traffic', async () => {
  await using slb = await openTestSlb()
  const LoadBalancerId = await slb.create({ LoadBalancerSpec: '', InstanceChargeType: 'PayByCLCU' })
  const refused = await refusalOf(
    slb.ask('ModifyLoadBalancerInstanceSpec', { LoadBalancerId, LoadBalancerSpec: 'slb.s2.small' }),
  )
  assert.equal(refused, 'OperationDenied.InstanceChargeType')
  const back = slb.ask('ModifyLoadBalancerInstanceChargeType', {
    LoadBalancerId,
    InstanceChargeType: 'PayBySpec',
    LoadBalancerSpec: 'slb.s1.small',
  })
  assert.equal(await refusalOf(back), 'IllegalParam.InstanceChargeType')
  assert.equal(
    await refusalOf(
      slb.create({ InstanceChargeType: 'PayByCLCU', InternetChargeType: 'paybybandwidth', Bandwidth: 5 }),
    ),
    'InvalidParameter',
  )
})

test('a protected instance stays', async () => {
  await using slb = await openTestSlb()
  const LoadBalancerId = await slb.create({ DeleteProtection: 'on' })
  assert.equal(
    await refusalOf(slb.ask('DeleteLoadBalancer', { LoadBalancerId })),
    'OperationDenied.DeleteProtectionIsOn',
  )
  await slb.ask('SetLoadBalancerDeleteProtection', { LoadBalancerId, DeleteProtection: 'off' })
  await slb.ask('DeleteLoadBalancer', { LoadBalancerId })
})

test('instances are found by tag in both ways of asking, and by name', async () => {
  await using slb = await openTestSlb()
  const id = await slb.create({ LoadBalancerName: 'web', Tag: [{ Key: 'team', Value: 'a' }] })
  await slb.create({ LoadBalancerName: 'other', Tag: [{ Key: 'team', Value: 'b' }] })
  const ids = async (filter: object) => (await list(slb, filter)).map((found) => found.LoadBalancerId)
  assert.deepEqual(await ids({ Tags: JSON.stringify([{ TagKey: 'team', TagValue: 'a' }]) }), [id])
  assert.deepEqual(await ids({ Tag: [{ Key: 'team', Value: 'a' }] }), [id])
  assert.deepEqual(await ids({ LoadBalancerName: 'web,none' }), [id])
  assert.equal((await ids({ Tag: [{ Key: 'team' }] })).length, 2)
  const [first] = await list(slb, { LoadBalancerId: id })
  assert.equal(first?.InternetChargeTypeAlias, 'paybytraffic')
  await slb.ask('TagResources', { ResourceType: 'instance', ResourceId: [id], Tag: [{ Key: 'more', Value: '' }] })
  await slb.ask('UntagResources', { ResourceType: 'instance', ResourceId: [id], TagKey: ['team'] })
  const { TagResources } = await slb.ask<{ TagResources: { TagResource: object[] } }>('ListTagResources', {
    ResourceType: 'instance',
    ResourceId: [id],
  })
  assert.deepEqual(JSON.parse(JSON.stringify(TagResources.TagResource)), [
    { ResourceId: id, ResourceType: 'instance', TagKey: 'more', TagValue: '' },
  ])
})

test('the account has 60 instances at most', async () => {
  await using slb = await openTestSlb()
  for (let n = 0; n < 60; n++) await slb.create()
  assert.equal(await refusalOf(slb.create()), 'OperationForbidden.QuotaLimit')
})
