import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SECURITY_GROUPS } from '../ecs/model.ts'
import type { BackendHealth } from '../load-balancer/plan.ts'
import { QUOTA_LIMITS } from '../quota/quota.ts'
import type { QuotaName } from '../quota/quota-names.ts'
import { refusalOf } from '../test-cloud.ts'
import { compileNlbPlan } from './compile-plan.ts'
import { NLB_LISTENERS, SERVER_GROUPS } from './model.ts'
import { openTestNlb, type TestNlb } from './test-nlb.ts'

interface ListenerView {
  readonly ListenerId: string
  readonly ListenerPort: number
  readonly ListenerStatus: string
  readonly IdleTimeout: number
  readonly SecurityPolicyId: string
  readonly CertificateIds: string[]
}

interface GroupView {
  readonly ServerGroupId: string
  readonly Scheduler: string
  readonly ServerCount: number
  readonly RelatedLoadBalancerIds: string[]
  readonly HealthCheck: Record<string, unknown>
}

interface HealthView {
  readonly ServerGroupInfos: { NonNormalServers: { ServerIp: string; Status: string }[] }[]
}

interface ServerView {
  readonly ServerId: string
  readonly ServerIp: string
  readonly Port: number
  readonly Weight: number
  readonly ZoneId: string
}

function ip(address: string, change: object = {}): object {
  return { ServerType: 'Ip', ServerId: address, Port: 80, ...change }
}

async function listen(nlb: TestNlb, parameters: object): Promise<string> {
  const listener = { ListenerProtocol: 'TCP', ListenerPort: 80, ...parameters }
  return (await nlb.ask<{ ListenerId: string }>('CreateListener', listener)).ListenerId
}

function limit(nlb: TestNlb, name: QuotaName, value: number): void {
  nlb.cloud.state.transact((transaction) => transaction.put(QUOTA_LIMITS, name, { name, limit: value }))
}

test('a listener runs from the start at the address of each zone, is changed, stopped and deleted', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create({ AddressType: 'Internet' })
  const ServerGroupId = await nlb.createGroup({ ConnectionDrainEnabled: true, ConnectionDrainTimeout: 30 })
  await nlb.ask('AddServersToServerGroup', {
    ServerGroupId,
    Servers: [ip('192.168.0.11'), ip('192.168.1.11', { Weight: 20 }), ip('10.9.9.9')],
  })
  const ListenerId = await listen(nlb, { LoadBalancerId, ServerGroupId })
  assert.match(ListenerId, /^lsn-.*@80$/)
  const plan = compileNlbPlan(nlb.cloud.state)
  assert.deepEqual(
    plan.map(({ key, address, backends }) => [key, address, backends.length]),
    ['192.168.0.1', '203.0.113.100', '192.168.1.1', '203.0.113.101'].map((address) => [
      `${LoadBalancerId}/tcp/80@${address}`,
      address,
      3,
    ]),
  )
  const { scheduler, healthCheck, layer4 } = plan[0]!
  assert.deepEqual(
    [scheduler, healthCheck],
    ['wrr', { type: 'tcp', interval: 5, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 2 }],
  )
  assert.deepEqual(layer4, {
    persistenceTimeout: 0,
    establishedTimeout: 900,
    connectionDrainTimeout: 30,
    proxyProtocolV2: false,
  })

  // Without crossing zones: those of the zone, and what is in none.
  await nlb.ask('UpdateLoadBalancerAttribute', { LoadBalancerId, CrossZoneEnabled: false })
  assert.deepEqual(
    compileNlbPlan(nlb.cloud.state).map(({ backends }) => backends.map(({ address }) => address)),
    ['192.168.0.11', '192.168.0.11', '192.168.1.11', '192.168.1.11'].map((own) => [own, '10.9.9.9']),
  )
  await nlb.ask('UpdateListenerAttribute', { ListenerId, IdleTimeout: 60, ProxyProtocolEnabled: true })
  const { IdleTimeout } = await nlb.ask<ListenerView>('GetListenerAttribute', { ListenerId })
  assert.equal(IdleTimeout, 60)
  assert.equal(compileNlbPlan(nlb.cloud.state)[0]?.layer4?.proxyProtocolV2, true)
  assert.equal(await refusalOf(nlb.ask('StartListener', { ListenerId })), 'IncorrectStatus.listener')
  await nlb.ask('StopListener', { ListenerId })
  assert.deepEqual(compileNlbPlan(nlb.cloud.state), [])
  await nlb.ask('StartListener', { ListenerId })
  assert.equal(compileNlbPlan(nlb.cloud.state).length, 4)
  assert.equal(await refusalOf(nlb.ask('DeleteServerGroup', { ServerGroupId })), 'ResourceInUse.ServerGroup')
  await nlb.ask('DeleteListener', { ListenerId })
  await nlb.ask('DeleteServerGroup', { ServerGroupId })
  assert.deepEqual([nlb.cloud.state.list(NLB_LISTENERS), nlb.cloud.state.list(SERVER_GROUPS)], [[], []])
})

