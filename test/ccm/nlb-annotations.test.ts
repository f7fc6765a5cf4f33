import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { NLB_ROWS } from '../../src/ccm/nlb/nlb-annotations.ts'
import { issueSelfSigned } from '../../src/cloud/self-signed-certificate.ts'
import { services } from '../../src/kube/resource.ts'
import type { ServicePort } from '../../src/kube/types/core.ts'
import { annotation, type CcmBench, endpoint, type ServiceOptions } from './ccm-bench.ts'
import { type NlbBench, openNlbBench, type SeenNlb } from './nlb-bench.ts'

let nlb: NlbBench
let ccm: CcmBench
/** Things of the cloud that annotations name: `$first` is a certificate, `$eip-1` an EIP, `$sg-1` a security group. */
const ids: Record<string, string> = {}

before(async () => {
  nlb = await openNlbBench()
  ccm = nlb.ccm
  await ccm.addNode('node-1')
  await ccm.addNode('node-2', { labels: { pool: 'b' }, spec: { unschedulable: true } })
  for (const name of ['first', 'second', 'third']) {
    const { certificatePem, privateKeyPem } = await issueSelfSigned(`${name}.example.com`)
    const upload = { ServerCertificate: certificatePem, PrivateKey: privateKeyPem }
    ids[name] = (await ccm.ask<{ ServerCertificateId: string }>('UploadServerCertificate', upload)).ServerCertificateId
  }
  for (const n of [1, 2]) {
    const eip = await ccm.ask<{ AllocationId: string }>('AllocateEipAddress', {}, '2016-04-28')
    ids[`eip-${n}`] = eip.AllocationId
    const group = { VpcId: ccm.cloud.ids.vpcId, SecurityGroupType: 'enterprise' }
    const made = await ccm.ask<{ SecurityGroupId: string }>('CreateSecurityGroup', group, '2014-05-26')
    ids[`sg-${n}`] = made.SecurityGroupId
  }
})
after(() => nlb[Symbol.asyncDispose]())

const filled = (text: string) => text.replaceAll(/\$([\w-]+)/g, (_, id: string) => ids[id] ?? `$${id}`)

function withIds(set: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([key, value]) => [key, filled(value)]))
}

/** Annotations whose values were seen in the cloud by a test of this file, or refused by it. */
const observed = new Set<string>()

function note(annotations: Readonly<Record<string, string>>): void {
  for (const suffix of Object.keys(annotations)) {
    observed.add(suffix === 'backend-type' || suffix.startsWith('loadbalancer-') ? suffix : `loadbalancer-${suffix}`)
  }
}

/** Makes a Service with annotations, and looks at what became of it. */
async function withService(
  set: Readonly<Record<string, string>>,
  look: (name: string, lb: SeenNlb) => Promise<void>,
  options: Partial<ServiceOptions> = {},
): Promise<void> {
  note(set)
  const { metadata } = await nlb.addService({ annotations: withIds(set), ...options })
  await ccm.sync(metadata.name)
  await look(metadata.name, await nlb.instanceOf(metadata.name))
  await remove(metadata.name)
}

async function remove(name: string): Promise<void> {
  await ccm.client.delete(services, { namespace: 'default', name })
  await ccm.sync(name)
  ccm.api.takeCalls()
}

/** Once more by a program that remembers nothing. */
async function staysAsItIs(name: string): Promise<void> {
  ccm.restart()
  ccm.api.takeCalls()
  await ccm.sync(name)
  assert.deepEqual(ccm.api.takeWrites(), [], 'once set it is left alone')
}

async function without(name: string, set: Readonly<Record<string, string>>): Promise<void> {
  await ccm.annotate(name, Object.fromEntries(Object.keys(set).map((key) => [key, null])))
  await ccm.sync(name)
}

