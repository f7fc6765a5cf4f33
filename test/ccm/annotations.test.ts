import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createCertificateAuthority, issueCertificate } from '../../src/apiserver/pki/certificate-authority.ts'
import { systemClock } from '../../src/base/clock.ts'
import { BACKEND_ROWS, INSTANCE_ROWS, LISTENER_ROWS, PORT_ROWS } from '../../src/ccm/annotations/table.ts'
import { services } from '../../src/kube/resource.ts'
import { annotation, type CcmBench, type Described, endpoint, openCcmBench } from './ccm-bench.ts'

let ccm: CcmBench
const ids: Record<string, string> = {}

before(async () => {
  ccm = await openCcmBench()
  await ccm.addNode('node-1')
  await ccm.addNode('node-2', { labels: { pool: 'b' }, spec: { unschedulable: true } })
  const authority = await createCertificateAuthority({ commonName: 'test', clock: systemClock })
  const pair = await issueCertificate(authority, { commonName: 'www.example.com', usages: ['server'] })
  for (const name of ['first', 'second']) {
    const { ServerCertificateId } = await ccm.ask<{ ServerCertificateId: string }>('UploadServerCertificate', {
      ServerCertificate: pair.certificatePem,
      PrivateKey: pair.privateKeyPem,
      ServerCertificateName: name,
    })
    ids[name] = ServerCertificateId
    const { AclId } = await ccm.ask<{ AclId: string }>('CreateAccessControlList', { AclName: name })
    ids[`acl-${name}`] = AclId
  }
})
after(() => ccm[Symbol.asyncDispose]())

/** Annotations whose values were seen in the cloud, or on the Service, by a test of this file. */
const observed = new Set<string>()

function note(annotations: Readonly<Record<string, string>>): void {
  for (const suffix of Object.keys(annotations)) observed.add(fullSuffix(suffix))
}

const fullSuffix = (suffix: string) =>
  suffix === 'backend-type' || suffix.startsWith('loadbalancer-') ? suffix : `loadbalancer-${suffix}`

/** Makes a Service with annotations, and looks at what became of it. */
async function withService(
  annotations: Readonly<Record<string, string>>,
  look: (name: string, lb: Described) => Promise<void>,
  options: object = {},
): Promise<void> {
  note(annotations)
  const { metadata } = await ccm.addService({ annotations, ...options })
  await ccm.sync(metadata.name)
  await look(metadata.name, await ccm.instanceOf(metadata.name))
  await ccm.client.delete(services, { namespace: 'default', name: metadata.name })
  await ccm.sync(metadata.name)
  ccm.api.takeCalls()
}

/** Instance annotations: what is set, what with it, and what the cloud then says. */
const INSTANCE: readonly {
  set: Record<string, string>
  see: Record<string, unknown>
  removed?: Record<string, unknown>
}[] = [
  { set: { 'address-type': 'intranet' }, see: { AddressType: 'intranet' } },
  { set: { name: 'front' }, see: { LoadBalancerName: 'front' } },
  { set: { spec: 'slb.s2.small', 'instance-charge-type': 'PayBySpec' }, see: { LoadBalancerSpec: 'slb.s2.small' } },
  {
    set: { 'instance-charge-type': 'PayBySpec' },
    see: { InstanceChargeType: 'PayBySpec', LoadBalancerSpec: 'slb.s1.small' },
  },
  {
    set: { 'instance-charge-type': 'PayBySpec', 'charge-type': 'paybybandwidth', bandwidth: '7' },
    see: { InternetChargeTypeAlias: 'paybybandwidth', Bandwidth: 7 },
  },
  { set: { 'ip-version': 'ipv4' }, see: { AddressIPVersion: 'ipv4' } },
  {
    set: { 'master-zoneid': 'zone-b', 'slave-zoneid': 'zone-a' },
    see: { MasterZoneId: 'zone-b', SlaveZoneId: 'zone-a' },
  },
  { set: { 'resource-group-id': 'rg-abc' }, see: { ResourceGroupId: 'rg-abc' } },
  { set: { 'delete-protection': 'off' }, see: { DeleteProtection: 'off' }, removed: { DeleteProtection: 'on' } },
  {
    set: { 'modification-protection': 'NonProtection' },
    see: { ModificationProtectionStatus: 'NonProtection' },
    removed: { ModificationProtectionStatus: 'ConsoleProtection', ModificationProtectionReason: 'managed.by.ack' },
  },
  { set: { 'address-type': 'intranet', ip: '192.168.0.77' }, see: { Address: '192.168.0.77' } },
  { set: { 'address-type': 'intranet', 'network-type': 'vpc' }, see: { NetworkType: 'vpc' } },
]

