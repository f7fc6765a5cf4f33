import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestBench, type TestBench } from '../../apiserver/test-bench.ts'
import { systemClock } from '../../base/clock.ts'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { createClient } from '../../kube/rest-client.ts'
import { ClusterAccess } from '../cluster-access.ts'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { serverConfig } from '../corefile/server-config.ts'
import { type DnsServer, type DnsServerOptions, startDnsServer } from '../dns-server.ts'
import { rcodeName } from '../wire/codes.ts'
import { decodeMessage } from '../wire/message.ts'
import { exchangeUdp, query } from './test-server.ts'
import { TestUpstream } from './test-upstream.ts'

let bench: TestBench
/** Whom names are asked of that fall through. */
let upstream: TestUpstream

const service = (namespace: string, name: string, more: object, labels = {}) =>
  ['services', namespace, name, { spec: { ports: [{ name: 'http', port: 80 }], ...more } }, labels] as const

const slice = (namespace: string, service: string, endpoints: readonly object[], labels = {}) =>
  [
    'endpointslices',
    namespace,
    `${service}-1`,
    { addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'TCP' }], endpoints },
    { 'kubernetes.io/service-name': service, ...labels },
  ] as const

const pod = (namespace: string, name: string, podIP: string, phase: string) => [namespace, name, podIP, phase] as const

const OBJECTS = [
  service('shop', 'web', { clusterIP: '10.96.1.1' }, { tier: 'front' }),
  slice('shop', 'web', [{ addresses: ['10.244.1.1'], targetRef: { kind: 'Pod', name: 'web-abc' } }], { tier: 'front' }),
  service('shop', 'empty', { clusterIP: '10.96.1.2' }),
  service('shop', 'db', { clusterIP: 'None' }),
  slice('shop', 'db', [
    { addresses: ['10.244.1.3'], hostname: 'db-0', targetRef: { kind: 'Pod', name: 'db-xyz' } },
    { addresses: ['10.244.1.4'], targetRef: { kind: 'Pod', name: 'db-uvw' } },
  ]),
  service('bank', 'web', { clusterIP: '10.96.2.1' }),
]
const PODS = [
  pod('shop', 'web-abc', '10.244.1.1', 'Running'),
  // It has ended, and its address is another's now.
  pod('bank', 'old', '10.244.1.1', 'Succeeded'),
]

