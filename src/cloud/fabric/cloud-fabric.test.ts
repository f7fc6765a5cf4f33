import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { connectTcp, listenTcp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { instanceId } from '../region.ts'
import { openTestCloud, TEST_REGION, type TestCloud } from '../test-cloud.ts'
import { type CloudFabric, openCloudFabric } from './cloud-fabric.ts'
import { createVpc, removeVpc, type Vpc } from './vpc-fabric.ts'

const cluster = `t${process.pid}c`
const [ECS, VPC] = ['2014-05-26', '2016-04-28']
const CLIENT = '198.51.100.2'
const NAT = '203.0.113.10'

/** Two machines in a VPC whose packets follow a cloud: node-1 with an EIP, node-2 without. */
interface Bench {
  readonly cloud: TestCloud
  readonly fabric: CloudFabric
  readonly vpc: Vpc
  readonly spaces: TestNamespaces
  readonly one: string
  readonly two: string
  readonly internet: string
}

async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  using spaces = new TestNamespaces()
  const [one, two] = [spaces.create('one'), spaces.create('two')]
  const [first, second] = TEST_REGION.machines
  assert.ok(first !== undefined && second !== undefined)
  const { publicAddress: _, ...lonely } = second
  const region = { ...TEST_REGION, machines: [first, lonely], natAddress: NAT }
  await using cloud = await openTestCloud({ region })
  try {
    using vpc = createVpc({ cluster })
    vpc.attachNode({ name: 'node-1', netns: one, address: '192.168.0.11/24' })
    vpc.attachNode({ name: 'node-2', netns: two, address: '192.168.1.11/28' })
    const internet = vpc.attachInternet().netns
    using fabric = openCloudFabric({ netns: vpc.netns, machineNetns: (name) => (name === 'node-1' ? one : two) })
    fabric.follow(cloud.state)
    await run({ cloud, fabric, vpc, spaces, one, two, internet })
  } finally {
    removeVpc(cluster)
  }
}

interface Destination {
  readonly netns: string
  readonly host: string
  readonly port?: number
}

/** More than a first packet that is lost while a link comes up: the second follows after a second. */
const PATIENCE_MS = 5000
/** For what is to be dropped. */
const DROPPED_MS = 1000

/** Which address a listener at `to` sees. @param timeoutMs undefined is returned when nobody has answered by then. */
async function seen(from: string, to: Destination, timeoutMs = PATIENCE_MS): Promise<string | undefined> {
  const port = to.port ?? 8080
  const server = createServer((socket) => socket.end(String(socket.remoteAddress)))
  server.listen({ fd: listenTcp({ netns: to.netns, host: '0.0.0.0', port }) })
  await once(server, 'listening')
  try {
    const socket = await connectTcp({ netns: from, host: to.host, port, timeoutMs })
    return Buffer.concat(await socket.toArray()).toString()
  } catch (error) {
    assert.ok(isFairleadError(error, 'TIMEOUT'), String(error))
    return undefined
  } finally {
    server.close()
  }
}

interface Card {
  readonly NetworkInterfaceId: string
  readonly MacAddress: string
  readonly PrivateIpSets: { readonly PrivateIpSet: readonly { readonly PrivateIpAddress: string }[] }
}

/** An interface of node-1 with two addresses, which node-1 has given itself. */
async function attachedCard({ cloud, fabric, one }: Bench, SecurityGroupId = cloud.ids.securityGroupId) {
  const ecs = cloud.client(ECS)
  const card = await ecs.request<Card>('CreateNetworkInterface', {
    VSwitchId: cloud.vSwitch('zone-a'),
    SecurityGroupId,
    SecondaryPrivateIpAddressCount: 1,
  })
  const InstanceId = instanceId(TEST_REGION.cluster, 'node-1')
  await ecs.request('AttachNetworkInterface', { NetworkInterfaceId: card.NetworkInterfaceId, InstanceId })
  fabric.follow(cloud.state)
  using route = RouteSocket.open(one)
  const link = route.links().find(({ address }) => address === card.MacAddress)
  assert.ok(link !== undefined, 'the machine finds it by its Ethernet address')
  route.setLink(link.name, { up: true })
  const addresses = card.PrivateIpSets.PrivateIpSet.map(({ PrivateIpAddress }) => PrivateIpAddress)
  for (const address of addresses) route.replaceAddress(link.name, { address: `${address}/32` })
  return { id: card.NetworkInterfaceId, link, addresses, InstanceId }
}

