/** For `bench/dns.ts`: a server with many names, in a process of its own, that says what it has used. */
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { parseCorefile } from '../../src/dns/corefile/parse-corefile.ts'
import { serverConfig } from '../../src/dns/corefile/server-config.ts'
import { DnsMetrics } from '../../src/dns/server/metrics.ts'
import { Responder } from '../../src/dns/server/responder.ts'
import { ServerBlock } from '../../src/dns/server/server-block.ts'
import { UdpServer } from '../../src/dns/server/udp-server.ts'
import { KubernetesZone } from '../../src/dns/zone/kubernetes-zone.ts'
import { serviceRecords } from '../../src/dns/zone/service-records.ts'
import type { Service } from '../../src/kube/types/core.ts'
import type { EndpointSlice } from '../../src/kube/types/discovery.ts'

const [count = '10000', headless = '5000', port = '5353', plain = ''] = process.argv.slice(2)
const COREFILE = '. {\n kubernetes cluster.local in-addr.arpa {\n ttl 30\n }\n prometheus\n}'
const [config] = serverConfig(parseCorefile(COREFILE, { file: 'Corefile' }))
if (config?.kubernetes === undefined) process.exit(70)
const zone = new KubernetesZone({ ...config.kubernetes, localAddresses: ['127.0.0.1'] })
zone.synced = true

const begin = performance.now()
for (let i = 0; i < Number(count); i++)
  setService(service(`service-${i}`, `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`), [])
setService(service('many', 'None'), [slice(0)])
const loadMs = performance.now() - begin
const updates: number[] = []
for (let i = 1; i <= 50; i++) {
  const start = performance.now()
  setService(service('many', 'None'), [slice(i)])
  updates.push(performance.now() - start)
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
  onLoop: () => {},
})
const tally = metrics.zone('dns://:53', '.')
let answers = 0
const responder = new Responder({
  resolve: (question, asker) => block.resolve(question, asker),
  log: silentLog,
  observe: (exchange) => {
    answers++
    block.observe(tally, exchange)
  },
})
await UdpServer.open({ host: '127.0.0.1', port: Number(port), responder, log: silentLog, plain: plain === 'plain' })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ answers, cpuUs: user + system })
})
// Whoever started it may end without a word.
process.on('disconnect', () => process.exit(0))
const sorted = updates.sort((a, b) => a - b)
process.send?.({
  load_ms: Math.round(loadMs),
  headless_update_ms: Math.round((sorted[25] ?? 0) * 10) / 10,
  rss_mb: Math.round(process.memoryUsage().rss / 1e6),
})

function setService(object: Service, slices: readonly EndpointSlice[]): void {
  zone.set(`service/bench/${object.metadata.name}`, serviceRecords(object, slices, zone.settings), 1)
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

/** All endpoints of the headless Service, one of them another each turn. */
function slice(turn: number): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'many-1', namespace: 'bench' },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length: Number(headless) }, (_, i) => ({
      addresses: [i === 0 ? `10.250.0.${turn}` : `10.${244 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`],
      conditions: { ready: true },
    })),
  }
}