/** Instance annotations: what is set, what the cloud then says, and what when it is taken away again. */
const INSTANCE: readonly {
  readonly set: Record<string, string>
  readonly see: Record<string, unknown>
  readonly removed?: Record<string, unknown>
}[] = [
  { set: { 'address-type': 'intranet' }, see: { AddressType: 'Intranet' }, removed: { AddressType: 'Internet' } },
  { set: { 'address-type': 'INTERNET' }, see: { AddressType: 'Internet' } },
  { set: { 'ip-version': 'ipv4' }, see: { AddressIpVersion: 'ipv4' } },
  { set: { name: 'front' }, see: { LoadBalancerName: 'front' } },
  { set: { 'resource-group-id': 'rg-abc' }, see: { ResourceGroupId: 'rg-abc' } },
  { set: { 'cross-zone-enabled': 'off' }, see: { CrossZoneEnabled: false }, removed: { CrossZoneEnabled: true } },
  { set: { 'security-group-ids': '$sg-1,$sg-2' }, see: { SecurityGroupIds: ['$sg-1', '$sg-2'] } },
  { set: { 'bandwidth-package-id': 'cbwp-1' }, see: { BandwidthPackageId: 'cbwp-1' } },
]

for (const { set, see, removed } of INSTANCE) {
  test(`instance annotations ${JSON.stringify(set)}`, () =>
    withService(set, async (name, lb) => {
      const wanted = JSON.parse(filled(JSON.stringify(see)))
      for (const [key, value] of Object.entries(wanted)) assert.deepEqual(lb[key], value, key)
      await staysAsItIs(name)
      if (removed === undefined) return
      await without(name, set)
      const after = await nlb.instanceOf(name)
      for (const [key, value] of Object.entries(removed)) assert.deepEqual(after[key], value, key)
    }))
}

test('the address type can change, both ways, on the instance that is there', () =>
  withService({}, async (name, { LoadBalancerId }) => {
    const seen = async () => {
      const { AddressType, ZoneMappings } = await nlb.instanceOf(name)
      const open = ZoneMappings.every(({ LoadBalancerAddresses: [one] }) => one?.PublicIPv4Address !== undefined)
      return [AddressType, open]
    }
    assert.deepEqual(await seen(), ['Internet', true])
    await ccm.annotate(name, { 'address-type': 'intranet' })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['Intranet', false])
    await ccm.annotate(name, { 'address-type': 'internet' })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['Internet', true])
    assert.equal((await nlb.instanceOf(name)).LoadBalancerId, LoadBalancerId)
  }))

test('zone-maps places the instance, with the address and the EIP that are named; EIPs follow a change', async () => {
  const first = nlb.zoneMaps(':192.168.0.77:$eip-1', '::$eip-2')
  note({ 'zone-maps': first })
  const { metadata } = await nlb.addService({ annotations: { 'zone-maps': filled(first) } })
  const { name } = metadata
  await ccm.sync(name)
  const places = async () => {
    const { ZoneMappings } = await nlb.instanceOf(name)
    return ZoneMappings.map(({ ZoneId, LoadBalancerAddresses: [one] }) => [ZoneId, one?.AllocationId])
  }
  const [zone] = (await nlb.instanceOf(name)).ZoneMappings
  assert.equal(zone?.LoadBalancerAddresses[0]?.PrivateIPv4Address, '192.168.0.77')
  assert.deepEqual(await places(), [
    ['zone-a', ids['eip-1']],
    ['zone-b', ids['eip-2']],
  ])
  await staysAsItIs(name)
  await ccm.annotate(name, { 'zone-maps': filled(nlb.zoneMaps('::$eip-1')) })
  await ccm.sync(name)
  await staysAsItIs(name)
  await remove(name)
})