test('groups have settings, tags and servers of both types', async () => {
  await using nlb = await openTestNlb()
  const group = await nlb.createGroup({
    ServerGroupType: 'Instance',
    Scheduler: 'RR',
    Tag: [{ Key: 'ack.aliyun.com', Value: 'c1' }],
    HealthCheckConfig: {
      HealthCheckEnabled: true,
      HealthCheckType: 'HTTP',
      HealthCheckUrl: '/ready',
      HealthCheckHttpCode: ['http_2xx', 'http_3xx'],
      HealthCheckHttpVersion: 'HTTP1.1',
      HealthCheckInterval: 3,
      HealthyThreshold: 4,
    },
  })
  const find = async (parameters: object) =>
    (await nlb.ask<{ ServerGroups: GroupView[] }>('ListServerGroups', parameters)).ServerGroups
  const [view] = await find({ Tag: [{ Key: 'ack.aliyun.com', Value: 'c1' }] })
  assert.equal(view?.Scheduler, 'rr')
  assert.deepEqual(view?.HealthCheck, {
    HealthCheckEnabled: true,
    HealthCheckType: 'HTTP',
    HealthCheckConnectPort: 0,
    HealthCheckInterval: 3,
    HealthCheckConnectTimeout: 5,
    HealthyThreshold: 4,
    UnhealthyThreshold: 2,
    HealthCheckUrl: '/ready',
    HealthCheckDomain: '$SERVER_IP',
    HealthCheckHttpCode: ['http_2xx', 'http_3xx'],
    HealthCheckHttpVersion: 'HTTP1.1',
    HttpCheckMethod: 'GET',
  })
  await nlb.ask('UpdateServerGroupAttribute', {
    ServerGroupId: group,
    Scheduler: 'sch',
    HealthCheckConfig: { HealthCheckEnabled: false },
  })
  const [changed] = await find({ ServerGroupIds: [group] })
  assert.deepEqual([changed?.Scheduler, changed?.HealthCheck], ['sch', { HealthCheckEnabled: false }])

  const [a, b] = [nlb.machine('node-1'), nlb.machine('node-2')]
  const server = (ServerId: string, change: object = {}) => ({ ServerType: 'Ecs', ServerId, Port: 30_080, ...change })
  await nlb.ask('AddServersToServerGroup', {
    ServerGroupId: group,
    Servers: [server(a), server(b, { ServerIp: '192.168.1.11' })],
  })
  await nlb.ask('UpdateServerGroupServersAttribute', { ServerGroupId: group, Servers: [server(b, { Weight: 0 })] })
  const servers = async () =>
    (await nlb.ask<{ Servers: ServerView[] }>('ListServerGroupServers', { ServerGroupId: group })).Servers.map(
      ({ ServerId, ServerIp, Weight, ZoneId }) => [ServerId, ServerIp, Weight, ZoneId],
    ).sort()
  const both = [
    [a, '192.168.0.11', 100, 'zone-a'],
    [b, '192.168.1.11', 0, 'zone-b'],
  ]
  assert.deepEqual(await servers(), both.sort())
  await nlb.ask('RemoveServersFromServerGroup', { ServerGroupId: group, Servers: [server(a)] })
  assert.deepEqual(await servers(), [[b, '192.168.1.11', 0, 'zone-b']])

  await nlb.ask('TagResources', { ResourceType: 'servergroup', ResourceId: [group], Tag: [{ Key: 'x', Value: 'y' }] })
  await nlb.ask('UntagResources', { ResourceType: 'servergroup', ResourceId: [group], TagKey: ['ack.aliyun.com'] })
  const { TagResources } = await nlb.ask('ListTagResources', { ResourceType: 'servergroup', ResourceId: [group] })
  assert.deepEqual(TagResources, [{ ResourceId: group, ResourceType: 'servergroup', TagKey: 'x', TagValue: 'y' }])
})

