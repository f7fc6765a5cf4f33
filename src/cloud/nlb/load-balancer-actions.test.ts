import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalOf, TEST_REGION } from '../test-cloud.ts'
import { ELASTIC_IPS, PRIVATE_ADDRESSES } from '../vpc/model.ts'
import { PUBLIC_ADDRESSES } from '../vpc/public-address-pool.ts'
import { openTestNlb, type TestNlb } from './test-nlb.ts'

interface View {
  readonly LoadBalancerId: string
  readonly LoadBalancerName: string
  readonly LoadBalancerStatus: string
  readonly DNSName: string
  readonly AddressType: string
  readonly BandwidthPackageId: string
  readonly SecurityGroupIds: string[]
  readonly DeletionProtectionConfig: { Enabled: boolean; Reason: string }
  readonly ModificationProtectionConfig: { Status: string; Reason: string }
  readonly ZoneMappings: {
    ZoneId: string
    LoadBalancerAddresses: { PrivateIPv4Address: string; PublicIPv4Address?: string; AllocationId?: string }[]
  }[]
}

function read(nlb: TestNlb, LoadBalancerId: string): Promise<View> {
  return nlb.ask<View>('GetLoadBalancerAttribute', { LoadBalancerId })
}

/** Private and public address by zone. */
function addresses({ ZoneMappings }: View): (string | undefined)[][] {
  return ZoneMappings.map(({ ZoneId, LoadBalancerAddresses: [one] }) => [
    ZoneId,
    one?.PrivateIPv4Address,
    one?.PublicIPv4Address,
  ])
}

function heldBy(nlb: TestNlb, id: string): number {
  return nlb.cloud.state.list(PRIVATE_ADDRESSES).filter(({ holder }) => holder === id).length
}

test('an instance has an address in each zone, a name, and gives everything back', async () => {
  await using nlb = await openTestNlb()
  const publicBefore = nlb.cloud.state.list(PUBLIC_ADDRESSES).length
  const id = await nlb.create({
    AddressType: 'Internet',
    LoadBalancerName: 'web',
    ZoneMappings: nlb.zones({ PrivateIPv4Address: '192.168.0.50' }),
    Tag: [{ Key: 'a', Value: '1' }],
    ModificationProtectionConfig: { Status: 'ConsoleProtection', Reason: 'managed.by.ack' },
  })
  const view = await read(nlb, id)
  assert.equal(view.LoadBalancerStatus, 'Active')
  assert.equal(view.DNSName, `${id}.cn-hangzhou.nlb.aliyuncs.com`)
  assert.deepEqual(addresses(view), [
    ['zone-a', '192.168.0.50', '203.0.113.100'],
    ['zone-b', '192.168.1.1', '203.0.113.101'],
  ])
  assert.equal(view.ModificationProtectionConfig.Reason, 'managed.by.ack')
  assert.equal(heldBy(nlb, id), 2)
  await nlb.ask('DeleteLoadBalancer', { LoadBalancerId: id })
  assert.equal(heldBy(nlb, id), 0)
  assert.equal(nlb.cloud.state.list(PUBLIC_ADDRESSES).length, publicBefore)
  assert.equal(await refusalOf(read(nlb, id)), 'ResourceNotFound.loadBalancer')
})

test('the address type changes; an EIP of the caller stays his', async () => {
  await using nlb = await openTestNlb()
  const vpc = nlb.cloud.client('2016-04-28')
  const { AllocationId, EipAddress } = await vpc.request<{ AllocationId: string; EipAddress: string }>(
    'AllocateEipAddress',
    {},
    { method: 'POST' },
  )
  const id = await nlb.create()
  const before = addresses(await read(nlb, id))
  await nlb.ask('UpdateLoadBalancerAddressTypeConfig', {
    LoadBalancerId: id,
    AddressType: 'Internet',
    ZoneMappings: nlb.zones({ AllocationId }),
  })
  const open = addresses(await read(nlb, id))
  assert.deepEqual(open, [
    [...before[0]!.slice(0, 2), EipAddress],
    [...before[1]!.slice(0, 2), '203.0.113.101'],
  ])
  const unbind = vpc.request('UnassociateEipAddress', { AllocationId }, { method: 'POST' })
  assert.equal(await refusalOf(unbind), 'IncorrectEipStatus')
  await nlb.ask('UpdateLoadBalancerAddressTypeConfig', { LoadBalancerId: id, AddressType: 'Intranet' })
  assert.deepEqual(addresses(await read(nlb, id)), before)
  const eips = nlb.cloud.state.list(ELASTIC_IPS).filter(({ name }) => name.startsWith(id))
  assert.deepEqual(eips, [])
  assert.equal(nlb.cloud.state.get(ELASTIC_IPS, AllocationId)?.binding, undefined)
})