test('without zone-maps the zones of the cloud config are taken; with none of them the Service is refused', async () => {
  const zones = ['zone-a', 'zone-b'].map((zoneId) => ({ zoneId, vSwitchId: ccm.cloud.vSwitch(zoneId) }))
  const { metadata } = await nlb.addService({ annotations: { 'zone-maps': '' } })
  ccm.api.takeCalls()
  await ccm.sync(metadata.name)
  assert.deepEqual(ccm.api.takeCalls(), [])
  const [message = ''] = await ccm.events(metadata.name, 'SyncLoadBalancerFailed')
  assert.match(message, /ParameterMissing, zone mappings are required/)
  ccm.restart({ config: { zones } })
  await ccm.sync(metadata.name)
  const seen = (await nlb.instanceOf(metadata.name)).ZoneMappings.map(({ ZoneId }) => ZoneId)
  assert.deepEqual(seen, ['zone-a', 'zone-b'])
  ccm.restart()
  await remove(metadata.name)
})

test('tags come and go with additional-resource-tags; others stay', () =>
  withService({ 'additional-resource-tags': 'team=a,free=' }, async (name, { LoadBalancerId }) => {
    const keys = async () => (await nlb.instanceOf(name)).Tags.map(({ Key }) => Key).slice(2)
    assert.deepEqual(await keys(), ['team', 'free'])
    const byHand = { ResourceType: 'loadbalancer', ResourceId: [LoadBalancerId], Tag: [{ Key: 'by-hand', Value: '1' }] }
    await ccm.askNlb('TagResources', byHand)
    await ccm.annotate(name, { 'additional-resource-tags': 'team=b' })
    await ccm.sync(name)
    assert.deepEqual(await keys(), ['team', 'by-hand'])
  }))

test('an empty value of security-group-ids and bandwidth-package-id takes away what there was', () =>
  withService({ 'security-group-ids': '$sg-1', 'bandwidth-package-id': 'cbwp-1' }, async (name) => {
    await ccm.annotate(name, { 'security-group-ids': '', 'bandwidth-package-id': '' })
    await ccm.sync(name)
    const { SecurityGroupIds, BandwidthPackageId } = await nlb.instanceOf(name)
    assert.deepEqual([SecurityGroupIds, BandwidthPackageId], [[], ''])
    await ccm.annotate(name, { 'security-group-ids': filled('$sg-2') })
    await ccm.sync(name)
    assert.deepEqual((await nlb.instanceOf(name)).SecurityGroupIds, [ids['sg-2']])
  }))

test('preserve-lb-on-delete leaves the instance without our marks, listeners and groups', async () => {
  note({ 'preserve-lb-on-delete': 'true' })
  const { metadata } = await nlb.addService({ annotations: { 'preserve-lb-on-delete': 'true' } })
  await ccm.sync(metadata.name)
  const { LoadBalancerId } = await nlb.instanceOf(metadata.name)
  assert.deepEqual(await ccm.events(metadata.name, 'PreservedOnDelete'), [
    `The lb [${LoadBalancerId}] will be preserved after the service is deleted.`,
  ])
  await remove(metadata.name)
  const kept = (await nlb.instances()).find((one) => one.LoadBalancerId === LoadBalancerId)
  assert.deepEqual([kept!.Tags, (kept!.DeletionProtectionConfig as { Enabled: boolean }).Enabled], [[], false])
  assert.deepEqual(await nlb.listenersOf(LoadBalancerId), [])
  assert.deepEqual(await nlb.groups(metadata.name), [])
  await ccm.askNlb('DeleteLoadBalancer', { LoadBalancerId })
})

type Seen = [field: string, value: unknown, otherwise: unknown]

const CHECKED = { 'health-check-flag': 'on' }
const BY_HTTP = { ...CHECKED, 'health-check-type': 'http' }

