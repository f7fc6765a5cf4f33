import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueSelfSigned } from '../self-signed-certificate.ts'
import { refusalOf } from '../test-cloud.ts'
import { openTestSlb, type TestSlb } from './test-slb.ts'

interface ListenerView {
  readonly ListenerPort: number
  readonly ListenerProtocol: string
  readonly Status: string
  readonly [name: string]: unknown
}

interface Bench {
  readonly slb: TestSlb
  readonly LoadBalancerId: string
  readonly VServerGroupId: string
  /** Creates a listener of a protocol on port 80. */
  create(protocol: string, parameters?: object): Promise<unknown>
  set(protocol: string, parameters: object): Promise<unknown>
  list(): Promise<ListenerView[]>
}

async function open(slb: TestSlb): Promise<Bench> {
  const LoadBalancerId = await slb.create()
  const { VServerGroupId } = await slb.ask<{ VServerGroupId: string }>('CreateVServerGroup', { LoadBalancerId })
  const place = { LoadBalancerId, ListenerPort: 80 }
  return {
    slb,
    LoadBalancerId,
    VServerGroupId,
    create: (protocol, parameters = {}) =>
      slb.ask(`CreateLoadBalancer${protocol}Listener`, { ...place, VServerGroupId, ...parameters }),
    set: (protocol, parameters) => slb.ask(`SetLoadBalancer${protocol}ListenerAttribute`, { ...place, ...parameters }),
    async list() {
      const { Listeners } = await slb.ask<{ Listeners: ListenerView[] }>('DescribeLoadBalancerListeners', {
        LoadBalancerId: [LoadBalancerId],
      })
      return Listeners
    },
  }
}

const HTTP = { StickySession: 'off', HealthCheck: 'off' }

test("a TCP listener has the API's defaults, and is stopped until it is started", async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  await bench.create('TCP', { Description: 'k8s/80/web/default/c1' })
  const [listener] = await bench.list()
  assert.equal(listener?.Status, 'stopped')
  assert.equal(listener?.Scheduler, 'wrr')
  assert.equal(listener?.Bandwidth, -1)
  assert.equal(listener?.Description, 'k8s/80/web/default/c1')
  assert.deepEqual(JSON.parse(JSON.stringify(listener?.TCPListenerConfig)), {
    HealthCheck: 'on',
    HealthCheckSwitch: 'on',
    HealthCheckType: 'tcp',
    HealthCheckConnectPort: -520,
    HealthCheckInterval: 2,
    HealthCheckConnectTimeout: 5,
    HealthyThreshold: 3,
    UnhealthyThreshold: 3,
    PersistenceTimeout: 0,
    EstablishedTimeout: 900,
    ConnectionDrain: 'off',
    ConnectionDrainTimeout: 0,
    ProxyProtocolV2Enabled: 'false',
  })
  await slb.ask('StartLoadBalancerListener', { LoadBalancerId: bench.LoadBalancerId, ListenerPort: 80 })
  assert.equal((await bench.list())[0]?.Status, 'running')
})

test('a change keeps what it does not name', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  await bench.create('TCP', {
    PersistenceTimeout: 100,
    healthCheckInterval: 7,
    HealthyThreshold: 4,
    ConnectionDrain: 'on',
    ConnectionDrainTimeout: 30,
  })
  await bench.set('TCP', { HealthCheckInterval: 9, Scheduler: 'rr' })
  const config = (await bench.list())[0]?.TCPListenerConfig as Record<string, unknown>
  assert.deepEqual(
    [config.PersistenceTimeout, config.HealthCheckInterval, config.HealthyThreshold, config.ConnectionDrainTimeout],
    [100, 9, 4, 30],
  )
  await bench.set('TCP', { HealthCheckSwitch: 'off', ConnectionDrain: 'off', PersistenceTimeout: 0 })
  const off = (await bench.list())[0]?.TCPListenerConfig as Record<string, unknown>
  assert.deepEqual([off.HealthCheckSwitch, off.ConnectionDrain, off.PersistenceTimeout], ['off', 'off', 0])
})

test('TCP and UDP share a port; two protocols over TCP do not', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  await bench.create('TCP')
  await bench.create('UDP')
  assert.equal(await refusalOf(bench.create('TCP')), 'ListenerAlreadyExists')
  assert.equal(await refusalOf(bench.create('HTTP', HTTP)), 'ListenerPortConflict')
  assert.deepEqual(
    (await bench.list()).map((listener) => listener.ListenerProtocol),
    ['tcp', 'udp'],
  )
  const place = { LoadBalancerId: bench.LoadBalancerId, ListenerPort: 80 }
  await slb.ask('DeleteLoadBalancerListener', { ...place, ListenerProtocol: 'tcp' })
  assert.deepEqual(
    (await bench.list()).map((listener) => listener.ListenerProtocol),
    ['udp'],
  )
  assert.equal(
    await refusalOf(slb.ask('DeleteLoadBalancerListener', { ...place, ListenerProtocol: 'tcp' })),
    'InvalidParameter.ListenerNotFound',
  )
})