for (const { set, see, removed } of INSTANCE) {
  test(`instance annotations ${JSON.stringify(set)}`, () =>
    withService(set, async (name, lb) => {
      for (const [key, value] of Object.entries(see)) assert.deepEqual(lb[key], value, key)
      await ccm.sync(name)
      if (removed === undefined) return
      await ccm.annotate(name, Object.fromEntries(Object.keys(set).map((key) => [key, null])))
      await ccm.sync(name)
      const after = await ccm.instanceOf(name)
      for (const [key, value] of Object.entries(removed)) assert.deepEqual(after[key], value, key)
    }))
}

test('vswitch-id places an intranet instance', () =>
  withService({ 'address-type': 'intranet', 'vswitch-id': ccm.cloud.vSwitch('zone-b') }, async (_, lb) => {
    assert.equal(lb.VSwitchId, ccm.cloud.vSwitch('zone-b'))
  }))

test('tags come and go with additional-resource-tags; others stay', () =>
  withService({ 'additional-resource-tags': 'team=a,free=' }, async (name, { LoadBalancerId }) => {
    const keys = async () => (await ccm.instanceOf(name)).Tags.Tag.map(({ TagKey }) => TagKey).slice(2)
    assert.deepEqual(await keys(), ['team', 'free'])
    await ccm.ask('TagResources', {
      ResourceType: 'instance',
      ResourceId: [LoadBalancerId],
      Tag: [{ Key: 'by-hand', Value: '1' }],
    })
    await ccm.annotate(name, { 'additional-resource-tags': 'team=b' })
    await ccm.sync(name)
    assert.deepEqual(await keys(), ['team', 'by-hand'])
    await ccm.annotate(name, { 'additional-resource-tags': null })
    await ccm.sync(name)
    assert.deepEqual(await keys(), ['by-hand'])
  }))

test('hostname takes the place of the address, and goes with its annotation', () =>
  withService({ hostname: 'www.example.com' }, async (name, lb) => {
    const ingress = async () => (await ccm.service(name)).status?.loadBalancer?.ingress
    assert.deepEqual(await ingress(), [{ hostname: 'www.example.com' }])
    await ccm.annotate(name, { hostname: null })
    await ccm.sync(name)
    assert.equal((await ingress())?.[0]?.ip, lb.Address)
  }))

test('external-ip-type eip shows the EIP, or says that there is none', () =>
  withService({ 'address-type': 'intranet', 'external-ip-type': 'eip' }, async (name, { LoadBalancerId, Address }) => {
    const ip = async () => (await ccm.service(name)).status?.loadBalancer?.ingress?.[0]?.ip
    assert.equal(await ip(), Address)
    assert.match((await ccm.events(name, 'FailedSetEIPAddress'))[0]!, /No EIP is bound/)
    const vpc = '2016-04-28'
    const eip = await ccm.ask<{ AllocationId: string; EipAddress: string }>('AllocateEipAddress', {}, vpc)
    await ccm.ask(
      'AssociateEipAddress',
      { AllocationId: eip.AllocationId, InstanceId: LoadBalancerId, InstanceType: 'SlbInstance' },
      vpc,
    )
    ccm.restart()
    await ccm.sync(name)
    assert.equal(await ip(), eip.EipAddress)
    await ccm.ask('UnassociateEipAddress', { AllocationId: eip.AllocationId, InstanceId: LoadBalancerId }, vpc)
  }))