/** Annotations of groups: the field of the cloud, its value, and the default. */
const GROUP: readonly [set: Record<string, string>, ...Seen][] = [
  [{ scheduler: 'RR' }, 'Scheduler', 'rr', 'Wrr'],
  [{ scheduler: 'sch' }, 'Scheduler', 'sch', 'Wrr'],
  [{ 'connection-drain': 'on', 'connection-drain-timeout': '30' }, 'ConnectionDrainEnabled', true, false],
  [{ 'connection-drain': 'on', 'connection-drain-timeout': '30' }, 'ConnectionDrainTimeout', 30, 30],
  [{ 'preserve-client-ip': 'off' }, 'PreserveClientIpEnabled', false, true],
  [{ 'health-check-flag': 'off' }, 'HealthCheck.HealthCheckEnabled', false, true],
  [BY_HTTP, 'HealthCheck.HealthCheckType', 'HTTP', 'TCP'],
  [{ ...CHECKED, 'health-check-connect-port': '9000' }, 'HealthCheck.HealthCheckConnectPort', 9000, 0],
  [{ ...CHECKED, 'health-check-connect-timeout': '9' }, 'HealthCheck.HealthCheckConnectTimeout', 9, 5],
  [{ ...CHECKED, 'health-check-interval': '7' }, 'HealthCheck.HealthCheckInterval', 7, 5],
  [{ ...CHECKED, 'healthy-threshold': '4' }, 'HealthCheck.HealthyThreshold', 4, 2],
  [{ ...CHECKED, 'unhealthy-threshold': '6' }, 'HealthCheck.UnhealthyThreshold', 6, 2],
  [{ ...BY_HTTP, 'health-check-uri': '/ok' }, 'HealthCheck.HealthCheckUrl', '/ok', undefined],
  [{ ...BY_HTTP, 'health-check-domain': 'a.b' }, 'HealthCheck.HealthCheckDomain', 'a.b', undefined],
  [{ ...BY_HTTP, 'health-check-method': 'head' }, 'HealthCheck.HttpCheckMethod', 'HEAD', undefined],
  [{ ...BY_HTTP, 'health-check-http-version': 'HTTP1.1' }, 'HealthCheck.HealthCheckHttpVersion', 'HTTP1.1', undefined],
  [
    { ...BY_HTTP, 'health-check-httpcode': 'http_3xx,http_2xx' },
    'HealthCheck.HealthCheckHttpCode',
    ['http_2xx', 'http_3xx'],
    undefined,
  ],
  // Without the flag no other annotation of health checks counts.
  [{ 'health-check-interval': '7' }, 'HealthCheck.HealthCheckInterval', 5, 5],
]

for (const [set, field, value, otherwise] of GROUP) {
  test(`group annotations ${JSON.stringify(set)}: ${field}`, () =>
    withService(set, async (name) => {
      const seen = async () => {
        const [group] = await nlb.groups(name)
        return field.split('.').reduce<unknown>((holder, key) => (holder as Record<string, unknown>)[key], group)
      }
      assert.deepEqual(await seen(), value)
      await staysAsItIs(name)
      await without(name, set)
      assert.deepEqual(await seen(), otherwise, 'without the annotation')
    }))
}

test('server-group-type Ip attaches addresses; a change makes the group anew, under the same listener', () =>
  withService({}, async (name, { LoadBalancerId }) => {
    const seen = async () => {
      const groups = await nlb.groups(name)
      const [listener] = await nlb.listenersOf(LoadBalancerId)
      assert.deepEqual(
        groups.map(({ ServerGroupId }) => ServerGroupId),
        [listener!.ServerGroupId],
      )
      return [groups[0]!.ServerGroupType, groups[0]!.servers.map(({ ServerType }) => ServerType)]
    }
    assert.deepEqual(await seen(), ['Instance', ['Ecs', 'Ecs']])
    await ccm.annotate(name, { 'server-group-type': 'ip', 'backend-type': 'eni' })
    await ccm.setEndpoints(name, [endpoint('192.168.0.201', 'node-1')])
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['Ip', ['Ip']])
    await staysAsItIs(name)
    note({ 'server-group-type': 'ip', 'backend-type': 'eni' })
    await ccm.annotate(name, { 'server-group-type': null, 'backend-type': null })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['Instance', ['Ecs', 'Ecs']])
  }))