test('every parameter has its range', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  const rows: [string, object, string][] = [
    ['TCP', { ListenerPort: 0 }, 'InvalidParameter.ListenerPort'],
    ['TCP', { ListenerPort: 65_536 }, 'InvalidParameter.ListenerPort'],
    ['TCP', { VServerGroupId: '' }, 'MissingParameter'],
    ['TCP', { VServerGroupId: 'rsp-none' }, 'ResourceNotFound.VServerGroup'],
    ['TCP', { Scheduler: 'wlc' }, 'InvalidParameter.Scheduler'],
    ['TCP', { Scheduler: 'qch' }, 'InvalidParameter.Scheduler'],
    ['TCP', { Bandwidth: 0 }, 'InvalidParameter.Bandwidth'],
    ['TCP', { PersistenceTimeout: 3_601 }, 'InvalidParameter.PersistenceTimeout'],
    ['TCP', { EstablishedTimeout: 9 }, 'InvalidParameter.EstablishedTimeout'],
    ['TCP', { HealthCheckInterval: 51 }, 'InvalidParameter.HealthCheckInterval'],
    ['TCP', { HealthCheckConnectTimeout: 301 }, 'InvalidParameter.HealthCheckConnectTimeout'],
    ['TCP', { HealthyThreshold: 1 }, 'InvalidParameter.HealthyThreshold'],
    ['TCP', { UnhealthyThreshold: 11 }, 'InvalidParameter.UnhealthyThreshold'],
    ['TCP', { HealthCheckType: 'udp' }, 'InvalidParameter.HealthCheckType'],
    ['TCP', { HealthCheckType: 'http', HealthCheckURI: 'no-slash' }, 'InvalidParameter.HealthCheckURI'],
    ['TCP', { HealthCheckType: 'http', HealthCheckHttpCode: 'http_9xx' }, 'InvalidParameter.HealthCheckHttpCode'],
    ['TCP', { ConnectionDrain: 'on' }, 'MissingParam.ConnectionDrainTimeout'],
    ['TCP', { ConnectionDrain: 'on', ConnectionDrainTimeout: 901 }, 'InvalidParameter.ConnectionDrainTimeout'],
    ['TCP', { AclStatus: 'on', AclType: 'white' }, 'MissingAclId'],
    ['TCP', { AclStatus: 'on', AclType: 'grey', AclId: 'acl-none' }, 'InvalidParameter.AclType'],
    ['TCP', { AclStatus: 'on', AclType: 'white', AclId: 'acl-none' }, 'AclNotExist'],
    ['HTTP', { HealthCheck: 'off' }, 'MissingStickySession'],
    ['HTTP', { StickySession: 'off' }, 'MissingHealthCheck'],
    ['HTTP', { ...HTTP, StickySession: 'on' }, 'MissingParam.StickySessionType'],
    ['HTTP', { ...HTTP, StickySession: 'on', StickySessionType: 'insert' }, 'MissingParam.CookieTimeout'],
    [
      'HTTP',
      { ...HTTP, StickySession: 'on', StickySessionType: 'insert', CookieTimeout: 86_401 },
      'InvalidParameter.CookieTimeout',
    ],
    ['HTTP', { ...HTTP, StickySession: 'on', StickySessionType: 'server', Cookie: '$x' }, 'InvalidParameter.Cookie'],
    ['HTTP', { ...HTTP, Scheduler: 'sch' }, 'InvalidParameter.Scheduler'],
    ['HTTP', { ...HTTP, IdleTimeout: 61 }, 'InvalidParameter.IdleTimeout'],
    ['HTTP', { ...HTTP, RequestTimeout: 181 }, 'InvalidParameter.RequestTimeout'],
    ['HTTP', { ...HTTP, ListenerForward: 'on' }, 'MissingParam.ForwardPort'],
    ['HTTP', { ...HTTP, ListenerForward: 'on', ForwardPort: 443 }, 'ListenerForwardNotExist'],
    ['HTTPS', HTTP, 'MissingServerCertificateId'],
    ['HTTPS', { ...HTTP, ServerCertificateId: 'none' }, 'InvalidParameter.ServerCertificateId'],
  ]
  for (const [protocol, parameters, code] of rows) {
    assert.equal(await refusalOf(bench.create(protocol, parameters)), code, `${protocol} ${JSON.stringify(parameters)}`)
  }
  assert.deepEqual(await bench.list(), [])
})

test('a live listener does not change to or from hashing', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  await bench.create('TCP', { Scheduler: 'rr' })
  await bench.set('TCP', { Scheduler: 'wrr' })
  assert.equal(await refusalOf(bench.set('TCP', { Scheduler: 'sch' })), 'InvalidParameter.Scheduler')
})

