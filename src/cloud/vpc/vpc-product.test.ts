import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instanceId } from '../region.ts'
import { openTestCloud, refusalOf, TEST_REGION } from '../test-cloud.ts'

const VPC = '2016-04-28'
const ECS = '2014-05-26'
const NODE_1 = instanceId(TEST_REGION.cluster, 'node-1')

interface Eip {
  readonly AllocationId: string
  readonly IpAddress: string
  readonly Status: string
  readonly InstanceId: string
  readonly PrivateIpAddress: string
}

test('the VPC and its vSwitches are told with the addresses that are left', async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const { VSwitches } = await vpc.request<{
    VSwitches: { VSwitch: { ZoneId: string; AvailableIpAddressCount: number }[] }
  }>('DescribeVSwitches', { VpcId: cloud.ids.vpcId })
  assert.deepEqual(
    VSwitches.VSwitch.map(({ ZoneId, AvailableIpAddressCount }) => [ZoneId, AvailableIpAddressCount]),
    [
      ['zone-a', 251],
      ['zone-b', 11],
    ],
  )
  const { Vpcs } = await vpc.request<{ Vpcs: { Vpc: { CidrBlock: string }[] } }>('DescribeVpcs', {
    VpcId: cloud.ids.vpcId,
  })
  assert.equal(Vpcs.Vpc[0]?.CidrBlock, '192.168.0.0/16')
})

test('an EIP is allocated, bound to an interface, found by it, and released', async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const { AllocationId, EipAddress } = await vpc.request<{ AllocationId: string; EipAddress: string }>(
    'AllocateEipAddress',
    {},
  )
  const card = await cloud
    .client(ECS)
    .request<{ NetworkInterfaceId: string; PrivateIpAddress: string }>('CreateNetworkInterface', {
      VSwitchId: cloud.vSwitch('zone-a'),
      SecurityGroupId: cloud.ids.securityGroupId,
    })
  const InstanceId = card.NetworkInterfaceId
  await vpc.request('AssociateEipAddress', { AllocationId, InstanceId, InstanceType: 'NetworkInterface' })
  const find = async () => {
    const { EipAddresses } = await vpc.request<{ EipAddresses: { EipAddress: Eip[] } }>('DescribeEipAddresses', {
      AllocationId,
    })
    return EipAddresses.EipAddress[0]
  }
  const bound = await find()
  assert.deepEqual(
    [bound?.IpAddress, bound?.Status, bound?.PrivateIpAddress],
    [EipAddress, 'InUse', card.PrivateIpAddress],
  )
  assert.equal(await refusalOf(vpc.request('ReleaseEipAddress', { AllocationId })), 'IncorrectEipStatus')
  assert.equal(
    await refusalOf(cloud.client(ECS).request('DeleteNetworkInterface', { NetworkInterfaceId: InstanceId })),
    'InvalidOperation.EipBound',
  )
  await vpc.request('UnassociateEipAddress', { AllocationId, InstanceId })
  assert.equal((await find())?.Status, 'Available')
  await vpc.request('ReleaseEipAddress', { AllocationId })
  assert.equal(await find(), undefined)
  assert.equal(await refusalOf(vpc.request('ReleaseEipAddress', { AllocationId })), 'InvalidAllocationId.NotFound')
})

test('a machine has one EIP at most', async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const { AllocationId } = await vpc.request<{ AllocationId: string }>('AllocateEipAddress', {})
  assert.equal(
    await refusalOf(vpc.request('AssociateEipAddress', { AllocationId, InstanceId: NODE_1 })),
    'InvalidInstance.HasEip',
  )
})

test("routes to nodes' pod ranges are kept once each, up to the quota", async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const RouteTableId = cloud.ids.routeTableId
  const create = (DestinationCidrBlock: string) =>
    vpc.request<{ RouteEntryId: string }>(
      'CreateRouteEntry',
      { RouteTableId, DestinationCidrBlock, NextHopId: NODE_1 },
      { method: 'POST' },
    )
  const { RouteEntryId } = await create('10.244.0.0/24')
  assert.equal(await refusalOf(create('10.244.0.0/24')), 'InvalidCIDRBlock.Duplicate')
  assert.equal(await refusalOf(create('10.244.0.1/24')), 'InvalidDestinationCidrBlock.Malformed')
  assert.equal(await refusalOf(create('192.168.0.0/24')), 'InvalidCidrBlock.ConflictsWithVSwitch')
  for (let n = 1; n < 200; n++) await create(`10.244.${n}.0/24`)
  assert.equal(await refusalOf(create('10.245.0.0/24')), 'QuotaExceeded.RouteEntry')
  await vpc.request('DeleteRouteEntry', { RouteEntryId })
  await create('10.245.0.0/24')
  const list = await vpc.request<{
    RouteEntrys: { RouteEntry: { DestinationCidrBlock: string }[] }
    NextToken?: string
  }>('DescribeRouteEntryList', { RouteTableId, MaxResult: 50 })
  assert.equal(list.RouteEntrys.RouteEntry.length, 50)
  assert.ok(list.NextToken)
})

test('security groups are made, filled and refused to go while somebody belongs to them', async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  const { SecurityGroupId } = await ecs.request<{ SecurityGroupId: string }>('CreateSecurityGroup', {
    VpcId: cloud.ids.vpcId,
    SecurityGroupName: 'web',
  })
  const rule = {
    SecurityGroupId,
    IpProtocol: 'tcp',
    PortRange: '80/80',
    SourceCidrIp: '198.51.100.0/24',
    Policy: 'drop',
    Priority: 5,
  }
  await ecs.request('AuthorizeSecurityGroup', rule)
  await ecs.request('AuthorizeSecurityGroup', rule)
  const rules = async () => {
    const { Permissions } = await ecs.request<{
      Permissions: { Permission: { Policy: string; PortRange: string; Priority: string }[] }
    }>('DescribeSecurityGroupAttribute', { SecurityGroupId })
    return Permissions.Permission.map((one) => [one.Policy, one.PortRange, one.Priority])
  }
  assert.deepEqual(await rules(), [['Drop', '80/80', '5']])
  await ecs.request('RevokeSecurityGroup', rule)
  assert.deepEqual(await rules(), [])
  await ecs.request('DeleteSecurityGroup', { SecurityGroupId })
  assert.equal(
    await refusalOf(ecs.request('DeleteSecurityGroup', { SecurityGroupId: cloud.ids.securityGroupId })),
    'DependencyViolation',
  )
  for (const [change, code] of [
    [{ PortRange: '88/80' }, 'InvalidParam.PortRange'],
    [{ IpProtocol: 'ospf' }, 'InvalidIpProtocol.Malformed'],
    [{ SourceCidrIp: 'everybody' }, 'InvalidParam.SourceIp'],
    [{ Priority: 0 }, 'InvalidPriority.ValueNotSupported'],
  ] as const) {
    const asked = { ...rule, SecurityGroupId: cloud.ids.securityGroupId, ...change }
    assert.equal(await refusalOf(ecs.request('AuthorizeSecurityGroup', asked)), code)
  }
})