const TLS = { 'protocol-port': 'TCPSSL:80', 'cert-id': '$first' }

/** Annotations of listeners: the protocol, the field of the cloud, its value, and the default. */
const LISTENER: readonly [protocol: string, set: Record<string, string>, ...Seen][] = [
  ['TCP', { 'idle-timeout': '30' }, 'IdleTimeout', 30, 900],
  ['UDP', { 'idle-timeout': '15' }, 'IdleTimeout', 15, 20],
  ['TCP', { 'proxy-protocol': 'on' }, 'ProxyProtocolEnabled', true, false],
  ['TCP', { cps: '1000' }, 'Cps', 1000, 0],
  [
    'TCPSSL',
    { 'tls-cipher-policy': 'tls_cipher_policy_1_2' },
    'SecurityPolicyId',
    'tls_cipher_policy_1_2',
    'tls_cipher_policy_1_0',
  ],
  ['TCPSSL', { alpn: 'on', 'alpn-policy': 'HTTP2Only' }, 'AlpnPolicy', 'HTTP2Only', ''],
  ['TCPSSL', { alpn: 'on', 'alpn-policy': 'HTTP2Only' }, 'AlpnEnabled', true, false],
]

for (const [protocol, set, field, value, otherwise] of LISTENER) {
  test(`listener annotations ${JSON.stringify(set)} of ${protocol}: ${field}`, async () => {
    const ports: ServicePort[] = [{ port: 80, targetPort: 8080, protocol: protocol === 'UDP' ? 'UDP' : 'TCP' }]
    await withService(
      { ...(protocol === 'TCPSSL' ? TLS : {}), ...set },
      async (name, { LoadBalancerId }) => {
        const seen = async () => {
          const [listener] = await nlb.listenersOf(LoadBalancerId)
          assert.equal(listener!.ListenerProtocol, protocol)
          return listener![field]
        }
        assert.deepEqual(await seen(), value)
        await staysAsItIs(name)
        await without(name, set)
        assert.deepEqual(await seen(), otherwise, 'without the annotation')
      },
      { ports },
    )
  })
}

test('protocol-port and cert-id make a TCPSSL listener, whose servers do not see the client; both can change', () =>
  withService(TLS, async (name, { LoadBalancerId }) => {
    const seen = async () => {
      const [listener] = await nlb.listenersOf(LoadBalancerId)
      const [group] = await nlb.groups(name)
      return [listener!.ListenerProtocol, listener!.CertificateIds, group!.PreserveClientIpEnabled]
    }
    assert.deepEqual(await seen(), ['TCPSSL', [ids.first], false])
    await ccm.annotate(name, { 'cert-id': ids.second! })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['TCPSSL', [ids.second], false])
    await ccm.annotate(name, { 'protocol-port': null, 'cert-id': null })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['TCP', [], true])
    await ccm.annotate(name, { 'protocol-port': 'tcpssl:80', 'cert-id': ids.first! })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['TCPSSL', [ids.first], false])
  }))

test('additional-cert-ids come with the listener, change, and go with an empty value', () =>
  withService({ ...TLS, 'additional-cert-ids': '$second' }, async (name, { LoadBalancerId }) => {
    type Answer = { Certificates: { CertificateId: string; IsDefault: boolean }[] }
    const seen = async () => {
      const [listener] = await nlb.listenersOf(LoadBalancerId)
      const { ListenerId } = listener!
      const { Certificates } = await ccm.askNlb<Answer>('ListListenerCertificates', { ListenerId })
      return Certificates.filter(({ IsDefault }) => !IsDefault).map(({ CertificateId }) => CertificateId)
    }
    assert.deepEqual(await seen(), [ids.second])
    await staysAsItIs(name)
    await ccm.annotate(name, { 'additional-cert-ids': ids.third! })
    await ccm.sync(name)
    assert.deepEqual(await seen(), [ids.third])
    await ccm.annotate(name, { 'additional-cert-ids': '' })
    await ccm.sync(name)
    assert.deepEqual(await seen(), [])
  }))