test('TCPSSL has a certificate, and others by name', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const ServerGroupId = await nlb.createGroup({ PreserveClientIpEnabled: false })
  const [standard, other] = [await nlb.upload('a.example.test'), await nlb.upload('b.example.test')]
  const ListenerId = await listen(nlb, {
    LoadBalancerId,
    ServerGroupId,
    ListenerProtocol: 'TCPSSL',
    ListenerPort: 443,
    CertificateIds: [standard],
    SecurityPolicyId: 'tls_cipher_policy_1_2',
  })
  await nlb.ask('AssociateAdditionalCertificatesWithListener', { ListenerId, AdditionalCertificateIds: [other] })
  const list = async () =>
    (await nlb.ask<{ CertificateIds: string[] }>('ListListenerCertificates', { ListenerId })).CertificateIds
  assert.deepEqual(await list(), [standard, other].sort())
  const { layer7, protocol } = compileNlbPlan(nlb.cloud.state)[0]!
  assert.equal(protocol, 'tcpssl')
  assert.deepEqual([...(layer7?.certificates?.byDomain.keys() ?? [])], ['b.example.test'])
  assert.equal(layer7?.tls?.cipherPolicy, 'tls_cipher_policy_1_2')
  const inUse = nlb.cloud
    .client('2014-05-15')
    .request('DeleteServerCertificate', { ServerCertificateId: other }, { method: 'POST' })
  assert.equal(await refusalOf(inUse), 'CertificateNotAllowedDelete')
  limit(nlb, 'nlb_quota_loadbalancer_certificates_num', 2)
  const third = await nlb.upload('c.example.test')
  const associate = (id: string) =>
    nlb.ask('AssociateAdditionalCertificatesWithListener', { ListenerId, AdditionalCertificateIds: [id] })
  assert.equal(await refusalOf(associate(third)), 'QuotaExceeded.QuotaInsufficient')
  assert.equal(await refusalOf(associate(other)), 'ResourceAlreadyAssociated.Certificate')
  await nlb.ask('DisassociateAdditionalCertificatesWithListener', { ListenerId, AdditionalCertificateIds: [other] })
  assert.deepEqual(await list(), [standard])
})