test('preserve-lb-on-delete leaves the instance without our marks, listeners and groups', async () => {
  note({ 'preserve-lb-on-delete': 'true' })
  const { metadata } = await ccm.addService({ annotations: { 'preserve-lb-on-delete': 'true' } })
  await ccm.sync(metadata.name)
  const { LoadBalancerId } = await ccm.instanceOf(metadata.name)
  assert.deepEqual(await ccm.events(metadata.name, 'PreservedOnDelete'), [
    `The lb [${LoadBalancerId}] will be preserved after the service is deleted.`,
  ])
  await ccm.client.delete(services, { namespace: 'default', name: metadata.name })
  await ccm.sync(metadata.name)
  const kept = (await ccm.instances()).find((one) => one.LoadBalancerId === LoadBalancerId)
  assert.deepEqual([kept!.Tags.Tag, kept!.DeleteProtection], [[], 'off'])
  assert.deepEqual(await ccm.listenersOf(LoadBalancerId), [])
  assert.deepEqual(await ccm.groupsOf(LoadBalancerId), [])
  await ccm.ask('DeleteLoadBalancer', { LoadBalancerId })
})

/** Listener annotations: protocol, what is set (and with it), the field of the cloud, its value, and the default. */
const LISTENER: readonly [
  protocol: string,
  set: Record<string, string>,
  field: string,
  value: unknown,
  otherwise: unknown,
][] = [
  ['tcp', { scheduler: 'wrr' }, 'Scheduler', 'wrr', 'rr'],
  ['tcp', { 'persistence-timeout': '100' }, 'PersistenceTimeout', 100, 0],
  ['tcp', { 'established-timeout': '20' }, 'EstablishedTimeout', 20, 900],
  ['tcp', { 'acl-status': 'on', 'acl-type': 'white', 'acl-id': '$acl-first,$acl-second' }, 'AclStatus', 'on', 'off'],
  ['tcp', { 'acl-status': 'on', 'acl-type': 'black', 'acl-id': '$acl-first' }, 'AclType', 'black', ''],
  ['tcp', { 'acl-status': 'on', 'acl-type': 'black', 'acl-id': '$acl-second' }, 'AclId', '$acl-second', ''],
  ['tcp', { 'connection-drain': 'on', 'connection-drain-timeout': '30' }, 'ConnectionDrain', 'on', 'off'],
  ['udp', { 'connection-drain': 'on', 'connection-drain-timeout': '30' }, 'ConnectionDrainTimeout', 30, 0],
  ['tcp', { 'proxy-protocol': 'on' }, 'ProxyProtocolV2Enabled', 'true', 'false'],
  ['tcp', { 'health-check-switch': 'off' }, 'HealthCheck', 'off', 'on'],
  ['tcp', { 'health-check-type': 'http' }, 'HealthCheckType', 'http', 'tcp'],
  ['tcp', { 'health-check-type': 'http', 'health-check-uri': '/ok' }, 'HealthCheckURI', '/ok', undefined],
  ['tcp', { 'health-check-connect-port': '9000' }, 'HealthCheckConnectPort', 9000, -520],
  ['tcp', { 'healthy-threshold': '4' }, 'HealthyThreshold', 4, 3],
  ['tcp', { 'unhealthy-threshold': '5' }, 'UnhealthyThreshold', 5, 3],
  ['tcp', { 'health-check-interval': '7' }, 'HealthCheckInterval', 7, 2],
  ['udp', { 'health-check-interval': '7' }, 'HealthCheckInterval', 7, 5],
  ['tcp', { 'health-check-connect-timeout': '8' }, 'HealthCheckConnectTimeout', 8, 5],
  ['udp', { 'health-check-connect-timeout': '8' }, 'HealthCheckConnectTimeout', 8, 10],
  ['http', { 'idle-timeout': '30' }, 'IdleTimeout', 30, 15],
  ['http', { 'request-timeout': '90' }, 'RequestTimeout', 90, 60],
  [
    'http',
    { 'sticky-session': 'on', 'sticky-session-type': 'insert', 'cookie-timeout': '60' },
    'StickySession',
    'on',
    'off',
  ],
  [
    'http',
    { 'sticky-session': 'on', 'sticky-session-type': 'insert', 'cookie-timeout': '60' },
    'CookieTimeout',
    60,
    undefined,
  ],
  [
    'http',
    { 'sticky-session': 'on', 'sticky-session-type': 'server', cookie: 'sid' },
    'StickySessionType',
    'server',
    undefined,
  ],
  ['http', { 'sticky-session': 'on', 'sticky-session-type': 'server', cookie: 'sid' }, 'Cookie', 'sid', undefined],
  ['http', { 'xforwardedfor-proto': 'on' }, 'XForwardedFor_proto', 'on', 'off'],
  ['http', { 'xforwardedfor-slbport': 'on' }, 'XForwardedFor_SLBPORT', 'on', 'off'],
  ['http', { 'xforwardedfor-clientsrcport': 'on' }, 'XForwardedFor_ClientSrcPort', 'on', 'off'],
  ['http', { 'health-check-flag': 'on' }, 'HealthCheck', 'on', 'off'],
  ['http', { 'health-check-flag': 'on', 'health-check-domain': 'a.b' }, 'HealthCheckDomain', 'a.b', undefined],
  [
    'http',
    { 'health-check-flag': 'on', 'health-check-httpcode': 'http_3xx,http_2xx' },
    'HealthCheckHttpCode',
    'http_2xx,http_3xx',
    undefined,
  ],
  ['http', { 'health-check-flag': 'on', 'health-check-method': 'get' }, 'HealthCheckMethod', 'get', undefined],
  ['http', { 'health-check-flag': 'on', 'health-check-timeout': '9' }, 'HealthCheckTimeout', 9, undefined],
  [
    'https',
    { 'tls-cipher-policy': 'tls_cipher_policy_1_2' },
    'TLSCipherPolicy',
    'tls_cipher_policy_1_2',
    'tls_cipher_policy_1_0',
  ],
  ['https', { 'http2-enabled': 'off' }, 'EnableHttp2', 'off', 'on'],
]

