import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from '../../apiserver/test-bench.ts'
import { systemClock } from '../../base/clock.ts'
import { isFairleadError } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { endpointSlices, pods, services } from '../../kube/resource.ts'
import { createClient } from '../../kube/rest-client.ts'
import { parseCorefile } from '../corefile/parse-corefile.ts'
import { serverConfig } from '../corefile/server-config.ts'
import { type DnsServer, type DnsServerOptions, startDnsServer } from '../dns-server.ts'
import { exchangeUdp, query, until } from '../server/test-server.ts'
import { TestUpstream } from '../server/test-upstream.ts'
import { rcodeName } from '../wire/codes.ts'
import { decodeMessage } from '../wire/message.ts'

const THREADS = 3
/** Each asked from a port of its own, by which the kernel chooses the thread. */
const ASKERS = 24

function blocksOf(corefile: string) {
  const blocks = serverConfig(parseCorefile(corefile, { file: 'Corefile' }), 0)
  return blocks.map((block) => ({ ...block, bind: ['127.0.0.1'] }))
}

function start(corefile: string, options: Partial<DnsServerOptions> = {}): Promise<DnsServer> {
  return startDnsServer({
    blocks: blocksOf(corefile),
    client: () => assert.fail('no cluster here'),
    log: silentLog,
    clock: systemClock,
    writeLine: () => {},
    onLoop: () => {},
    workers: THREADS,
    ...options,
  })
}

/** What each of many askers hears, in the order of the records' bytes: which of them is first is the thread's own. */
async function askAll(server: DnsServer, name: string, type = 'A'): Promise<readonly string[]> {
  const packet = query(name, type, { udpSize: 1232 })
  const all = Array.from({ length: ASKERS }, () => exchangeUdp(server.ports[0]!, packet))
  return (await Promise.all(all)).map((bytes) => {
    const message = decodeMessage(bytes)
    assert.ok(message)
    const records = [...message.answers, ...message.authorities, ...message.additionals].map((record) =>
      // How long ago each thread heard of what others say is its own affair.
      JSON.stringify(record.name.endsWith('example.com') ? { ...record, ttl: 0 } : record),
    )
    return JSON.stringify([rcodeName(message.flags & 15), message.flags, records.sort()])
  })
}

/** How many threads have answered so far. */
async function threads(server: DnsServer): Promise<number> {
  return (await server.threadFigures()).filter((families) => families.some(({ name }) => name === REQUESTS)).length
}
const REQUESTS = 'coredns_dns_requests_total'

const service = (name: string, clusterIP: string | undefined) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ name: 'http', port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
})

test('all threads say the same, and a change reaches each', async () => {
  await using bench = await openTestBench()
  await using upstream = await TestUpstream.open()
  const client = createClient(bench.transport)
  const lines: string[] = []
  const cluster = 'kubernetes cluster.local in-addr.arpa {\n pods verified\n }'
  const rest = `rewrite name old.example web.default.svc.cluster.local\n forward . 127.0.0.1:${upstream.port}\n cache 30\n log`
  await using server = await start(`. {\n ${cluster}\n ${rest}\n loadbalance\n prometheus 127.0.0.1:0\n}`, {
    client: () => client,
    writeLine: (line) => lines.push(line),
  })
  await server.synced
  await client.create(services, service('web', '10.96.0.77') as never)
  await client.create(services, service('db', 'None') as never)
  await client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
    addressType: 'IPv4',
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.244.1.1'] }, { addresses: ['10.244.1.2'], hostname: 'db-0' }],
  } as never)
  const saysEach = async (name: string, wanted: RegExp) =>
    (await askAll(server, name)).every((text) => wanted.test(text))
  await until(() => saysEach('web.default.svc.cluster.local', /10\.96\.0\.77/))
  await until(() => saysEach('db.default.svc.cluster.local', /10\.244\.1\.1.*10\.244\.1\.2/))
  for (const [name, type] of [
    ['web.default.svc.cluster.local', 'A'],
    ['web.default.svc.cluster.local', 'AAAA'],
    ['db.default.svc.cluster.local', 'A'],
    ['_sql._tcp.db.default.svc.cluster.local', 'SRV'],
    ['db-0.db.default.svc.cluster.local', 'A'],
    ['77.0.96.10.in-addr.arpa', 'PTR'],
    ['nothing.default.svc.cluster.local', 'A'],
    ['default.svc.cluster.local', 'A'],
    ['cluster.local', 'SOA'],
    ['old.example', 'A'],
    ['www.example.com', 'A'],
    ['no.example.com', 'A'],
  ] as const) {
    await until(async () => new Set(await askAll(server, name, type)).size === 1)
  }
  await until(async () => {
    await askAll(server, 'web.default.svc.cluster.local')
    return (await threads(server)) === THREADS
  })
  assert.match(await server.metricsText(), /coredns_dns_requests_total\{.*type="A"\} \d+/)
  await client.delete(services, { namespace: 'default', name: 'web' })
  await until(() => saysEach('web.default.svc.cluster.local', /^\["NXDOMAIN",/))
  const counted = (await server.threadFigures()).flat().filter(({ name }) => name === REQUESTS)
  const asked = counted.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0)
  assert.equal(lines.length, asked, 'the query log has what all threads were asked')
})