test('security groups of the instance say who may come', async () => {
  await using nlb = await openTestNlb()
  const { vpcId } = nlb.cloud.ids
  const rule = { direction: 'ingress', protocol: 'tcp', portRange: '80/80' } as const
  const rules = [
    { ...rule, id: 'r1', policy: 'accept', priority: 1, cidr: '198.51.100.0/24' },
    { ...rule, id: 'r2', policy: 'drop', priority: 1, cidr: '198.51.100.128/25' },
    { ...rule, id: 'r3', policy: 'accept', priority: 2, cidr: '198.51.100.0/23' },
    { ...rule, id: 'r4', policy: 'accept', priority: 2, portRange: '81/90', cidr: '10.0.0.0/8' },
    { ...rule, id: 'r5', policy: 'drop', priority: 100, cidr: '0.0.0.0/0' },
  ] as const
  nlb.cloud.state.transact((transaction) => {
    const group = { id: 'sg-1', name: '', vpcId, type: 'enterprise', rules, tags: [], createdAt: 0 } as const
    transaction.put(SECURITY_GROUPS, 'sg-1', group)
  })
  const LoadBalancerId = await nlb.create({ SecurityGroupIds: ['sg-1'] })
  const ServerGroupId = await nlb.createGroup()
  await listen(nlb, { LoadBalancerId, ServerGroupId })
  await listen(nlb, { LoadBalancerId, ServerGroupId, ListenerPort: 99 })
  const acl = (port: number) => compileNlbPlan(nlb.cloud.state).find((one) => one.port === port)?.acl
  assert.deepEqual(acl(80), { type: 'white', cidrs: ['198.51.100.0/25', '198.51.101.0/24'] })
  assert.deepEqual(acl(99), { type: 'white', cidrs: [] })
  await nlb.ask('LoadBalancerLeaveSecurityGroup', { LoadBalancerId, SecurityGroupIds: ['sg-1'] })
  assert.equal(acl(80), undefined)
})

test('a listener for many ports needs a group for any port, and shares its ports with no other', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const check = { HealthCheckConfig: { HealthCheckConnectPort: 8080 } }
  const ServerGroupId = await nlb.createGroup({ AnyPortEnabled: true, ...check })
  await nlb.ask('AddServersToServerGroup', { ServerGroupId, Servers: [ip('192.168.0.11', { Port: 0 })] })
  const range = { LoadBalancerId, ServerGroupId, ListenerPort: 0, StartPort: 1000, EndPort: 2000 }
  const ListenerId = await listen(nlb, range)
  const view = await nlb.ask('GetListenerAttribute', { ListenerId })
  assert.deepEqual([view.ListenerPort, view.StartPort, view.EndPort], [0, '1000', '2000'])
  const [plan] = compileNlbPlan(nlb.cloud.state)
  assert.deepEqual([plan?.port, plan?.lastPort, plan?.backends[0]?.port], [1000, 2000, 0])
  assert.equal(plan?.key, `${LoadBalancerId}/tcp/1000_2000@192.168.0.1`)
  const plain = await nlb.createGroup()
  for (const [change, code] of [
    [{ ServerGroupId: plain, ListenerPort: 1500 }, 'Conflict.Port'],
    [{ StartPort: 1, EndPort: 1000 }, 'Conflict.Port'],
    [{ ListenerPort: 80 }, 'IllegalParam.AnyPortEnabled'],
    [{ StartPort: 3000, EndPort: 3001, ProxyProtocolEnabled: true }, 'IllegalParam.ProxyProtocolEnabled'],
  ] as const) {
    assert.equal(await refusalOf(listen(nlb, { ...range, ...change })), code)
  }
  await listen(nlb, { ...range, StartPort: 2001, EndPort: 3000 })
  await listen(nlb, { LoadBalancerId, ServerGroupId: plain, ListenerPort: 80 })
  await nlb.ask('UpdateListenerAttribute', { ListenerId, IdleTimeout: 100 })
  await nlb.ask('UpdateServerGroupAttribute', { ServerGroupId, ServerGroupName: 'games' })
})

