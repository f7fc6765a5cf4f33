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
import { KubernetesZone } from '../../src/dns/zone/kubernetes-zone.ts'
import { ownRecords, serviceRecords, sliceRecords } from '../../src/dns/zone/service-records.ts'
import type { Service } from '../../src/kube/types/core.ts'
import type { EndpointSlice } from '../../src/kube/types/discovery.ts'

/** As the EndpointSlice controller makes them. */
const SLICE = 100
const [count = '10000', headless = '5000', port = '5353', plain = ''] = process.argv.slice(2)
const COREFILE = '. {\n kubernetes cluster.local in-addr.arpa {\n ttl 30\n }\n prometheus\n}'
const [config] = serverConfig(parseCorefile(COREFILE, { file: 'Corefile' }))
if (config?.kubernetes === undefined) process.exit(70)
const zone = new KubernetesZone({ ...config.kubernetes, localAddresses: ['127.0.0.1'] })
zone.synced = true

const before = retained()
const begin = performance.now()
for (let i = 0; i < Number(count); i++) {
  const address = `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  zone.set(`service/bench/service-${i}`, serviceRecords(service(`service-${i}`, address), [], zone.settings), 1)
}
const many = service('many', 'None')
zone.set('service/bench/many', ownRecords(many, { isEmpty: false }, zone.settings), 1)
for (let i = 0; i * SLICE < Number(headless); i++) setSlice(i, 0)
const loadMs = performance.now() - begin
const zoneMb = (retained() - before) / 1e6
const updates: number[] = []
const firstAnswers: number[] = []
const askMany = new Question().about(encodeName('many.bench.svc.cluster.local'), TYPE.A)
for (let turn = 1; turn <= 50; turn++) {
  const start = performance.now()
  setSlice(0, turn)
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
await UdpServer.open({ host: '127.0.0.1', port: Number(port), responder, log: silentLog, plain: plain === 'plain' })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ answers, cpuUs: user + system })
})
// Whoever started it may end without a word.
process.on('disconnect', () => process.exit(0))
process.send?.({
  load_ms: Math.round(loadMs),
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

function setSlice(index: number, turn: number): void {
  zone.set(`slice/bench/many-${index}`, sliceRecords(many, slice(index, turn), zone.settings), 1)
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