test('ip-version DualStack gives IPv6 addresses; ipv6-address-type opens them to the internet, and closes them', () =>
  withService({ 'ip-version': 'DualStack', 'ipv6-address-type': 'internet' }, async (name, { LoadBalancerId }) => {
    const seen = async () => {
      const parameters = { LoadBalancerId }
      const answer = await ccm.askNlb<Record<string, unknown>>('GetLoadBalancerAttribute', parameters)
      return [answer.AddressIpVersion, answer.Ipv6AddressType]
    }
    assert.deepEqual(await seen(), ['DualStack', 'Internet'])
    await staysAsItIs(name)
    await ccm.annotate(name, { 'ipv6-address-type': 'intranet' })
    await ccm.sync(name)
    assert.deepEqual(await seen(), ['DualStack', 'Intranet'])
  }))

test('listener-port-range makes one listener for many ports, before servers at any port', () =>
  withService({ 'backend-type': 'eni', 'listener-port-range': '1000-2000:80' }, async (name, { LoadBalancerId }) => {
    const [listener, ...others] = await nlb.listenersOf(LoadBalancerId)
    const { ListenerPort, StartPort, EndPort } = listener as unknown as Record<string, unknown>
    assert.deepEqual([ListenerPort, StartPort, EndPort, others.length], [0, '1000', '2000', 0])
    const [group] = await nlb.groups(name)
    type Answer = { ServerGroups: { AnyPortEnabled: boolean; HealthCheck: { HealthCheckConnectPort: number } }[] }
    const { ServerGroups } = await ccm.askNlb<Answer>('ListServerGroups', { ServerGroupIds: [group!.id] })
    assert.equal(ServerGroups[0]?.AnyPortEnabled, true)
    await staysAsItIs(name)
  }))