for (const [protocol, set, field, value, otherwise] of LISTENER) {
  test(`listener annotations ${JSON.stringify(set)} of ${protocol}`, async () => {
    const filled = (text: string) => text.replaceAll(/\$([\w-]+)/g, (_, id: string) => ids[id] ?? '')
    const annotations = Object.fromEntries(Object.entries(set).map(([key, text]) => [key, filled(text)]))
    const base = {
      ...(protocol.startsWith('http') ? { 'protocol-port': `${protocol}:80` } : {}),
      ...(protocol === 'https' ? { 'cert-id': ids.first! } : {}),
    }
    const ports = [{ port: 80, targetPort: 8080, protocol: protocol === 'udp' ? ('UDP' as const) : ('TCP' as const) }]
    await withService(
      { ...base, ...annotations },
      async (name, { LoadBalancerId }) => {
        const seen = async () => {
          const [listener] = await ccm.listenersOf(LoadBalancerId)
          const config = listener![`${protocol.toUpperCase()}ListenerConfig`] as Record<string, unknown>
          assert.equal(listener!.ListenerProtocol, protocol)
          return config[field] ?? listener![field]
        }
        assert.deepEqual(await seen(), typeof value === 'string' ? filled(value) : value)
        ccm.restart()
        ccm.api.takeCalls()
        await ccm.sync(name)
        assert.deepEqual(ccm.api.takeWrites(), [], 'once set it is left alone')
        await ccm.annotate(name, Object.fromEntries(Object.keys(set).map((key) => [key, null])))
        await ccm.sync(name)
        assert.deepEqual(await seen(), otherwise, 'without the annotation')
      },
      { ports },
    )
  })
}

