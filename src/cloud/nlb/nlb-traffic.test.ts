/** NLB by packets: from its API, by the plan, to servers in two zones. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { systemErrorCode } from '../../base/error.ts'
import { SECURITY_GROUPS } from '../ecs/model.ts'
import { findHaproxy } from '../load-balancer/layer7/find-haproxy.ts'
import { firstLine, TestLoadBalancer } from '../load-balancer/test-load-balancer.ts'
import type { RegionSpec } from '../region.ts'
import { compileNlbPlan } from './compile-plan.ts'
import { openTestNlb, type TestNlb } from './test-nlb.ts'

const REGION: RegionSpec = {
  cluster: 'test',
  vpcCidr: '192.168.0.0/16',
  vSwitches: [
    { zoneId: 'zone-a', cidrBlock: '192.168.1.0/25' },
    { zoneId: 'zone-b', cidrBlock: '192.168.1.128/25' },
  ],
  machines: [],
}
/** Of nodes 1 and 129, and so in both zones. */
const SERVERS = ['192.168.1.1', '192.168.1.129']
const PRIVATE = ['192.168.1.50', '192.168.1.150'] as const
const PUBLIC = ['203.0.113.100', '203.0.113.101'] as const

function missingTool(): string | false {
  try {
    findHaproxy()
    return false
  } catch (error) {
    return `no haproxy (${systemErrorCode(error)})`
  }
}

/** An instance of the internet in both zones. */
function instance(nlb: TestNlb, settings: object = {}): Promise<string> {
  const zones = nlb.zones(...PRIVATE.map((PrivateIPv4Address) => ({ PrivateIPv4Address })))
  return nlb.create({ AddressType: 'Internet', ZoneMappings: zones, ...settings })
}

async function group(nlb: TestNlb, settings: object): Promise<string> {
  const ServerGroupId = await nlb.createGroup({ HealthCheckConfig: { HealthCheckEnabled: false }, ...settings })
  const Servers = SERVERS.map((ServerId) => ({ ServerType: 'Ip', ServerId, Port: 80 }))
  await nlb.ask('AddServersToServerGroup', { ServerGroupId, Servers })
  return ServerGroupId
}

test('TCP and UDP: each zone has its addresses, and zones are crossed or not', async (t) => {
  await using lb = new TestLoadBalancer('nlb')
  await using nlb = await openTestNlb({ region: REGION })
  const plane = lb.plane()
  for (const n of [1, 129]) {
    lb.tcp(n)
    lb.udp(n, 80)
  }
  const apply = () => plane.apply({ listeners: compileNlbPlan(nlb.cloud.state) })
  const LoadBalancerId = await instance(nlb)
  const listener = { LoadBalancerId, ListenerPort: 80 }
  await nlb.ask('CreateListener', {
    ...listener,
    ListenerProtocol: 'TCP',
    ServerGroupId: await group(nlb, { Scheduler: 'rr' }),
  })
  await nlb.ask('CreateListener', {
    ...listener,
    ListenerProtocol: 'UDP',
    ServerGroupId: await group(nlb, { Scheduler: 'rr', Protocol: 'UDP' }),
  })
  await apply()
  /** Servers that answer at an address, and the client that they see. */
  const served = async (address: string, netns = lb.internet) => {
    const answers = [await lb.ask(address, 80, { netns }), await lb.ask(address, 80, { netns })]
    return answers.map((answer) => answer.replace('::ffff:', '').split(' ').slice(0, 2)).sort()
  }

  await t.test('clients of the internet and of the VPC reach the servers of both zones, who see them', async () => {
    for (const address of PUBLIC) {
      assert.deepEqual(await served(address), [
        ['1', '198.51.100.2'],
        ['129', '198.51.100.2'],
      ])
    }
    for (const address of PRIVATE) {
      assert.deepEqual(await served(address, lb.node(2)), [
        ['1', '192.168.1.2'],
        ['129', '192.168.1.2'],
      ])
    }
    const datagrams = [await lb.askUdp(PUBLIC[1], 80), await lb.askUdp(PUBLIC[1], 80)]
    assert.deepEqual(datagrams.sort(), ['1 198.51.100.2', '129 198.51.100.2'])
  })

  await t.test('a listener for many ports leads to the same ports of the servers', async () => {
    for (const n of [1, 129]) for (const port of [7000, 7001]) lb.tcp(n, port)
    const HealthCheckConfig = { HealthCheckEnabled: false }
    const ServerGroupId = await group(nlb, { Scheduler: 'rr', AnyPortEnabled: true, HealthCheckConfig })
    const range = { LoadBalancerId, ListenerPort: 0, StartPort: 7000, EndPort: 7001, ListenerProtocol: 'TCP' }
    const { ListenerId } = await nlb.ask('CreateListener', { ...range, ServerGroupId })
    await apply()
    for (const port of [7000, 7001]) {
      const got = [await lb.ask(PUBLIC[0], port), await lb.ask(PUBLIC[0], port)].map((one) => one.split(' ')[0])
      assert.deepEqual(got.sort(), ['1', '129'])
    }
    await assert.rejects(lb.connect(PUBLIC[0], 7002), { code: 'ECONNREFUSED' })
    await nlb.ask('DeleteListener', { ListenerId })
    await apply()
    await assert.rejects(lb.connect(PUBLIC[0], 7000), { code: 'ECONNREFUSED' })
  })

  await t.test('without crossing, an address leads to the servers of its zone', async () => {
    await nlb.ask('UpdateLoadBalancerAttribute', { LoadBalancerId, CrossZoneEnabled: false })
    await apply()
    const of = async (address: string) => (await served(address)).map(([server]) => server)
    assert.deepEqual(
      [await of(PUBLIC[0]), await of(PUBLIC[1])],
      [
        ['1', '1'],
        ['129', '129'],
      ],
    )
  })

  await t.test('a security group keeps out whom it does not admit', async () => {
    const { securityGroupId } = nlb.cloud.ids
    nlb.cloud.state.transact((transaction) => {
      const own = transaction.get(SECURITY_GROUPS, securityGroupId) ?? assert.fail()
      const rules = own.rules.filter(({ cidr }) => cidr === '192.168.0.0/16')
      transaction.put(SECURITY_GROUPS, securityGroupId, { ...own, rules })
    })
    await nlb.ask('LoadBalancerJoinSecurityGroup', { LoadBalancerId, SecurityGroupIds: [securityGroupId] })
    await apply()
    assert.equal((await served(PRIVATE[0], lb.node(2))).length, 2)
    await assert.rejects(lb.ask(PUBLIC[0], 80, { timeoutMs: 300 }))
  })

  await t.test('of the intranet, there is no public address', async () => {
    const SecurityGroupIds = [nlb.cloud.ids.securityGroupId]
    await nlb.ask('LoadBalancerLeaveSecurityGroup', { LoadBalancerId, SecurityGroupIds })
    await apply()
    assert.equal((await served(PUBLIC[1])).length, 2)
    await nlb.ask('UpdateLoadBalancerAddressTypeConfig', { LoadBalancerId, AddressType: 'Intranet' })
    await apply()
    assert.equal((await served(PRIVATE[1], lb.node(2))).length, 2)
    await assert.rejects(lb.ask(PUBLIC[1], 80, { timeoutMs: 300 }))
  })
})