test('what can be set is shown; lists filter by name, id and tag, and have pages', async () => {
  await using nlb = await openTestNlb()
  const [one, two] = [
    await nlb.create({ LoadBalancerName: 'one', Tag: [{ Key: 'k', Value: 'v' }] }),
    await nlb.create({ AddressType: 'Internet' }),
  ]
  const list = async (parameters: object) =>
    (await nlb.ask<{ LoadBalancers: View[] }>('ListLoadBalancers', parameters)).LoadBalancers.map(
      ({ LoadBalancerId }) => LoadBalancerId,
    )
  assert.deepEqual(await list({ LoadBalancerNames: ['one'] }), [one])
  assert.deepEqual(await list({ LoadBalancerIds: [two] }), [two])
  assert.deepEqual(await list({ Tag: [{ Key: 'k', Value: 'v' }] }), [one])
  assert.deepEqual(await list({ AddressType: 'Internet' }), [two])
  const first = await nlb.ask<{ NextToken: string; TotalCount: number }>('ListLoadBalancers', { MaxResults: 1 })
  assert.equal(first.TotalCount, 2)
  const [a, b] = [await list({ MaxResults: 1 }), await list({ MaxResults: 1, NextToken: first.NextToken })]
  assert.deepEqual([...a, ...b].sort(), [one, two].sort())

  const LoadBalancerId = two
  const SecurityGroupIds = [nlb.cloud.ids.securityGroupId]
  await nlb.ask('UpdateLoadBalancerAttribute', { LoadBalancerId, LoadBalancerName: 'two' })
  await nlb.ask('LoadBalancerJoinSecurityGroup', { LoadBalancerId, SecurityGroupIds })
  await nlb.ask('AttachCommonBandwidthPackageToLoadBalancer', { LoadBalancerId, BandwidthPackageId: 'cbwp-1' })
  await nlb.ask('UpdateLoadBalancerProtection', {
    LoadBalancerId,
    DeletionProtectionEnabled: true,
    DeletionProtectionReason: 'in use',
  })
  const view = await read(nlb, two)
  assert.deepEqual(
    [view.LoadBalancerName, view.SecurityGroupIds, view.BandwidthPackageId, view.DeletionProtectionConfig.Reason],
    ['two', SecurityGroupIds, 'cbwp-1', 'in use'],
  )
  assert.equal(
    await refusalOf(nlb.ask('DeleteLoadBalancer', { LoadBalancerId })),
    'OperationDenied.DeletionProtectionEnabled',
  )
  await nlb.ask('UpdateLoadBalancerProtection', { LoadBalancerId, DeletionProtectionEnabled: false })
  await nlb.ask('LoadBalancerLeaveSecurityGroup', { LoadBalancerId, SecurityGroupIds })
  await nlb.ask('DetachCommonBandwidthPackageFromLoadBalancer', { LoadBalancerId, BandwidthPackageId: 'cbwp-1' })
  const { SecurityGroupIds: left, BandwidthPackageId } = await read(nlb, two)
  assert.deepEqual([left, BandwidthPackageId], [[], ''])
})

