/** For `bench/dns.ts`: a server with many names, in a process of its own, that says what it has used. */
import { silentLog } from '../../src/base/log.ts'
import { Responder } from '../../src/dns/server/responder.ts'
import { UdpServer } from '../../src/dns/server/udp-server.ts'
import { emptyAnswer } from '../../src/dns/wire/answer.ts'
import { RCODE } from '../../src/dns/wire/codes.ts'
import { KubernetesZone } from '../../src/dns/zone/kubernetes-zone.ts'
import { DEFAULT_ZONE_OPTIONS } from '../../src/dns/zone/name-record.ts'
import { serviceRecords } from '../../src/dns/zone/service-records.ts'
import type { Service } from '../../src/kube/types/core.ts'

const [count = '10000', port = '5353', plain = ''] = process.argv.slice(2)
const zone = new KubernetesZone({ ...DEFAULT_ZONE_OPTIONS, ttl: 30, fallthrough: [], localAddresses: ['127.0.0.1'] })
zone.synced = true
for (let i = 0; i < Number(count); i++) {
  const clusterIP = `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `service-${i}`, namespace: 'bench' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  }
  zone.set(`service/bench/service-${i}`, serviceRecords(service, [], zone.settings), 1)
}
let answers = 0
const responder = new Responder({
  resolve: (question) => {
    const answer = zone.answer(question)
    return answer === undefined || 'elsewhere' in answer ? emptyAnswer(RCODE.REFUSED) : answer
  },
  log: silentLog,
  observe: () => {
    answers++
  },
})
await UdpServer.open({ host: '127.0.0.1', port: Number(port), responder, log: silentLog, plain: plain === 'plain' })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ answers, cpuUs: user + system, rssMb: Math.round(process.memoryUsage().rss / 1e6) })
})
process.send?.({ ready: true })
