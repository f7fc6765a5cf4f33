import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestCloud, refusalOf } from '../test-cloud.ts'
import { ELASTIC_IPS, NAT_GATEWAYS, PRIVATE_ADDRESSES, SNAT_ENTRIES } from './model.ts'

const VPC = '2016-04-28'

interface Made {
  readonly NatGatewayId: string
  readonly SnatTableIds: { readonly SnatTableId: readonly string[] }
}

test('a NAT gateway is made, gets an EIP and an entry, and goes with them only by force', async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const VSwitchId = cloud.vSwitch('zone-a')
  const { NatGatewayId, SnatTableIds } = await vpc.request<Made>('CreateNatGateway', {
    VpcId: cloud.ids.vpcId,
    VSwitchId,
    Name: 'way-out',
  })
  const [SnatTableId] = SnatTableIds.SnatTableId
  const eip = await vpc.request<{ AllocationId: string; EipAddress: string }>('AllocateEipAddress', {})
  const entry = { SnatTableId, SourceVSwitchId: VSwitchId, SnatIp: eip.EipAddress }
  assert.equal(await refusalOf(vpc.request('CreateSnatEntry', entry)), 'InvalidSnatIp.NotFound', 'bound to nothing')
  await vpc.request('AssociateEipAddress', {
    AllocationId: eip.AllocationId,
    InstanceId: NatGatewayId,
    InstanceType: 'Nat',
  })
  const { SnatEntryId } = await vpc.request<{ SnatEntryId: string }>('CreateSnatEntry', entry)
  assert.equal(await refusalOf(vpc.request('CreateSnatEntry', entry)), 'Forbidden.SourceVSwitchId.Duplicated')
  const { NatGateways } = await vpc.request<{
    NatGateways: { NatGateway: { IpLists: { IpList: { IpAddress: string; UsingStatus: string }[] } }[] }
  }>('DescribeNatGateways', { NatGatewayId })
  const [held] = NatGateways.NatGateway[0]?.IpLists.IpList ?? []
  assert.deepEqual([held?.IpAddress, held?.UsingStatus], [eip.EipAddress, 'UsedBySnatTable'])
  const { SnatTableEntries } = await vpc.request<{ SnatTableEntries: { SnatTableEntry: { SourceCIDR: string }[] } }>(
    'DescribeSnatTableEntries',
    { SnatTableId, SnatEntryId },
  )
  assert.equal(SnatTableEntries.SnatTableEntry[0]?.SourceCIDR, '192.168.0.0/24')
  const unbind = vpc.request('UnassociateEipAddress', { AllocationId: eip.AllocationId, InstanceId: NatGatewayId })
  assert.equal(await refusalOf(unbind), 'IncorrectEipStatus', 'an entry uses it')
  assert.equal(await refusalOf(vpc.request('DeleteNatGateway', { NatGatewayId })), 'DependencyViolation')
  await vpc.request('DeleteNatGateway', { NatGatewayId, Force: true })
  assert.deepEqual([cloud.state.list(NAT_GATEWAYS), cloud.state.list(SNAT_ENTRIES)], [[], []])
  assert.equal(cloud.state.get(ELASTIC_IPS, eip.AllocationId)?.binding, undefined)
  assert.ok(!cloud.state.list(PRIVATE_ADDRESSES).some(({ holder }) => holder === NatGatewayId))
})

test('what does not exist or does not fit is refused with its code', async () => {
  await using cloud = await openTestCloud()
  const vpc = cloud.client(VPC)
  const { SnatTableIds } = await vpc.request<Made>('CreateNatGateway', {
    VpcId: cloud.ids.vpcId,
    VSwitchId: cloud.vSwitch('zone-a'),
  })
  const [SnatTableId] = SnatTableIds.SnatTableId
  const rows: [string, object, string][] = [
    ['CreateNatGateway', { VpcId: 'vpc-none', VSwitchId: cloud.vSwitch('zone-a') }, 'InvalidVpcId.NotFound'],
    ['CreateNatGateway', { VpcId: cloud.ids.vpcId, VSwitchId: 'vsw-none' }, 'InvalidVSwitchId.NotFound'],
    ['DeleteNatGateway', { NatGatewayId: 'ngw-none' }, 'InvalidNatGatewayId.NotFound'],
    ['CreateSnatEntry', { SnatTableId: 'stb-none', SnatIp: '203.0.113.9' }, 'InvalidSnatTableId.NotFound'],
    ['CreateSnatEntry', { SnatTableId, SnatIp: '203.0.113.9' }, 'MissingParameter'],
    ['CreateSnatEntry', { SnatTableId, SourceCIDR: '10.0.0.0/8', SnatIp: 'one' }, 'InvalidSnatIp.Malformed'],
    ['CreateSnatEntry', { SnatTableId, SourceCIDR: 'here', SnatIp: '203.0.113.9' }, 'InvalidSourceCIDR.Malformed'],
    [
      'CreateSnatEntry',
      { SnatTableId, SourceVSwitchId: 'vsw-none', SnatIp: '203.0.113.9' },
      'InvalidVSwitchId.NotFound',
    ],
    ['DeleteSnatEntry', { SnatTableId, SnatEntryId: 'snat-none' }, 'InvalidSnatEntryId.NotFound'],
    ['DescribeSnatTableEntries', {}, 'MissingParameter'],
  ]
  for (const [action, parameters, code] of rows) {
    assert.equal(await refusalOf(vpc.request(action, parameters)), code, `${action} ${JSON.stringify(parameters)}`)
  }
  assert.equal(cloud.state.list(SNAT_ENTRIES).length, 0)
  assert.equal(cloud.state.list(NAT_GATEWAYS).length, 1)
})