/** What the local cloud does not have: the annotation reaches it, and its refusal reaches the Service. */
const REFUSED: readonly [set: Record<string, string>, refusal: RegExp][] = [
  [{ 'ipv6-address-type': 'internet' }, /has no IPv6 address to open or close/],
  [{ scheduler: 'wlc' }, /Scheduler 'Wlc' is not offered/],
  [{ ...TLS, cacert: 'on', 'cacert-id': 'ca-1' }, /authentication of clients by certificate/],
  [{ 'ppv2-pvl-vpc-id-enabled': 'on' }, /the VPC's id in the Proxy Protocol/],
  [{ 'ppv2-pvl-ep-id-enabled': 'on' }, /the endpoint's id in the Proxy Protocol/],
  [{ 'ppv2-pvl-eps-id-enabled': 'on' }, /the endpoint service's id in the Proxy Protocol/],
]

for (const [set, refusal] of REFUSED) {
  test(`annotations ${JSON.stringify(set)} are passed on; what the cloud refuses is told`, async () => {
    note(set)
    const { metadata } = await nlb.addService({ annotations: withIds(set) })
    assert.match(await ccm.syncFails(metadata.name), refusal)
    assert.match((await ccm.events(metadata.name, 'SyncLoadBalancerFailed'))[0]!, refusal)
    await remove(metadata.name)
    assert.deepEqual([await nlb.instances(), await nlb.groups()], [[], []])
  })
}

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
  [{ 'backend-type': 'ecs', 'backend-ip-version': 'ipv4' }, 'Local', [['node-1', 2]]],
]

for (const [set, policy, servers] of BACKEND) {
  test(`backend annotations ${JSON.stringify(set)} with ${policy}`, async () => {
    note(set)
    const { metadata } = await nlb.addService({ annotations: set, spec: { externalTrafficPolicy: policy } })
    await ccm.setEndpoints(metadata.name, [endpoint('10.244.0.2', 'node-1'), endpoint('10.244.0.3', 'node-1')])
    await ccm.sync(metadata.name)
    const [group] = await nlb.groups(metadata.name)
    const seen = group!.servers.map(({ ServerId, Weight }) => [ServerId, Weight])
    assert.deepEqual(seen.sort(), servers.map(([name, weight]) => [ccm.machine(name), weight]).sort())
    await remove(metadata.name)
  })
}

test('ignore-weight-update leaves weights as they are', () =>
  withService({ 'ignore-weight-update': 'on' }, async (name) => {
    const [group] = await nlb.groups(name)
    const { ServerId, ServerType, Port } = group!.servers[0]!
    const Servers = [{ ServerId, ServerType, Port, Weight: 7 }]
    await ccm.askNlb('UpdateServerGroupServersAttribute', { ServerGroupId: group!.ServerGroupId, Servers })
    await staysAsItIs(name)
    await ccm.annotate(name, { 'ignore-weight-update': null })
    await ccm.sync(name)
    assert.deepEqual(new Set((await nlb.groups(name))[0]!.servers.map(({ Weight }) => Weight)), new Set([100]))
  }))

test('graceful-shutdown false takes out at once what ends', () =>
  withService(
    { 'graceful-shutdown': 'true' },
    async (name) => {
      const ending = endpoint('10.244.0.2', 'node-1', { ready: false, serving: true, terminating: true })
      await ccm.setEndpoints(name, [ending, endpoint('10.244.0.3', 'node-2')])
      await ccm.sync(name)
      const weights = async () => {
        const servers = (await nlb.groups(name))[0]!.servers
        return Object.fromEntries(servers.map(({ ServerId, Weight }) => [ServerId, Weight]))
      }
      assert.deepEqual(await weights(), { [ccm.machine('node-1')]: 0, [ccm.machine('node-2')]: 1 })
      await ccm.annotate(name, { 'graceful-shutdown': 'false' })
      await ccm.sync(name)
      assert.deepEqual(await weights(), { [ccm.machine('node-2')]: 1 })
    },
    { spec: { externalTrafficPolicy: 'Local' } },
  ))

test('id uses an instance of people, with force-override-listeners; vgroup-port their group, weight its part', async () => {
  const zones = ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: ccm.cloud.vSwitch(ZoneId) }))
  const VpcId = ccm.cloud.ids.vpcId
  const { LoadbalancerId: id } = await ccm.askNlb<{ LoadbalancerId: string }>('CreateLoadBalancer', {
    AddressType: 'Intranet',
    VpcId,
    ZoneMappings: zones,
  })
  const { ServerGroupId } = await ccm.askNlb<{ ServerGroupId: string }>('CreateServerGroup', {
    ServerGroupName: 'people',
    VpcId,
  })
  const set = { 'zone-maps': '', id, 'vgroup-port': `${ServerGroupId}:80`, weight: '60' }
  await withService({ ...set, 'force-override-listeners': 'true' }, async (_name, { LoadBalancerId }) => {
    assert.equal(LoadBalancerId, id)
    const listeners = (await nlb.listenersOf(id)).map((one) => [one.ListenerPort, one.ServerGroupId])
    assert.deepEqual(listeners, [[80, ServerGroupId]])
    const group = (await nlb.groups()).find((one) => one.ServerGroupId === ServerGroupId)
    assert.deepEqual(
      group!.servers.map(({ Weight }) => Weight),
      [30, 30],
    )
  })
  await ccm.askNlb('DeleteServerGroup', { ServerGroupId })
  await ccm.askNlb('DeleteLoadBalancer', { LoadBalancerId: id })
})

test('every annotation of the tables was set by a test above, and seen or refused', () => {
  assert.deepEqual([...observed].sort(), [...new Set(NLB_ROWS.map(({ suffix }) => suffix))].sort())
})

