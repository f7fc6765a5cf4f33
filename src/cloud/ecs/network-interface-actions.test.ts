import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTestCloud, refusalOf, type TestCloud } from '../test-cloud.ts'
import { PRIVATE_ADDRESSES } from '../vpc/model.ts'
import { INSTANCES, NETWORK_INTERFACES } from './model.ts'

const ECS = '2014-05-26'

interface Card {
  readonly NetworkInterfaceId: string
  readonly Status: string
  readonly InstanceId: string
  readonly PrivateIpAddress: string
  readonly PrivateIpSets: { readonly PrivateIpSet: { readonly PrivateIpAddress: string; readonly Primary: boolean }[] }
}

function machine(cloud: TestCloud, name: string): string {
  return cloud.state.list(INSTANCES).find((instance) => instance.name === name)?.id ?? assert.fail(name)
}

async function cards(cloud: TestCloud, filter: object): Promise<Card[]> {
  const ask = cloud.client(ECS)
  const { NetworkInterfaceSets } = await ask.request<{ NetworkInterfaceSets: { NetworkInterfaceSet: Card[] } }>(
    'DescribeNetworkInterfaces',
    filter,
  )
  return NetworkInterfaceSets.NetworkInterfaceSet
}

test('an interface is made, attached, filled with addresses, found by them, and given back', async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  const made = await ecs.request<Card>('CreateNetworkInterface', {
    VSwitchId: cloud.vSwitch('zone-a'),
    SecurityGroupId: cloud.ids.securityGroupId,
  })
  assert.equal(made.PrivateIpAddress, '192.168.0.1')
  const NetworkInterfaceId = made.NetworkInterfaceId
  const InstanceId = machine(cloud, 'node-1')
  await ecs.request('AttachNetworkInterface', { NetworkInterfaceId, InstanceId })
  await ecs.request('AssignPrivateIpAddresses', { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 2 })
  const [card] = await cards(cloud, { VpcId: cloud.ids.vpcId, Status: 'InUse', PrivateIpAddress: ['192.168.0.3'] })
  assert.equal(card?.NetworkInterfaceId, NetworkInterfaceId)
  assert.deepEqual(
    card?.PrivateIpSets.PrivateIpSet.map((set) => [set.PrivateIpAddress, set.Primary]),
    [
      ['192.168.0.1', true],
      ['192.168.0.2', false],
      ['192.168.0.3', false],
    ],
  )
  assert.equal(
    await refusalOf(ecs.request('DeleteNetworkInterface', { NetworkInterfaceId })),
    'InvalidOperation.InvalidEniState',
  )
  await ecs.request('UnassignPrivateIpAddresses', { NetworkInterfaceId, PrivateIpAddress: ['192.168.0.2'] })
  await ecs.request('DetachNetworkInterface', { NetworkInterfaceId, InstanceId })
  await ecs.request('DeleteNetworkInterface', { NetworkInterfaceId })
  await ecs.request('DeleteNetworkInterface', { NetworkInterfaceId })
  assert.deepEqual(
    cloud.state
      .list(PRIVATE_ADDRESSES)
      .map(({ address }) => address)
      .sort(),
    ['192.168.0.11', '192.168.1.11'],
  )
})

test("the limits of the instance's type hold", async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  const InstanceId = machine(cloud, 'node-1')
  const make = async () => {
    const answer = await ecs.request<Card>('CreateNetworkInterface', {
      VSwitchId: cloud.vSwitch('zone-a'),
      SecurityGroupId: cloud.ids.securityGroupId,
    })
    return answer.NetworkInterfaceId
  }
  const [first, second, third] = [await make(), await make(), await make()]
  await ecs.request('AttachNetworkInterface', { NetworkInterfaceId: first, InstanceId })
  await ecs.request('AttachNetworkInterface', { NetworkInterfaceId: second, InstanceId })
  assert.equal(
    await refusalOf(ecs.request('AttachNetworkInterface', { NetworkInterfaceId: third, InstanceId })),
    'InvalidOperation.EniCountExceeded',
  )
  const assign = (count: number) =>
    ecs.request('AssignPrivateIpAddresses', { NetworkInterfaceId: first, SecondaryPrivateIpAddressCount: count })
  await assign(5)
  assert.equal(await refusalOf(assign(1)), 'InvalidOperation.Ipv4CountExceeded')
})

test('a vSwitch gives out what is neither its own nor held, and then says that it is full', async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  const ask = (PrimaryIpAddress?: string) =>
    ecs.request<Card>('CreateNetworkInterface', {
      VSwitchId: cloud.vSwitch('zone-b'),
      SecurityGroupId: cloud.ids.securityGroupId,
      ...(PrimaryIpAddress === undefined ? {} : { PrimaryIpAddress }),
    })
  for (const address of ['192.168.1.0', '192.168.1.13', '192.168.1.15', '192.168.0.5']) {
    assert.equal(await refusalOf(ask(address)), 'InvalidIPAddress.NotInVSwitch', address)
  }
  assert.equal(await refusalOf(ask('192.168.1.11')), 'InvalidIp.IpAssigned')
  for (let n = 0; n < 11; n++) await ask()
  assert.equal(await refusalOf(ask()), 'InvalidVSwitchId.IpNotEnough')
})