test('bad input about listeners and groups is refused with its code', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const tcp = await nlb.createGroup()
  const udp = await nlb.createGroup({ Protocol: 'UDP' })
  const instances = await nlb.createGroup({ ServerGroupType: 'Instance' })
  const hiding = await nlb.createGroup({ PreserveClientIpEnabled: false })
  const pem = await nlb.upload('a.example.test')
  const ListenerId = await listen(nlb, { LoadBalancerId, ServerGroupId: tcp })
  await listen(nlb, { LoadBalancerId, ServerGroupId: udp, ListenerProtocol: 'UDP' })
  const full = { LoadBalancerId, ServerGroupId: tcp, ListenerProtocol: 'TCP', ListenerPort: 81 }
  const listener = (change: object) => ['CreateListener', { ...full, ...change }] as const
  const group = (change: object) =>
    ['CreateServerGroup', { ServerGroupName: 'web', VpcId: nlb.cloud.ids.vpcId, ...change }] as const
  const health = (change: object) => group({ HealthCheckConfig: change })
  const add = (ServerGroupId: string, ...Servers: object[]) =>
    ['AddServersToServerGroup', { ServerGroupId, Servers }] as const
  const many = Array.from({ length: 201 }, (_, i) => ip(`10.1.${i >> 8}.${i & 255}`))
  const ecs = { ServerType: 'Ecs', ServerId: nlb.machine('node-1'), Port: 80 }
  const cases: readonly (readonly [string, object, string])[] = [
    [...listener({ LoadBalancerId: 'nlb-no' }), 'ResourceNotFound.loadBalancer'],
    [...listener({ ServerGroupId: 'sgp-no' }), 'ResourceNotFound.serverGroup'],
    [...listener({ ServerGroupId: '' }), 'MissingParam.ServerGroupId'],
    [...listener({ ServerGroupId: udp }), 'Mismatch.Protocol'],
    [...listener({ ListenerPort: 80 }), 'Conflict.Port'],
    [...listener({ ListenerPort: 0 }), 'MissingParam.StartPort'],
    [...listener({ ListenerPort: 0, StartPort: 90, EndPort: 90 }), 'IllegalParam.EndPort'],
    [...listener({ ListenerPort: 0, StartPort: 90, EndPort: 99 }), 'IllegalParam.AnyPortEnabled'],
    [...listener({ ListenerPort: 0, ListenerProtocol: 'TCPSSL' }), 'IllegalParam.ListenerPort'],
    [...listener({ ListenerPort: 65_536 }), 'IllegalParam.ListenerPort'],
    [...listener({ ListenerPort: '' }), 'MissingParam.ListenerPort'],
    [...listener({ ListenerProtocol: 'tcp' }), 'IllegalParam.ListenerProtocol'],
    [...listener({ ListenerProtocol: 'UDP', ServerGroupId: udp, ListenerPort: 80 }), 'Conflict.Port'],
    [...listener({ ListenerProtocol: 'UDP', ServerGroupId: udp, IdleTimeout: 21 }), 'IllegalParam.IdleTimeout'],
    [
      ...listener({ ListenerProtocol: 'UDP', ServerGroupId: udp, Mss: 100 }),
      'IllegalParam.MssConflictWithUdpAndGeneve',
    ],
    [
      ...listener({ ListenerProtocol: 'UDP', ServerGroupId: udp, ProxyProtocolEnabled: true }),
      'IllegalParam.ProxyProtocolEnabled',
    ],
    [...listener({ ListenerProtocol: 'TCPSSL' }), 'MissingParam.Certificate'],
    [...listener({ ListenerProtocol: 'TCPSSL', CertificateIds: ['a', 'b'] }), 'IllegalParamSize.certificateIds'],
    [...listener({ ListenerProtocol: 'TCPSSL', CertificateIds: ['no'] }), 'ResourceNotFound.Certificate'],
    [...listener({ IdleTimeout: 9 }), 'IllegalParam.IdleTimeout'],
    [...listener({ IdleTimeout: 901 }), 'IllegalParam.IdleTimeout'],
    [...listener({ Cps: 1_000_001 }), 'IllegalParam.Cps'],
    [...listener({ ListenerProtocol: 'TCPSSL', CertificateIds: [pem] }), 'IllegalParam.PreserveClientIpSwitch'],
    [...listener({ CaEnabled: true }), 'IllegalParam.CaEnabled'],
    [
      ...listener({ ListenerProtocol: 'TCPSSL', ServerGroupId: hiding, CertificateIds: [pem], AlpnEnabled: true }),
      'MissingParam.AlpnPolicy',
    ],
    [...listener({ ProxyProtocolV2Config: { Ppv2VpcIdEnabled: true } }), 'IllegalParam.Ppv2VpcIdEnabled'],
    [...listener({ ListenerDescription: 'x' }), 'IllegalParam.ListenerDescription'],
    [...listener({ DryRun: true }), 'DryRunOperation'],
    [
      'AssociateAdditionalCertificatesWithListener',
      { ListenerId, AdditionalCertificateIds: ['a'] },
      'Mismatch.Protocol',
    ],
    ['DeleteListener', { ListenerId: 'lsn-no' }, 'ResourceNotFound.listener'],
    [...group({ ServerGroupName: '' }), 'MissingParam.ServerGroupName'],
    [...group({ VpcId: 'vpc-no' }), 'ResourceNotFound.Vpc'],
    [...group({ Scheduler: 'Wlc' }), 'IllegalParam.Scheduler'],
    [...group({ Scheduler: 'qch' }), 'IllegalParam.Scheduler'],
    [...group({ Protocol: 'HTTP' }), 'IllegalParam.Protocol'],
    [...group({ ServerGroupType: 'Lambda' }), 'IllegalParam.ServerGroupType'],
    [...group({ ConnectionDrainTimeout: 901 }), 'IllegalParam.ConnectionDrainTimeout'],
    [...group({ AnyPortEnabled: true }), 'MissingParam.HealthCheckConnectPort'],
    [...group({ AnyPortEnabled: true, PreserveClientIpEnabled: false }), 'IllegalParam.PreserveClientIpSwitch'],
    [...group({ AddressIPVersion: 'DualStack' }), 'OperationDenied.VpcNotSupportIpv6'],
    [...group({ Protocol: 'UDP', PreserveClientIpEnabled: false }), 'IllegalParam.PreserveClientIpSwitch'],
    [...health({ HealthCheckInterval: 51 }), 'IllegalParam.HealthCheckInterval'],
    [...health({ HealthCheckConnectTimeout: 0 }), 'IllegalParam.HealthCheckConnectTimeout'],
    [...health({ HealthyThreshold: 1 }), 'IllegalParam.HealthyThreshold'],
    [...health({ HealthCheckType: 'HTTP', HealthCheckDomain: 'a b' }), 'IllegalParam.healthCheckDomain'],
    [...health({ HealthCheckType: 'HTTP', HealthCheckHttpCode: ['200'] }), 'IllegalParam.HealthCheckHttpCode'],
    [...health({ HealthCheckType: 'HTTP', HealthCheckHttpVersion: 'HTTP2' }), 'IllegalParam.HealthCheckHttpVersion'],
    [...add('sgp-no', ip('10.0.0.1')), 'ResourceNotFound.serverGroup'],
    [...add(tcp), 'MissingParam.Servers'],
    [...add(tcp, ...many), 'IllegalParamSize.servers'],
    [...add(tcp, ip('no')), 'IllegalParam.IP'],
    [...add(tcp, ip('10.0.0.1', { Port: 0 })), 'IllegalParam.Port'],
    [...add(tcp, ip('10.0.0.1', { Weight: 101 })), 'IllegalParam.Weight'],
    [...add(tcp, ip('10.0.0.1'), ip('10.0.0.1')), 'DuplicatedParam.Server'],
    [...add(tcp, ip('2001:db8::1')), 'OperationDenied.ServerGroupNotSupportIpv6'],
    [...add(tcp, ecs), 'Mismatch.ServerType'],
    [...add(instances, ip('10.0.0.1')), 'Mismatch.ServerType'],
    [...add(instances, { ...ecs, ServerId: 'i-no' }), 'ResourceNotFound.Ecs'],
    [...add(instances, { ...ecs, ServerType: 'Eni' }), 'ResourceNotFound.Eni'],
    [...add(instances, { ...ecs, ServerIp: '10.0.0.1' }), 'IllegalParam.IP'],
    [
      'UpdateServerGroupServersAttribute',
      { ServerGroupId: tcp, Servers: [ip('10.0.0.1')] },
      'ResourceNotFound.BackendServer',
    ],
  ]
  const before = [nlb.cloud.state.list(NLB_LISTENERS), nlb.cloud.state.list(SERVER_GROUPS)]
  for (const [action, parameters, code] of cases) {
    assert.equal(
      await refusalOf(nlb.ask(action, parameters)),
      code,
      `${action} ${JSON.stringify(parameters).slice(0, 200)}`,
    )
  }
  assert.deepEqual([nlb.cloud.state.list(NLB_LISTENERS), nlb.cloud.state.list(SERVER_GROUPS)], before)
})