test('forward-port redirects, and domain-extensions follow', () =>
  withService(
    {
      'protocol-port': 'http:80,https:443',
      'cert-id': ids.first!,
      'forward-port': '80:443',
      'domain-extensions': `a.example.com:${ids.first}`,
    },
    async (name, { LoadBalancerId }) => {
      const http = async () => (await ccm.listenersOf(LoadBalancerId))[0]!.HTTPListenerConfig as Record<string, unknown>
      assert.deepEqual([(await http()).ListenerForward, (await http()).ForwardPort], ['on', 443])
      const domains = async () => {
        type Answer = { DomainExtensions: { DomainExtension: { Domain: string; ServerCertificateId: string }[] } }
        const answer = await ccm.ask<Answer>('DescribeDomainExtensions', { LoadBalancerId, ListenerPort: 443 })
        return answer.DomainExtensions.DomainExtension.map((one) => [one.Domain, one.ServerCertificateId])
      }
      assert.deepEqual(await domains(), [['a.example.com', ids.first]])
      await ccm.annotate(name, { 'domain-extensions': `a.example.com:${ids.second},b.example.com:${ids.first}` })
      await ccm.sync(name)
      assert.deepEqual(await domains(), [
        ['a.example.com', ids.second],
        ['b.example.com', ids.first],
      ])
      await ccm.annotate(name, { 'domain-extensions': '', 'forward-port': null })
      await ccm.sync(name)
      assert.deepEqual(await domains(), [])
      assert.equal((await http()).ListenerForward, 'off')
    },
    {
      ports: [
        { name: 'a', port: 80, targetPort: 8080 },
        { name: 'b', port: 443, targetPort: 8443 },
      ],
    },
  ))

test('a certificate that does not exist is refused before anything is changed', async () => {
  const { metadata } = await ccm.addService({ annotations: { 'protocol-port': 'https:80', 'cert-id': 'nobody' } })
  assert.match(await ccm.syncFails(metadata.name), /can not find certificate nobody/)
  await ccm.client.delete(services, { namespace: 'default', name: metadata.name })
  await ccm.sync(metadata.name)
})

/** Backend annotations: set, policy, and the servers as [machine, weight]. */
const BACKEND: readonly [set: Record<string, string>, policy: 'Cluster' | 'Local', servers: [string, number][]][] = [
  [{ 'backend-label': 'pool=b' }, 'Cluster', [['node-2', 100]]],
  [{ 'remove-unscheduled-backend': 'on' }, 'Cluster', [['node-1', 100]]],
  [
    { 'default-weight': '20' },
    'Cluster',
    [
      ['node-1', 20],
      ['node-2', 20],
    ],
  ],
  [{ 'default-weight': '20' }, 'Local', [['node-1', 2]]],
]

for (const [set, policy, servers] of BACKEND) {
  test(`backend annotations ${JSON.stringify(set)} with ${policy}`, async () => {
    note(set)
    const { metadata } = await ccm.addService({ annotations: set, spec: { externalTrafficPolicy: policy } })
    await ccm.setEndpoints(metadata.name, [endpoint('10.244.0.2', 'node-1'), endpoint('10.244.0.3', 'node-1')])
    await ccm.sync(metadata.name)
    const { LoadBalancerId } = await ccm.instanceOf(metadata.name)
    const [group] = await ccm.groupsOf(LoadBalancerId)
    const seen = group!.servers.map(({ ServerId, Weight }) => [ServerId, Weight])
    assert.deepEqual(
      seen,
      servers.map(([name, weight]) => [ccm.machine(name), weight]),
    )
    await ccm.client.delete(services, { namespace: 'default', name: metadata.name })
    await ccm.sync(metadata.name)
  })
}