test('bad input is refused with its code, and nothing is half made', async () => {
  await using nlb = await openTestNlb()
  const id = await nlb.create()
  const [a, b] = nlb.zones()
  const full = { AddressType: 'Intranet', VpcId: nlb.cloud.ids.vpcId, ZoneMappings: nlb.zones() }
  const create = (change: object) => ['CreateLoadBalancer', { ...full, ...change }] as const
  const LoadBalancerId = id
  const cases: readonly (readonly [string, object, string])[] = [
    [...create({ VpcId: '' }), 'MissingParam.VpcId'],
    [...create({ VpcId: 'vpc-no' }), 'ResourceNotFound.Vpc'],
    [...create({ AddressType: 'internet' }), 'IllegalParam.AddressType'],
    [...create({ AddressType: '' }), 'MissingParam.AddressType'],
    [...create({ LoadBalancerName: '1' }), 'IllegalParam.loadBalancerName'],
    [...create({ ZoneMappings: [] }), 'InvalidZones'],
    [...create({ ZoneMappings: [a] }), 'InvalidZones'],
    [...create({ ZoneMappings: [a, a] }), 'OperationFailed.DuplicateZones'],
    [...create({ ZoneMappings: [a, { ZoneId: 'zone-b' }] }), 'MissingParam.VSwitchId'],
    [...create({ ZoneMappings: [a, { ...b, ZoneId: 'zone-c' }] }), 'Mismatch.ZoneIdAndVswitchId'],
    [...create({ ZoneMappings: [a, { ...b, VSwitchId: 'vsw-no' }] }), 'ResourceNotFound.VSwitch'],
    [...create({ ZoneMappings: [a, { ...b, PrivateIPv4Address: 'x' }] }), 'IllegalParam.PrivateIPv4Address'],
    [...create({ ZoneMappings: [a, { ...b, PrivateIPv4Address: '10.0.0.1' }] }), 'IllegalParam.PrivateIPv4Address'],
    [...create({ ZoneMappings: [a, { ...b, PrivateIPv4Address: '192.168.1.11' }] }), 'ResourceInUse.IP'],
    [...create({ ZoneMappings: [a, { ...b, AllocationId: 'eip-no' }] }), 'IllegalParam.AllocationId'],
    [...create({ Tag: [{ Key: 'acs:x', Value: '' }] }), 'IllegalParam.TagKey'],
    [...create({ SecurityGroupIds: ['sg-no'] }), 'ResourceNotFound.SecurityGroup'],
    [...create({ BandwidthPackageId: 'cbwp-1' }), 'OperationDenied.AddressTypeNotSupport'],
    [...create({ DryRun: true }), 'DryRunOperation'],
    ['GetLoadBalancerAttribute', {}, 'MissingParam.LoadBalancerId'],
    ['DeleteLoadBalancer', { LoadBalancerId: 'nlb-no' }, 'ResourceNotFound.loadBalancer'],
    ['DeleteLoadBalancer', { LoadBalancerId, DryRun: true }, 'DryRunOperation'],
    ['EnableLoadBalancerIpv6Internet', { LoadBalancerId }, 'OperationDenied.AddressIpVersionNotSupport'],
    ['DisableLoadBalancerIpv6Internet', { LoadBalancerId }, 'OperationDenied.AddressIpVersionNotSupport'],
    ['UpdateLoadBalancerZones', { LoadBalancerId, ZoneMappings: [a] }, 'InvalidZones'],
    [
      'UpdateLoadBalancerZones',
      { LoadBalancerId, ZoneMappings: [a, { ...b, PrivateIPv4Address: '192.168.1.9' }] },
      'OperationDenied.ProtectedPrivateIPv4AddressChanged',
    ],
    [
      'UpdateLoadBalancerProtection',
      { LoadBalancerId, ModificationProtectionStatus: 'x' },
      'IllegalParam.ModificationProtectionStatus',
    ],
    ['LoadBalancerJoinSecurityGroup', { LoadBalancerId }, 'MissingParam.SecurityGroupIds'],
    [
      'AttachCommonBandwidthPackageToLoadBalancer',
      { LoadBalancerId, BandwidthPackageId: 'cbwp-1' },
      'OperationDenied.AddressTypeNotSupport',
    ],
    ['GetJobStatus', { JobId: 'no' }, 'ResourceNotFound.job'],
    [
      'TagResources',
      { ResourceType: 'loadbalancer', ResourceId: ['nlb-no'], Tag: [{ Key: 'a' }] },
      'ResourceNotFound.loadbalancer',
    ],
    ['TagResources', { ResourceType: 'x', ResourceId: [id], Tag: [{ Key: 'a' }] }, 'IllegalParam.ResourceType'],
    ['NoSuchAction', {}, 'InvalidAction.NotFound'],
  ]
  const before = nlb.cloud.state.list(PRIVATE_ADDRESSES)
  for (const [action, parameters, code] of cases) {
    assert.equal(await refusalOf(nlb.ask(action, parameters)), code, `${action} ${JSON.stringify(parameters)}`)
  }
  assert.deepEqual(nlb.cloud.state.list(PRIVATE_ADDRESSES), before)
})

test('a job is done when packets follow', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const { JobId } = await nlb.ask<{ JobId: string }>('UpdateLoadBalancerAttribute', {
    LoadBalancerId,
    CrossZoneEnabled: false,
  })
  const status = async () => (await nlb.ask<{ Status: string }>('GetJobStatus', { JobId })).Status
  assert.equal(await status(), 'Processing')
  await assert.rejects(nlb.jobs.carryOut(() => Promise.reject(new Error('no'))))
  assert.equal(await status(), 'Processing')
  await nlb.jobs.carryOut(async () => {})
  assert.equal(await status(), 'Succeeded')
  const { Jobs } = await nlb.ask<{ Jobs: object[] }>('ListAsynJobs', { JobIds: [JobId, 'no'] })
  assert.deepEqual(Jobs, [{ Id: JobId, Status: 'Succeeded' }])
})

test('zones come and go; those that stay keep their addresses', async () => {
  const vSwitches = [...TEST_REGION.vSwitches, { zoneId: 'zone-c', cidrBlock: '192.168.2.0/24' }]
  await using nlb = await openTestNlb({ region: { ...TEST_REGION, vSwitches } })
  const id = await nlb.create({ AddressType: 'Internet' })
  const before = addresses(await read(nlb, id))
  const [, b] = nlb.zones()
  const c = { ZoneId: 'zone-c', VSwitchId: nlb.cloud.vSwitch('zone-c') }
  await nlb.ask('UpdateLoadBalancerZones', { LoadBalancerId: id, ZoneMappings: [b, c] })
  // The public address that zone-a had is free, and so the next one's.
  assert.deepEqual(addresses(await read(nlb, id)), [before[1], ['zone-c', '192.168.2.1', before[0]?.[2]]])
  assert.equal(heldBy(nlb, id), 2)
})

test('a repeated ClientToken makes one instance', async () => {
  await using nlb = await openTestNlb()
  const [one, again] = [await nlb.create({ ClientToken: 't1' }), await nlb.create({ ClientToken: 't1' })]
  assert.equal(one, again)
  assert.equal(heldBy(nlb, one), 2)
})