test('what does not exist or does not fit is refused with its code', async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  const rows: [string, object, string][] = [
    ['CreateNetworkInterface', {}, 'MissingVSwitchId'],
    ['CreateNetworkInterface', { VSwitchId: 'vsw-none' }, 'InvalidVSwitchId.NotFound'],
    [
      'CreateNetworkInterface',
      { VSwitchId: cloud.vSwitch('zone-a'), SecurityGroupId: 'sg-none' },
      'InvalidSecurityGroupId.NotFound',
    ],
    ['AttachNetworkInterface', { NetworkInterfaceId: 'eni-none', InstanceId: 'i-none' }, 'InvalidEniId.NotFound'],
    ['AssignPrivateIpAddresses', { NetworkInterfaceId: 'eni-none' }, 'InvalidEniId.NotFound'],
    ['DescribeNetworkInterfaces', { MaxResults: 0 }, 'InvalidParameter.MaxResults'],
    ['DescribeNetworkInterfaces', { NextToken: '***' }, 'InvalidParameter.NextToken'],
    ['DescribeInstances', { InstanceIds: 'i-1' }, 'InvalidParameter.InstanceIds'],
  ]
  for (const [action, parameters, code] of rows) {
    assert.equal(await refusalOf(ecs.request(action, parameters)), code, `${action} ${JSON.stringify(parameters)}`)
  }
  const primary = cloud.state.list(NETWORK_INTERFACES).find((card) => card.type === 'Primary')?.id
  assert.equal(
    await refusalOf(ecs.request('DeleteNetworkInterface', { NetworkInterfaceId: primary })),
    'InvalidOperation.EniTypeNotSupport',
  )
})

test('pages by token neither repeat nor miss an interface', async () => {
  await using cloud = await openTestCloud()
  const ecs = cloud.client(ECS)
  for (let n = 0; n < 7; n++)
    await ecs.request('CreateNetworkInterface', {
      VSwitchId: cloud.vSwitch('zone-a'),
      SecurityGroupId: cloud.ids.securityGroupId,
    })
  const seen: string[] = []
  let NextToken: string | undefined
  do {
    const page: { NetworkInterfaceSets: { NetworkInterfaceSet: Card[] }; NextToken?: string } = await ecs.request(
      'DescribeNetworkInterfaces',
      { MaxResults: 2, ...(NextToken === undefined ? {} : { NextToken }) },
    )
    seen.push(...page.NetworkInterfaceSets.NetworkInterfaceSet.map((card) => card.NetworkInterfaceId))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  assert.equal(new Set(seen).size, 9)
  assert.equal(seen.length, 9)
})

test('whatever is asked in whatever order, every address has one holder, who says that he holds it', async () => {
  const step = fc.record({
    kind: fc.constantFrom('make', 'attach', 'assign', 'unassign', 'detach', 'delete'),
    pick: fc.nat(5),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using cloud = await openTestCloud()
      for (const { kind, pick } of steps) await takeStep(cloud, kind, pick)
      const held = cloud.state
        .list(NETWORK_INTERFACES)
        .flatMap((card) => card.privateAddresses.map((address) => `${card.vSwitchId}/${address} ${card.id}`))
      const written = cloud.state
        .list(PRIVATE_ADDRESSES)
        .map(({ vSwitchId, address, holder }) => `${vSwitchId}/${address} ${holder}`)
      assert.deepEqual(held.sort(), written.sort())
      assert.equal(new Set(held.map((line) => line.split(' ')[0])).size, held.length)
    }),
    { numRuns: 20 },
  )
})

/** Does one thing to one interface; that it may be refused is part of it. */
async function takeStep(cloud: TestCloud, kind: string, pick: number): Promise<void> {
  const ecs = cloud.client(ECS)
  const all = cloud.state.list(NETWORK_INTERFACES)
  const card = all[pick % all.length] ?? assert.fail('there are no interfaces')
  const NetworkInterfaceId = card.id
  const InstanceId = machine(cloud, pick % 2 === 0 ? 'node-1' : 'node-2')
  const zone = pick % 2 === 0 ? 'zone-a' : 'zone-b'
  const calls: Record<string, [string, object]> = {
    make: [
      'CreateNetworkInterface',
      {
        VSwitchId: cloud.vSwitch(zone),
        SecurityGroupId: cloud.ids.securityGroupId,
        SecondaryPrivateIpAddressCount: pick + 1,
      },
    ],
    attach: ['AttachNetworkInterface', { NetworkInterfaceId, InstanceId }],
    assign: ['AssignPrivateIpAddresses', { NetworkInterfaceId, SecondaryPrivateIpAddressCount: pick + 1 }],
    unassign: [
      'UnassignPrivateIpAddresses',
      { NetworkInterfaceId, PrivateIpAddress: card.privateAddresses.slice(1, 3) },
    ],
    detach: ['DetachNetworkInterface', { NetworkInterfaceId, InstanceId: card.instanceId ?? InstanceId }],
    delete: ['DeleteNetworkInterface', { NetworkInterfaceId }],
  }
  const [action, parameters] = calls[kind] ?? assert.fail(kind)
  await ecs
    .request(action, parameters)
    .catch((error: { code?: string }) => assert.match(error.code ?? String(error), /^(Invalid|Missing)/))
}