test('an attached interface is a link of its machine, and its addresses lead there', () =>
  withBench(async (bench) => {
    const { cloud, fabric, vpc, one, two } = bench
    const { id, link, addresses, InstanceId } = await attachedCard(bench)
    assert.equal(link.name, 'eth1')
    for (const host of addresses) assert.equal(await seen(two, { netns: one, host }), '192.168.1.11', host)
    using route = RouteSocket.open(vpc.netns)
    const before = JSON.stringify([route.links(), route.routes(4), route.neighbours(4).filter((one) => one.permanent)])
    fabric.follow(cloud.state)
    using again = openCloudFabric({ netns: vpc.netns, machineNetns: (name) => (name === 'node-1' ? one : two) })
    again.follow(cloud.state)
    const after = JSON.stringify([route.links(), route.routes(4), route.neighbours(4).filter((one) => one.permanent)])
    assert.equal(after, before, 'taken over as it is')

    const ecs = cloud.client(ECS)
    const [, second] = addresses
    await ecs.request('UnassignPrivateIpAddresses', { NetworkInterfaceId: id, PrivateIpAddress: [second] })
    fabric.follow(cloud.state)
    assert.ok(!route.routes(4).some(({ destination }) => destination === `${second}/32`))
    await ecs.request('DetachNetworkInterface', { NetworkInterfaceId: id, InstanceId })
    fabric.follow(cloud.state)
    using inside = RouteSocket.open(one)
    assert.equal(inside.link('eth1'), undefined)
  }))

test('bytes to the internet are counted by EIP, whoever sends, and by the next process further', () =>
  withBench(async ({ cloud, fabric, vpc, one, two, internet }) => {
    const sent = (address: string, from = fabric) => from.publicBytes().get(address) ?? assert.fail(address)
    assert.deepEqual([sent('203.0.113.11'), sent(NAT)], [0n, 0n])
    assert.equal(await seen(internet, { netns: one, host: '203.0.113.11', port: 30080 }), CLIENT)
    const answered = sent('203.0.113.11')
    assert.ok(answered > 0n)
    await seen(two, { netns: internet, host: CLIENT })
    assert.ok(sent(NAT) > 0n)
    await seen(one, { netns: two, host: '192.168.1.11' })
    assert.equal(sent('203.0.113.11'), answered, 'inside the VPC nothing is counted')
    using again = openCloudFabric({ netns: vpc.netns, machineNetns: (name) => (name === 'node-1' ? one : two) })
    again.follow(cloud.state)
    assert.equal(sent('203.0.113.11', again), answered)
  }))

test('who has no EIP leaves by the NAT gateway, for as long as it has an entry', () =>
  withBench(async ({ cloud, fabric, one, two, internet }) => {
    assert.equal(await seen(one, { netns: internet, host: CLIENT }), '203.0.113.11', 'an EIP counts more')
    assert.equal(await seen(two, { netns: internet, host: CLIENT }), NAT)
    const vpc = cloud.client(VPC)
    const { NatGateways } = await vpc.request<{
      NatGateways: { NatGateway: { NatGatewayId: string; SnatTableIds: { SnatTableId: string[] } }[] }
    }>('DescribeNatGateways', {})
    const SnatTableId = NatGateways.NatGateway[0]?.SnatTableIds.SnatTableId[0]
    const { AllocationId, EipAddress } = await vpc.request<{ AllocationId: string; EipAddress: string }>(
      'AllocateEipAddress',
      {},
    )
    await vpc.request('AssociateEipAddress', {
      AllocationId,
      InstanceType: 'Nat',
      InstanceId: NatGateways.NatGateway[0]?.NatGatewayId,
    })
    const own = { SnatTableId, SourceCIDR: '192.168.1.11', SnatIp: EipAddress }
    await vpc.request('CreateSnatEntry', own)
    fabric.follow(cloud.state)
    assert.equal(await seen(two, { netns: internet, host: CLIENT }), EipAddress, 'the longest range counts')
    const { SnatTableEntries } = await vpc.request<{
      SnatTableEntries: { SnatTableEntry: { SnatEntryId: string; SourceCIDR: string }[] }
    }>('DescribeSnatTableEntries', { SnatTableId })
    for (const { SnatEntryId } of SnatTableEntries.SnatTableEntry) {
      await vpc.request('DeleteSnatEntry', { SnatTableId, SnatEntryId })
    }
    fabric.follow(cloud.state)
    assert.equal(await seen(two, { netns: internet, host: CLIENT }, DROPPED_MS), undefined)
  }))

