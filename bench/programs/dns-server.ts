/** For `bench/dns.ts`: a server with many names, in a process of its own, that says what it has used. */
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { parseCorefile } from '../../src/dns/corefile/parse-corefile.ts'
import { serverConfig } from '../../src/dns/corefile/server-config.ts'
import { DnsMetrics } from '../../src/dns/server/metrics.ts'
import { Responder } from '../../src/dns/server/responder.ts'
import { ServerBlock } from '../../src/dns/server/server-block.ts'
import { UdpServer } from '../../src/dns/server/udp-server.ts'
import { ZoneChoice } from '../../src/dns/server/zone-choice.ts'
import { TYPE } from '../../src/dns/wire/codes.ts'
import { encodeName } from '../../src/dns/wire/name.ts'
import { Question } from '../../src/dns/wire/question.ts'
import { WorkerPool } from '../../src/dns/workers/worker-pool.ts'
import { KubernetesZone } from '../../src/dns/zone/kubernetes-zone.ts'
import type { NameRecord } from '../../src/dns/zone/name-record.ts'
import { ownRecords, serviceRecords, sliceRecords } from '../../src/dns/zone/service-records.ts'
import type { ZoneChange } from '../../src/dns/zone/zone-update.ts'
import type { Service } from '../../src/kube/types/core.ts'
import type { EndpointSlice } from '../../src/kube/types/discovery.ts'

/** As the EndpointSlice controller makes them. */
const SLICE = 100
const [count = '10000', headless = '5000', port = '5353', workers = '1', plain = ''] = process.argv.slice(2)
const COREFILE = '. {\n kubernetes cluster.local in-addr.arpa {\n ttl 30\n }\n prometheus\n}'
const [config] = serverConfig(parseCorefile(COREFILE, { file: 'Corefile' }))
if (config?.kubernetes === undefined) process.exit(70)
const zone = new KubernetesZone({ ...config.kubernetes, localAddresses: ['127.0.0.1'] })
zone.synced = true

const isPlain = plain === 'plain'
const nothing = () => {}
const pool =
  workers === '1'
    ? undefined
    : new WorkerPool({
        count: Number(workers) - 1,
        log: silentLog,
        plain: isPlain,
        listener: { line: nothing, query: nothing, seen: nothing, failed: (error) => fail(error) },
      })
const blocks = [{ config, probe: undefined }]
await pool?.ask({ kind: 'open', id: 1, blocks, localAddresses: ['127.0.0.1'] })

let changes: ZoneChange[] = []

const before = retained()
const begin = performance.now()
for (let i = 0; i < Number(count); i++) {
  const address = `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  say(`service/bench/service-${i}`, serviceRecords(service(`service-${i}`, address), [], zone.settings))
}
const many = service('many', 'None')
say('service/bench/many', ownRecords(many, { isEmpty: false }, zone.settings))
for (let i = 0; i * SLICE < Number(headless); i++) setSlice(i, 0)
publish()
const loadMs = performance.now() - begin
await pool?.ask({ kind: 'synced', id: 1, block: 0 })
const threadsLoadMs = performance.now() - begin
const zoneMb = (retained() - before) / 1e6
const updates: number[] = []
const firstAnswers: number[] = []
const askMany = new Question().about(encodeName('many.bench.svc.cluster.local'), TYPE.A)
for (let turn = 1; turn <= 50; turn++) {
  const start = performance.now()
  setSlice(0, turn)
  publish()
  const changed = performance.now()
  zone.answer(askMany)
  updates.push(changed - start)
  firstAnswers.push(performance.now() - changed)
}

const metrics = new DnsMetrics()
const block = new ServerBlock({
  config,
  zone,
  namespaceOf: () => undefined,
  metrics,
  clock: systemClock,
  random: Math.random,
  log: silentLog,
  writeLine: () => {},
  queryLog: undefined,
  probe: undefined,
})
const choice = new ZoneChoice([block])
let answers = 0
/** What the other threads have answered. */
async function elsewhere(): Promise<number> {
  const families = ((await pool?.figures()) ?? []).flat().filter(({ name }) => name === 'coredns_dns_requests_total')
  return families.flatMap(({ values }) => values).reduce((sum, { value }) => sum + value, 0)
}
const responder = new Responder({
  resolve: (question, asker) => choice.resolve(question, asker),
  ready: {
    write(question, asker, place) {
      const length = choice.write(question, asker, place)
      if (length > 0) answers++
      return length
    },
  },
  log: silentLog,
  observe: (exchange) => {
    answers++
    choice.observe(exchange)
  },
})
const place = { host: '127.0.0.1', port: Number(port) }
const sharing = pool === undefined ? undefined : ('first' as const)
await UdpServer.open({ ...place, responder, log: silentLog, plain: isPlain, sharing })
await pool?.ask({ kind: 'listen', id: 1, places: [{ ...place, blocks: [0] }] })
process.on('message', async () => {
  const all = answers + (await elsewhere())
  const { user, system } = process.cpuUsage()
  process.send?.({ answers: all, cpuUs: user + system })
})
// Whoever started it may end without a word.
process.on('disconnect', () => process.exit(0))
process.send?.({
  load_ms: Math.round(loadMs),
  ...(pool === undefined ? {} : { threads: Number(workers), threads_load_ms: Math.round(threadsLoadMs) }),
  zone_mb: tenths(zoneMb),
  headless_update_ms: tenths(median(updates), 100),
  headless_first_answer_ms: tenths(median(firstAnswers)),
  rss_mb: Math.round(process.memoryUsage().rss / 1e6),
})

/** Bytes that are in use after garbage was collected. */
function retained(): number {
  gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

function tenths(value: number, parts = 10): number {
  return Math.round(value * parts) / parts
}

/** What an object says. */
function say(owner: string, records: readonly NameRecord[]): void {
  zone.set(owner, records, 1)
  if (pool !== undefined) changes.push({ owner, records })
}

/** Tells the other threads what was said. */
function publish(): void {
  pool?.tell({ kind: 'update', id: 1, block: 0, update: { serial: 1, changes } })
  changes = []
}

function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`)
  process.exit(70)
}

function setSlice(index: number, turn: number): void {
  say(`slice/bench/many-${index}`, sliceRecords(many, slice(index, turn), zone.settings))
}

function service(name: string, clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bench' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  }
}

/** A part of the headless Service's endpoints, the first of them another each turn. */
function slice(index: number, turn: number): EndpointSlice {
  const first = index * SLICE
  const length = Math.min(SLICE, Number(headless) - first)
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `many-${index}`, namespace: 'bench' },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length }, (_, i) => ({
      addresses: [i === 0 ? `10.250.${index & 255}.${turn}` : `10.244.${(first + i) >> 8}.${(first + i) & 255}`],
      conditions: { ready: true },
    })),
  }
}