/** A value that is wrong, for each row of the tables. */
const WRONG: Readonly<Record<string, string>> = {
  'loadbalancer-zone-maps': 'zone-a:vsw-1',
  'loadbalancer-name': '1-starts-with-a-digit',
  'loadbalancer-additional-resource-tags': '=value',
  'loadbalancer-backend-label': 'no-equals-sign',
  'loadbalancer-protocol-port': 'https:443',
  'loadbalancer-listener-port-range': '80',
  'loadbalancer-vgroup-port': 'sgp-a',
  'loadbalancer-health-check-uri': 'no-slash',
}
const suffixes = [...new Set(NLB_ROWS.map(({ suffix }) => suffix))].filter(
  (suffix) => suffix !== 'loadbalancer-preserve-lb-on-delete',
)

for (const suffix of suffixes) {
  test(`a wrong value of ${suffix} is refused before any call, with what it is, and what may be`, async () => {
    const value = WRONG[suffix] ?? 'Wrong value'
    const { metadata } = await nlb.addService({ annotations: { [suffix]: value } })
    ccm.api.takeCalls()
    await ccm.sync(metadata.name)
    assert.deepEqual(ccm.api.takeCalls(), [])
    const [message = ''] = await ccm.events(metadata.name, 'SyncLoadBalancerFailed')
    assert.ok(message.includes(annotation(suffix)), message)
    assert.ok(message.includes(`'${value}': give `), message)
    const { status } = await ccm.service(metadata.name)
    assert.equal(status?.conditions?.[0]?.reason, 'InvalidAnnotation')
    await remove(metadata.name)
  })
}

/** Values that are right alone and wrong together. */
const CLASHES: readonly [set: Record<string, string>, message: RegExp, port?: Partial<ServicePort>][] = [
  [{ 'protocol-port': 'tcpssl:80' }, /cert-id has the value '': give the id of a certificate/],
  [{ ...TLS, cacert: 'on' }, /cacert-id has the value ''/],
  [{ ...TLS, alpn: 'on' }, /alpn-policy has the value ''/],
  [{ ...TLS, 'preserve-client-ip': 'on' }, /preserve-client-ip has the value 'on': give off/],
  [{ 'preserve-client-ip': 'off' }, /preserve-client-ip has the value 'off': give on/, { protocol: 'UDP' }],
  [{ 'idle-timeout': '60' }, /idle-timeout has the value '60': give 10 to 20/, { protocol: 'UDP' }],
  [{ scheduler: 'qch' }, /scheduler has the value 'qch'/],
  [{ 'listener-port-range': '1000-2000:80' }, /backend-type eni only/],
  [{ 'backend-type': 'eni', 'listener-port-range': '2000-1000:80' }, /first below last/],
  [{ 'vgroup-port': 'sgp-a:80' }, /vgroup-port has the value 'sgp-a:80': give it together with/],
  [{ weight: '50' }, /weight has the value '50'/],
  [{ 'zone-maps': 'zone-a:vsw-1,zone-a:vsw-2' }, /one vSwitch of the zone zone-a/],
  [{ 'zone-maps': 'zone-a:vsw-1::eip-1,zone-b:vsw-2', 'address-type': 'intranet' }, /EIPs with address-type internet/],
]

for (const [set, message, port] of CLASHES) {
  test(`annotations ${JSON.stringify(set)}${port === undefined ? '' : ' of a UDP port'} are refused before any call`, async () => {
    const ports: ServicePort[] = [{ port: 80, targetPort: 8080, ...port }]
    const { metadata } = await nlb.addService({ annotations: withIds(set), ports })
    ccm.api.takeCalls()
    await ccm.sync(metadata.name)
    assert.deepEqual(ccm.api.takeCalls(), [])
    assert.match((await ccm.events(metadata.name, 'SyncLoadBalancerFailed'))[0] ?? '', message)
    await remove(metadata.name)
  })
}