before(async () => {
  bench = await openTestBench()
  upstream = await TestUpstream.open()
  const put = async (path: string, body: object) => {
    const { status, body: said } = await bench.call('POST', path, body)
    assert.equal(status, 201, JSON.stringify(said))
  }
  for (const [name, labels] of [
    ['shop', { dns: 'yes' }],
    ['bank', {}],
  ] as const) {
    await put('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  }
  for (const [plural, namespace, name, content, labels] of OBJECTS) {
    const isService = plural === 'services'
    const group = isService ? '/api/v1' : '/apis/discovery.k8s.io/v1'
    const kind = isService ? 'Service' : 'EndpointSlice'
    const metadata = { name, namespace, labels }
    await put(`${group}/namespaces/${namespace}/${plural}`, {
      apiVersion: group.split('/').slice(2).join('/'),
      kind,
      metadata,
      ...content,
    })
  }
  for (const [namespace, name, podIP, phase] of PODS) {
    const path = `/api/v1/namespaces/${namespace}/pods`
    const spec = { containers: [{ name: 'c', image: 'fairlead/echo' }] }
    await put(path, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec })
    const status = { phase, podIP, podIPs: [{ ip: podIP }] }
    await bench.call('PATCH', `${path}/${name}/status`, { status }, 'application/merge-patch+json')
  }
})

after(async () => {
  await upstream[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

async function start(block: string, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  const corefile = `. {\n kubernetes cluster.local in-addr.arpa {\n${block}\n }\n forward . 127.0.0.1:${upstream.port}\n}`
  const blocks = serverConfig(parseCorefile(corefile, { file: 'Corefile' }), 0)
  return startDnsServer({
    blocks: blocks.map((one) => ({ ...one, bind: ['127.0.0.1'] })),
    client: () => createClient(bench.transport),
    log: silentLog,
    clock: systemClock,
    writeLine: () => {},
    onLoop: () => {},
    ...options,
  })
}

async function ask(server: DnsServer, name: string, type = 'A'): Promise<string> {
  const full = name.endsWith('.arpa') ? name : `${name}.cluster.local`
  const message = decodeMessage(await exchangeUdp(server.ports[0]!, query(full, type)))
  assert.ok(message)
  const said = message.answers.map(({ data }) =>
    'address' in data ? data.address : 'target' in data ? data.target : data.kind,
  )
  return [rcodeName(message.flags & 15), ...said.sort()].join(' ')
}

for (const [option, rows] of [
  [
    'ttl 30',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['empty.shop.svc', 'NOERROR 10.96.1.2'],
      ['web.bank.svc', 'NOERROR 10.96.2.1'],
      ['db.shop.svc', 'NOERROR 10.244.1.3 10.244.1.4'],
      ['db-0.db.shop.svc', 'NOERROR 10.244.1.3'],
      ['10-244-1-4.db.shop.svc', 'NOERROR 10.244.1.4'],
      ['10-244-1-1.shop.pod', 'NXDOMAIN'],
      ['1.1.96.10.in-addr.arpa', 'NOERROR web.shop.svc.cluster.local', 'PTR'],
    ],
  ],
  [
    'namespaces bank\n namespaces other',
    [
      ['web.shop.svc', 'NXDOMAIN'],
      ['shop.svc', 'NXDOMAIN'],
      ['web.bank.svc', 'NOERROR 10.96.2.1'],
    ],
  ],
  [
    'namespace_labels dns in (yes, maybe)',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['web.bank.svc', 'NXDOMAIN'],
    ],
  ],
  [
    'labels tier=front',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['10-244-1-1.web.shop.svc', 'NOERROR 10.244.1.1'],
      ['empty.shop.svc', 'NXDOMAIN'],
      ['db.shop.svc', 'NXDOMAIN'],
    ],
  ],
  [
    'endpoint_pod_names',
    [
      ['db-0.db.shop.svc', 'NOERROR 10.244.1.3'],
      ['db-uvw.db.shop.svc', 'NOERROR 10.244.1.4'],
      ['10-244-1-4.db.shop.svc', 'NXDOMAIN'],
    ],
  ],
  [
    'ignore empty_service',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['empty.shop.svc', 'NXDOMAIN'],
    ],
  ],
  [
    'noendpoints',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['db.shop.svc', 'NXDOMAIN'],
      ['db-0.db.shop.svc', 'NXDOMAIN'],
    ],
  ],
  [
    'pods verified',
    [
      ['10-244-1-1.shop.pod', 'NOERROR 10.244.1.1'],
      ['10-244-1-1.bank.pod', 'NXDOMAIN'],
      ['10-1-1-1.shop.pod', 'NXDOMAIN'],
    ],
  ],
  [
    'pods insecure',
    [
      ['10-1-1-1.shop.pod', 'NOERROR 10.1.1.1'],
      ['10-1-1-1.nowhere.pod', 'NXDOMAIN'],
    ],
  ],
  [
    'fallthrough',
    [
      ['web.shop.svc', 'NOERROR 10.96.1.1'],
      ['other.shop.svc', 'NOERROR 192.0.2.1'],
    ],
  ],
  ['fallthrough in-addr.arpa', [['other.shop.svc', 'NXDOMAIN']]],
] as const) {
  test(`kubernetes: ${option.replaceAll('\n', ';')}`, async () => {
    await using server = await start(option)
    await server.synced
    for (const [name, wanted, type = 'A'] of rows) assert.equal(await ask(server, name, type), wanted, name)
  })
}

test('kubernetes: ttl is that of the records', async () => {
  await using server = await start('ttl 77')
  await server.synced
  const bytes = await exchangeUdp(server.ports[0]!, query('web.shop.svc.cluster.local'))
  assert.equal(decodeMessage(bytes)?.answers[0]?.ttl, 77)
})

test('kubernetes: endpoint and tls, kubeconfig, or nothing that would do', async () => {
  const { certificatePem, privateKeyPem } = await bench.certify('admin', ['system:masters'])
  const path = (name: string) => join(bench.directory, name)
  writeFileSync(path('cert'), certificatePem)
  writeFileSync(path('key'), privateKeyPem)
  writeFileSync(path('ca'), bench.authority)
  for (const option of [
    `endpoint https://127.0.0.1:${bench.port}\n tls ${path('cert')} ${path('key')} ${path('ca')}`,
    // A kubeconfig goes before an endpoint.
    `kubeconfig ${bench.kubeconfig()}\n endpoint https://127.0.0.1:9`,
  ]) {
    using access = new ClusterAccess(undefined, {})
    await using server = await start(option, { client: (config) => access.client(config) })
    await server.synced
    assert.equal(await ask(server, 'web.shop.svc'), 'NOERROR 10.96.1.1', option)
  }
  using access = new ClusterAccess(undefined, {})
  const client = { client: (config: Parameters<ClusterAccess['client']>[0]) => access.client(config) }
  await assert.rejects(start('', client), (error) => isFairleadError(error, 'INVALID_INPUT'))
  const missing = `endpoint https://127.0.0.1:${bench.port}\n tls ${path('cert')} ${path('none')} ${path('ca')}`
  await assert.rejects(start(missing, client), (error) => isFairleadError(error, 'NOT_FOUND'))
})