test('search lists of pods are known to all threads', async () => {
  await using bench = await openTestBench()
  await using upstream = await TestUpstream.open()
  const client = createClient(bench.transport)
  await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'me', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'fairlead/echo' }] },
  } as never)
  await bench.call(
    'PATCH',
    '/api/v1/namespaces/default/pods/me/status',
    { status: { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] } },
    'application/merge-patch+json',
  )
  await using server = await start(
    `. {\n autopath @kubernetes\n kubernetes cluster.local {\n pods verified\n }\n forward . 127.0.0.1:${upstream.port}\n}`,
    { client: () => client },
  )
  await server.synced
  const answers = await askAll(server, 'www.example.com.default.svc.cluster.local')
  for (const text of answers) assert.match(text, /CNAME.*192\.0\.2\.1|192\.0\.2\.1.*CNAME/)
})

test('another Corefile is taken over by all threads', async () => {
  const corefile = (address: string) => `. {\n hosts {\n ${address} a.test\n }\n}`
  await using server = await start(corefile('10.0.0.1'))
  for (const text of await askAll(server, 'a.test')) assert.match(text, /10\.0\.0\.1/)
  const [port] = server.ports
  await server.reload(blocksOf(corefile('10.0.0.2')))
  for (const text of await askAll(server, 'a.test')) assert.match(text, /10\.0\.0\.2/)
  assert.deepEqual(server.ports, [port])
})

test('a circle of forwarding is found, whichever thread it comes to', async () => {
  await using holder = await TestUpstream.open()
  const { port } = holder
  await holder[Symbol.asyncDispose]()
  let tell = (_: string) => {}
  const looped = new Promise<string>((resolve) => {
    tell = resolve
  })
  await using server = await start(`.:${port} {\n loop\n forward . 127.0.0.1:${port}\n}`, { onLoop: tell })
  assert.match(await looped, /^Loop \(127\.0\.0\.1:\d+ -> :\d+\) detected for zone "\."/)
  assert.equal(server.ports.length, 1)
})

test('the place is shared by threads, not with anybody else', async () => {
  const corefile = '. {\n hosts {\n 10.0.0.1 a.test\n }\n}'
  await using server = await start(corefile)
  const [port = 0] = server.ports
  const blocks = blocksOf(corefile).map((block) => ({ ...block, port }))
  await assert.rejects(start(corefile, { blocks }), (error) => isFairleadError(error, 'PORT_TAKEN'))
  for (const text of await askAll(server, 'a.test')) assert.match(text, /10\.0\.0\.1/)
})

test('a thread that does not start is told, and one that ends later too', async () => {
  const program = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`)
  const corefile = '. {\n hosts {\n 10.0.0.1 a.test\n }\n}'
  await assert.rejects(
    start(corefile, { workerProgram: program('throw new Error("no way")') }),
    (error) =>
      isFairleadError(error, 'PROCESS_FAILED') && /^Thread \d of the DNS server failed: no way$/.test(error.message),
  )
  const willing = `
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ kind, request }) => {
      if (kind === 'listen') process.exit(9)
      parentPort.postMessage({ kind: 'done', request })
    })`
  await assert.rejects(start(corefile, { workerProgram: program(willing) }), /failed: it ended with code 9/)
  const later = willing.replace("kind === 'listen'", "kind === 'figures'")
  await using server = await start(corefile, { workers: 2, workerProgram: program(later) })
  await assert.rejects(server.metricsText(), /Thread 2 of the DNS server failed: it ended with code 9/)
  assert.match((await server.failed).message, /^Thread 2 of the DNS server failed: it ended with code 9$/)
})