test('TCPSSL ends TLS with the certificate of the name; TCP can hide its client', { skip: missingTool() }, async () => {
  await using lb = new TestLoadBalancer('nls')
  await using nlb = await openTestNlb({ region: REGION })
  const plane = lb.plane()
  for (const n of [1, 129]) lb.http(n)
  const LoadBalancerId = await instance(nlb)
  const ServerGroupId = await group(nlb, { PreserveClientIpEnabled: false })
  const [standard, other] = [await nlb.upload('a.example.test'), await nlb.upload('b.example.test')]
  const { ListenerId } = await nlb.ask('CreateListener', {
    LoadBalancerId,
    ServerGroupId,
    ListenerProtocol: 'TCPSSL',
    ListenerPort: 443,
    CertificateIds: [standard],
    AlpnEnabled: true,
    AlpnPolicy: 'HTTP1Only',
  })
  await nlb.ask('AssociateAdditionalCertificatesWithListener', { ListenerId, AdditionalCertificateIds: [other] })
  await nlb.ask('CreateListener', { LoadBalancerId, ServerGroupId, ListenerProtocol: 'TCP', ListenerPort: 80 })
  await plane.apply({ listeners: compileNlbPlan(nlb.cloud.state) })
  for (const [name, address] of [
    ['a.example.test', PUBLIC[0]],
    ['b.example.test', PUBLIC[1]],
  ] as const) {
    const said = await curl(lb, '-v', '-k', '--resolve', `${name}:443:${address}`, `https://${name}/`)
    assert.match(said, new RegExp(`subject: CN=${name}`))
    assert.match(said, /ALPN[:,] server accepted(?: to use)? http\/1\.1/)
    assert.match(said, /"client":"100\.64\.0\.1"/)
  }
  assert.match(await curl(lb, `http://${PUBLIC[0]}/`), /"client":"100\.64\.0\.1"/)
  assert.deepEqual((await plane.report()).problems, new Map())
})