test('security groups decide who reaches an interface: rules by priority, what drops before what accepts', () =>
  withBench(async (bench) => {
    const { cloud, fabric, one, two } = bench
    const ecs = cloud.client(ECS)
    const { SecurityGroupId } = await ecs.request<{ SecurityGroupId: string }>('CreateSecurityGroup', {
      VpcId: cloud.ids.vpcId,
    })
    const { addresses } = await attachedCard(bench, SecurityGroupId)
    const host = addresses[1] ?? ''
    const at = { netns: one, host }
    const reach = () => seen(two, at)
    const miss = (port = 8080) => seen(two, { ...at, port }, DROPPED_MS)
    const change = async (action: string, rule: object) => {
      await ecs.request(action, { SecurityGroupId, IpProtocol: 'tcp', PortRange: '8080/8090', ...rule })
      fabric.follow(cloud.state)
    }
    assert.equal(await miss(), undefined, 'a group without rules lets nobody in')
    await change('AuthorizeSecurityGroup', { SourceCidrIp: '192.168.1.0/28', Priority: 10 })
    assert.equal(await reach(), '192.168.1.11')
    assert.equal(await miss(8091), undefined, 'beyond the ports')
    await change('AuthorizeSecurityGroup', { SourceCidrIp: '192.168.1.11/32', Priority: 10, Policy: 'drop' })
    assert.equal(await miss(), undefined, 'of equal priority what drops counts')
    await change('AuthorizeSecurityGroup', { SourceGroupId: cloud.ids.securityGroupId, Priority: 5 })
    assert.equal(await reach(), '192.168.1.11', 'a lower number goes first; the caller is a member of that group')
    await change('RevokeSecurityGroup', { SourceGroupId: cloud.ids.securityGroupId, Priority: 5 })
    assert.equal(await miss(), undefined)
    assert.equal(await seen(two, { netns: one, host: '192.168.0.11' }), '192.168.1.11', 'others are not concerned')
  }))

test('an EIP of an interface is as open as its groups; egress rules hold for who leaves', () =>
  withBench(async (bench) => {
    const { cloud, fabric, one, two, internet } = bench
    const { id, addresses } = await attachedCard(bench)
    const [ecs, vpc] = [cloud.client(ECS), cloud.client(VPC)]
    const eip = await vpc.request<{ AllocationId: string; EipAddress: string }>('AllocateEipAddress', {})
    await vpc.request('AssociateEipAddress', {
      AllocationId: eip.AllocationId,
      InstanceType: 'NetworkInterface',
      InstanceId: id,
    })
    fabric.follow(cloud.state)
    const outside = { netns: one, host: eip.EipAddress }
    assert.equal(await seen(internet, outside, DROPPED_MS), undefined, 'the cluster lets in NodePorts only')
    assert.equal(await seen(internet, { ...outside, port: 30_080 }), CLIENT)
    const group = { SecurityGroupId: cloud.ids.securityGroupId, IpProtocol: 'tcp', PortRange: '8080/8080' }
    await ecs.request('AuthorizeSecurityGroup', { ...group, SourceCidrIp: '198.51.100.0/24' })
    fabric.follow(cloud.state)
    assert.equal(await seen(internet, outside), CLIENT)
    await ecs.request('AuthorizeSecurityGroupEgress', { ...group, DestCidrIp: `${addresses[0]}/32`, Policy: 'drop' })
    fabric.follow(cloud.state)
    assert.equal(await seen(two, { netns: one, host: addresses[0] ?? '' }, DROPPED_MS), undefined)
    assert.equal(await seen(two, { netns: one, host: addresses[1] ?? '' }), '192.168.1.11')
  }))

test('the rules of groups are taken over as they are', () =>
  withBench(async ({ cloud, vpc, spaces, one, two }) => {
    const listed = () =>
      ['fairlead-security-groups', 'fairlead-snat'].map((table) =>
        spaces.run('one', `nsenter --net=${vpc.netns} nft -a list table ip ${table}`),
      )
    const before = listed()
    assert.match(before[0] ?? '', /meta priority set ip saddr map @members .*vmap @egress-policies/)
    assert.match(
      before[1] ?? '',
      /192\.168\.0\.0-192\.168\.0\.255 : 203\.0\.113\.10|192\.168\.0\.0\/24 : 203\.0\.113\.10/,
    )
    using again = openCloudFabric({ netns: vpc.netns, machineNetns: (name) => (name === 'node-1' ? one : two) })
    again.follow(cloud.state)
    assert.deepEqual(listed(), before)
  }))