test('ignore-weight-update leaves weights as they are', () =>
  withService({ 'ignore-weight-update': 'on' }, async (name, { LoadBalancerId }) => {
    const [group] = await ccm.groupsOf(LoadBalancerId)
    const [server] = group!.servers
    const changed = [
      { ServerId: server!.ServerId, Port: server!.Port, Weight: 7, Type: 'ecs', Description: server!.Description },
    ]
    await ccm.ask('SetVServerGroupAttribute', { VServerGroupId: group!.id, BackendServers: JSON.stringify(changed) })
    ccm.restart()
    ccm.api.takeCalls()
    await ccm.sync(name)
    assert.deepEqual(ccm.api.takeWrites(), [])
    await ccm.annotate(name, { 'ignore-weight-update': null })
    await ccm.sync(name)
    assert.equal((await ccm.groupsOf(LoadBalancerId))[0]!.servers[0]!.Weight, 100)
  }))

test('backend-type eni names groups after the port of pods, ecs after that of nodes', () =>
  withService({ 'backend-type': 'eni' }, async (name, { LoadBalancerId }) => {
    const names = async () => (await ccm.groupsOf(LoadBalancerId)).map((group) => group.name)
    assert.deepEqual(await names(), [`k8s/8080/${name}/default/c1`])
    await ccm.annotate(name, { 'backend-type': 'ecs' })
    await ccm.sync(name)
    const nodePort = (await ccm.service(name)).spec.ports?.[0]?.nodePort
    assert.deepEqual(await names(), [`k8s/${nodePort}/${name}/default/c1`])
  }))

test('graceful-shutdown false takes out at once what ends', () =>
  withService(
    { 'graceful-shutdown': 'true' },
    async (name, { LoadBalancerId }) => {
      const ending = endpoint('10.244.0.2', 'node-1', { ready: false, serving: true, terminating: true })
      await ccm.setEndpoints(name, [ending, endpoint('10.244.0.3', 'node-2')])
      await ccm.sync(name)
      const weights = async () => {
        const [group] = await ccm.groupsOf(LoadBalancerId)
        return group!.servers.map(({ ServerId, Weight }) => [ServerId, Weight])
      }
      const [ended, serving] = [ccm.machine('node-1'), ccm.machine('node-2')]
      assert.deepEqual((await weights()).sort(), [[ended, 0] as const, [serving, 1] as const].sort())
      await ccm.annotate(name, { 'graceful-shutdown': 'false' })
      await ccm.sync(name)
      assert.deepEqual(await weights(), [[serving, 1]])
    },
    { spec: { externalTrafficPolicy: 'Local' } },
  ))

test('backend-ip-version ipv6 attaches by endpoints of IPv6, behind its gate, on an instance of IPv6', async () => {
  ccm.restart({ config: { featureGates: { IPv6DualStack: true } } })
  await withService(
    { 'ip-version': 'ipv6', 'backend-ip-version': 'ipv6' },
    async (name, { LoadBalancerId, AddressIPVersion }) => {
      assert.equal(AddressIPVersion, 'ipv6')
      await ccm.setEndpoints(name, [endpoint('10.244.0.2', 'node-1')])
      await ccm.setEndpoints(name, [endpoint('fd00::2', 'node-2')], 'IPv6')
      await ccm.sync(name)
      const servers = async () => (await ccm.groupsOf(LoadBalancerId))[0]!.servers.map(({ ServerId }) => ServerId)
      assert.deepEqual(await servers(), [ccm.machine('node-2')])
      await ccm.annotate(name, { 'backend-ip-version': null })
      await ccm.sync(name)
      assert.deepEqual(await servers(), [ccm.machine('node-1')])
    },
    { spec: { externalTrafficPolicy: 'Local' } },
  )
  ccm.restart()
})