test('quotas count listeners, servers, groups and instances', async () => {
  await using nlb = await openTestNlb()
  const LoadBalancerId = await nlb.create()
  const ServerGroupId = await nlb.createGroup()
  await listen(nlb, { LoadBalancerId, ServerGroupId })
  limit(nlb, 'nlb_quota_loadbalancers_num', 1)
  limit(nlb, 'nlb_quota_servergroups_num', 1)
  limit(nlb, 'nlb_quota_loadbalancer_listeners_num', 1)
  limit(nlb, 'nlb_quota_loadbalancer_noeci_servers_num', 1)
  const code = 'QuotaExceeded.QuotaInsufficient'
  assert.equal(await refusalOf(nlb.create()), code)
  assert.equal(await refusalOf(nlb.createGroup()), code)
  assert.equal(await refusalOf(listen(nlb, { LoadBalancerId, ServerGroupId, ListenerPort: 81 })), code)
  const add = (...Servers: object[]) => nlb.ask('AddServersToServerGroup', { ServerGroupId, Servers })
  assert.equal(await refusalOf(add(ip('10.0.0.1'), ip('10.0.0.2'))), code)
  await add(ip('10.0.0.1'))
  assert.equal(await refusalOf(add(ip('10.0.0.2'))), code)
})

test('health of servers: those that are not healthy in some zone are named', async () => {
  const found = new Map<string, BackendHealth>()
  await using nlb = await openTestNlb({ health: (listener, server) => found.get(`${listener} ${server}`) })
  const LoadBalancerId = await nlb.create()
  const ServerGroupId = await nlb.createGroup()
  await nlb.ask('AddServersToServerGroup', { ServerGroupId, Servers: ['1', '2', '3'].map((n) => ip(`10.0.0.${n}`)) })
  const ListenerId = await listen(nlb, { LoadBalancerId, ServerGroupId })
  for (const { key } of compileNlbPlan(nlb.cloud.state)) {
    found.set(`${key} 10.0.0.1:80`, 'normal')
    found.set(`${key} 10.0.0.2:80`, key.includes('192.168.1.') ? 'abnormal' : 'normal')
  }
  const read = async () => {
    const answer = await nlb.ask<{ ListenerHealthStatus: HealthView[] }>('GetListenerHealthStatus', { ListenerId })
    const [group] = answer.ListenerHealthStatus[0]?.ServerGroupInfos ?? []
    return group?.NonNormalServers.map(({ ServerIp, Status }) => [ServerIp, Status])
  }
  assert.deepEqual(await read(), [
    ['10.0.0.2', 'Unhealthy'],
    ['10.0.0.3', 'Initial'],
  ])
  await nlb.ask('UpdateServerGroupAttribute', { ServerGroupId, HealthCheckConfig: { HealthCheckEnabled: false } })
  assert.deepEqual(
    await read(),
    ['1', '2', '3'].map((n) => [`10.0.0.${n}`, 'Unavailable']),
  )
})