test('HTTPS serves a certificate of the store, others by name, and is what HTTP redirects to', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  const { certificatePem, privateKeyPem } = await issueSelfSigned('www.example.com')
  const { LoadBalancerId } = bench
  const upload = await slb.ask<{ ServerCertificateId: string; CommonName: string }>('UploadServerCertificate', {
    ServerCertificate: certificatePem,
    PrivateKey: privateKeyPem,
  })
  const { ServerCertificateId } = upload
  assert.equal(upload.CommonName, 'www.example.com')
  await bench.create('HTTPS', { ...HTTP, ListenerPort: 443, ServerCertificateId })
  await bench.create('HTTP', { ...HTTP, ListenerForward: 'on', ForwardPort: 443 })
  const domain = { LoadBalancerId, ListenerPort: 443, Domain: '*.example.com', ServerCertificateId }
  const { DomainExtensionId } = await slb.ask<{ DomainExtensionId: string }>('CreateDomainExtension', domain)
  assert.equal(await refusalOf(slb.ask('CreateDomainExtension', domain)), 'DomainExtensionExist')
  for (const name of ['a', 'b']) await slb.ask('CreateDomainExtension', { ...domain, Domain: `${name}.example.com` })
  assert.equal(
    await refusalOf(slb.ask('CreateDomainExtension', { ...domain, Domain: 'c.example.com' })),
    'OperationForbidden.QuotaLimit',
  )
  assert.equal(
    await refusalOf(slb.ask('DeleteServerCertificate', { ServerCertificateId })),
    'CertificateNotAllowedDelete',
  )
  const place = { LoadBalancerId, ListenerPort: 443, ListenerProtocol: 'https' }
  assert.equal(await refusalOf(slb.ask('DeleteLoadBalancerListener', place)), 'OperationFailed.ListenerIsForwarded')
  await slb.ask('DeleteDomainExtension', { DomainExtensionId })
  await slb.ask('DeleteLoadBalancerListener', { LoadBalancerId, ListenerPort: 80, ListenerProtocol: 'http' })
  await slb.ask('DeleteLoadBalancerListener', place)
  await slb.ask('DeleteServerCertificate', { ServerCertificateId })
  const other = await issueSelfSigned('other.example.com')
  const mixed = { ServerCertificate: certificatePem, PrivateKey: other.privateKeyPem }
  assert.equal(await refusalOf(slb.ask('UploadServerCertificate', mixed)), 'CertificateAndPrivateKeyMismatch')
})

test('an access control list of the right kind is kept while a listener uses it', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  const { AclId } = await slb.ask<{ AclId: string }>('CreateAccessControlList', { AclName: 'office' })
  const entries = (...list: string[]) => ({
    AclId,
    AclEntrys: JSON.stringify(list.map((entry) => ({ entry, comment: 'c' }))),
  })
  await slb.ask('AddAccessControlListEntry', entries('198.51.100.0/24', '10.0.0.1'))
  assert.equal(await refusalOf(slb.ask('AddAccessControlListEntry', entries('10.0.0.1/32'))), 'AclEntryExists')
  assert.equal(await refusalOf(slb.ask('AddAccessControlListEntry', entries('2001:db8::/32'))), 'IpVersionConflict')
  assert.equal(await refusalOf(slb.ask('AddAccessControlListEntry', entries('everybody'))), 'InvalidParameter.AclEntry')
  await bench.create('TCP', { AclStatus: 'on', AclType: 'black', AclId })
  assert.equal(JSON.stringify((await bench.list())[0]?.AclIds), JSON.stringify([AclId]))
  assert.equal(await refusalOf(slb.ask('DeleteAccessControlList', { AclId })), 'AclInUsed')
  await bench.set('TCP', { AclStatus: 'off' })
  await slb.ask('DeleteAccessControlList', { AclId })
})

test('an instance has 50 listeners at most, and lists them page by page', async () => {
  await using slb = await openTestSlb()
  const bench = await open(slb)
  for (let port = 1; port <= 50; port++) await bench.create('TCP', { ListenerPort: port })
  assert.equal(await refusalOf(bench.create('TCP', { ListenerPort: 51 })), 'OperationForbidden.QuotaLimit')
  const ports: number[] = []
  let NextToken: string | undefined
  do {
    const page: { Listeners: ListenerView[]; NextToken?: string } = await slb.ask('DescribeLoadBalancerListeners', {
      LoadBalancerId: [bench.LoadBalancerId],
      MaxResults: 20,
      ...(NextToken === undefined ? {} : { NextToken }),
    })
    ports.push(...page.Listeners.map((listener) => listener.ListenerPort))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  assert.deepEqual(
    ports,
    Array.from({ length: 50 }, (_, i) => i + 1),
  )
})