test('id uses an instance of people, with force-override-listeners; vgroup-port their group, weight its part', async () => {
  const { LoadBalancerId } = await ccm.ask<{ LoadBalancerId: string }>('CreateLoadBalancer', {
    LoadBalancerSpec: 'slb.s1.small',
    LoadBalancerName: 'by-hand',
  })
  const made = { LoadBalancerId, VServerGroupName: 'people' }
  const { VServerGroupId } = await ccm.ask<{ VServerGroupId: string }>('CreateVServerGroup', made)
  const set = {
    id: LoadBalancerId,
    'force-override-listeners': 'true',
    'vgroup-port': `${VServerGroupId}:80`,
    weight: '60',
  }
  await withService(set, async (_name, lb) => {
    assert.equal(lb.LoadBalancerId, LoadBalancerId)
    assert.deepEqual(
      (await ccm.listenersOf(LoadBalancerId)).map((one) => [one.ListenerPort, one.VServerGroupId]),
      [[80, VServerGroupId]],
    )
    const [group, ...others] = await ccm.groupsOf(LoadBalancerId)
    assert.deepEqual([group!.id, others], [VServerGroupId, []])
    assert.deepEqual(
      group!.servers.map(({ Weight }) => Weight),
      [30, 30],
    )
  })
  await ccm.ask('DeleteLoadBalancer', { LoadBalancerId })
})

test('every annotation of the tables was set by a test above, and seen', () => {
  assert.deepEqual([...observed].sort(), allSuffixes().sort())
})

function allSuffixes(): string[] {
  const tables = [INSTANCE_ROWS, BACKEND_ROWS, PORT_ROWS].flatMap((rows) => Object.values(rows))
  return [...new Set([...tables, ...LISTENER_ROWS].map(({ suffix }) => suffix))]
}

/** A value that is wrong, for each row of the tables. */
const WRONG: Readonly<Record<string, string>> = {
  'loadbalancer-id': 'not an id!',
  'loadbalancer-name': '1-starts-with-a-digit',
  'loadbalancer-vswitch-id': 'vsw abc',
  'loadbalancer-ip': '192.168.0.300',
  'loadbalancer-additional-resource-tags': '=value',
  'loadbalancer-backend-label': 'no-equals-sign',
  'loadbalancer-protocol-port': 'ftp:21',
  'loadbalancer-forward-port': '80',
  'loadbalancer-domain-extensions': 'no-certificate',
  'loadbalancer-vgroup-port': 'rsp-a',
  'loadbalancer-cookie': '$cookie',
  'loadbalancer-health-check-uri': 'no-slash',
  'loadbalancer-preserve-lb-on-delete': '',
}
const suffixes = allSuffixes().filter((suffix) => suffix !== 'loadbalancer-preserve-lb-on-delete')

for (const suffix of suffixes) {
  test(`a wrong value of ${suffix} is refused before any call, with what it is, and what may be`, async () => {
    const value = WRONG[suffix] ?? 'Wrong value'
    const { metadata } = await ccm.addService({ annotations: { [suffix]: value } })
    ccm.api.takeCalls()
    await ccm.sync(metadata.name)
    assert.deepEqual(ccm.api.takeCalls(), [])
    const [message = ''] = await ccm.events(metadata.name, 'SyncLoadBalancerFailed')
    assert.ok(message.includes(annotation(suffix)), message)
    assert.ok(message.includes(`'${value}': give `), message)
    const { status } = await ccm.service(metadata.name)
    assert.equal(status?.conditions?.[0]?.reason, 'InvalidAnnotation')
    await ccm.client.delete(services, { namespace: 'default', name: metadata.name })
    await ccm.sync(metadata.name)
  })
}

test('annotations count by their legacy prefix too; the new one wins, be it empty', async () => {
  const legacy = 'service.beta.kubernetes.io/alicloud-loadbalancer-name'
  await withService({ [legacy]: 'old-name' }, async (name) => {
    assert.equal((await ccm.instanceOf(name)).LoadBalancerName, 'old-name')
    await ccm.annotate(name, { name: 'new-name' })
    await ccm.sync(name)
    assert.equal((await ccm.instanceOf(name)).LoadBalancerName, 'new-name')
    await ccm.annotate(name, { name: '' })
    await ccm.sync(name)
    assert.match((await ccm.instanceOf(name)).LoadBalancerName, /^a[0-9a-f]{31}$/)
  })
})