test('DualStack: by IPv6 from the VPC, and from the internet once it is let in', { skip: missingTool() }, async () => {
  await using lb = new TestLoadBalancer('nl6')
  await using nlb = await openTestNlb({ region: REGION })
  const plane = lb.plane()
  for (const n of [1, 129]) lb.tcp(n)
  const LoadBalancerId = await instance(nlb, { AddressIpVersion: 'DualStack' })
  const ServerGroupId = await group(nlb, { Scheduler: 'rr' })
  const listener = { LoadBalancerId, ServerGroupId, ListenerProtocol: 'TCP', ListenerPort: 80 }
  await nlb.ask('CreateListener', { ...listener, ProxyProtocolEnabled: false })
  const apply = () => plane.apply({ listeners: compileNlbPlan(nlb.cloud.state) })
  await apply()
  type Zones = { ZoneMappings: { LoadBalancerAddresses: { Ipv6Address: string; PublicIPv4Address: string }[] }[] }
  const look = async () => {
    const view = await nlb.ask<Zones & Record<string, unknown>>('GetLoadBalancerAttribute', { LoadBalancerId })
    const addresses = view.ZoneMappings.flatMap(({ LoadBalancerAddresses }) => LoadBalancerAddresses)
    return { words: [view.AddressIpVersion, view.Ipv6AddressType], addresses }
  }
  const { words, addresses } = await look()
  assert.deepEqual(words, ['DualStack', 'Intranet'])
  const [first] = addresses
  assert.ok(first !== undefined)
  assert.deepEqual(
    addresses.map(({ Ipv6Address }) => Ipv6Address),
    ['2001:db8:1::64', '2001:db8:1::65'],
  )
  const served = async (netns: string, host: string) => (await lb.ask(host, 80, { netns })).split(' ')[0] ?? ''
  const client = lb.node(2)
  assert.deepEqual([await served(client, first.Ipv6Address), await served(client, first.Ipv6Address)].sort(), [
    '1',
    '129',
  ])
  await assert.rejects(lb.ask(first.Ipv6Address, 80, { timeoutMs: 300 }), 'closed to the internet')
  assert.match(await served(lb.internet, first.PublicIPv4Address), /^(1|129)$/)
  await nlb.ask('EnableLoadBalancerIpv6Internet', { LoadBalancerId })
  await apply()
  assert.match(await served(lb.internet, first.Ipv6Address), /^(1|129)$/)
  await nlb.ask('DisableLoadBalancerIpv6Internet', { LoadBalancerId })
  await apply()
  await assert.rejects(lb.ask(first.Ipv6Address, 80, { timeoutMs: 300 }))
  await nlb.ask('DeleteLoadBalancer', { LoadBalancerId })
  const other = await nlb.create({ AddressType: 'Intranet', AddressIpVersion: 'DualStack' })
  const { ZoneMappings } = await nlb.ask<Zones>('GetLoadBalancerAttribute', { LoadBalancerId: other })
  assert.equal(ZoneMappings[0]?.LoadBalancerAddresses[0]?.Ipv6Address, first.Ipv6Address, 'given back')
})

test('Wlc: new connections go to the server that has the fewest', { skip: missingTool() }, async () => {
  await using lb = new TestLoadBalancer('nlw')
  await using nlb = await openTestNlb({ region: REGION })
  const plane = lb.plane()
  for (const n of [1, 129]) lb.tcp(n)
  const LoadBalancerId = await instance(nlb)
  const ServerGroupId = await group(nlb, { Scheduler: 'Wlc', PreserveClientIpEnabled: false })
  await nlb.ask('CreateListener', { LoadBalancerId, ServerGroupId, ListenerProtocol: 'TCP', ListenerPort: 80 })
  await plane.apply({ listeners: compileNlbPlan(nlb.cloud.state) })
  const held = new Map<Socket, string>()
  const hold = async () => {
    const socket = await lb.connect(PUBLIC[0], 80)
    const [server = ''] = (await firstLine(socket)).split(' ')
    held.set(socket, server)
    return server
  }
  for (let n = 0; n < 8; n += 1) await hold()
  const count = (server: string) => [...held.values()].filter((one) => one === server).length
  assert.deepEqual([count('1'), count('129')], [4, 4])
  for (const [socket, server] of held) if (server === '1') socket.destroy()
  const active = async () => {
    const { traffic } = await plane.report()
    return [...traffic.values()].reduce((sum, { activeConnections }) => sum + Number(activeConnections), 0)
  }
  // The servers see the end before HAProxy has counted it.
  while ((await active()) !== 4) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.deepEqual([await hold(), await hold(), await hold()], ['1', '1', '1'])
})

/** What curl prints and tells, called on the internet. */
function curl(lb: TestLoadBalancer, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = [`--net=${lb.internet}`, 'curl', '-s', '-S', '--max-time', '5', ...args]
    execFile('nsenter', options, (error, stdout, stderr) => {
      if (error === null) resolve(`${stderr}${stdout}`)
      else reject(new Error(`curl ${args.join(' ')}: ${stderr}`))
    })
  })
}
