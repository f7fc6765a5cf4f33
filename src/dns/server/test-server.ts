/** For tests: a server with a few names, and a client that asks it. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { emptyAnswer } from '../wire/answer.ts'
import { CLASS_IN, FLAG, RCODE, typeCode } from '../wire/codes.ts'
import type { EdnsOption } from '../wire/edns-option.ts'
import { encodeMessage } from '../wire/message.ts'
import { KubernetesZone, type ZoneSettings } from '../zone/kubernetes-zone.ts'
import { DEFAULT_ZONE_OPTIONS } from '../zone/name-record.ts'
import { namespaceRecords, serviceRecords } from '../zone/service-records.ts'
import { Responder } from './responder.ts'

/** Longer than a busy machine takes; no test is about time. */
const LIMIT_MS = 30_000
const PAUSE_MS = 10

/** Looks until it is so: for what nobody announces. */
export async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LIMIT_MS
  while (!(await look())) {
    if (Date.now() > deadline) assert.fail('it never came to be')
    await systemClock.sleep(PAUSE_MS)
  }
}

/** `web` with a cluster IP, and `many`, headless, with as many endpoints as are wished. */
export function testZone(many = 3, settings: Partial<ZoneSettings> = {}): KubernetesZone {
  const zone = new KubernetesZone({
    ...DEFAULT_ZONE_OPTIONS,
    zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'],
    fallthrough: [],
    localAddresses: ['127.0.0.1'],
    ...settings,
  })
  zone.synced = true
  zone.set(
    'namespace/default',
    namespaceRecords({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }, zone.settings),
    1,
  )
  for (const [name, clusterIP] of [
    ['web', '10.96.0.5'],
    ['many', 'None'],
  ] as const) {
    zone.set(`service/default/${name}`, serviceRecords(service(name, clusterIP), [slice(name, many)], zone.settings), 1)
  }
  return zone
}

export function testResponder(zone: KubernetesZone): Responder {
  const { ready } = zone.table
  return new Responder({
    ready: {
      write(question, _, place) {
        const at = question.class === CLASS_IN ? ready.find(question) : -1
        return at < 0 ? 0 : ready.write(at, question, place)
      },
    },
    resolve: (question) => {
      const answer = zone.answer(question)
      return answer === undefined || 'elsewhere' in answer ? emptyAnswer(RCODE.REFUSED) : answer
    },
    log: silentLog,
    observe: () => {},
  })
}

interface QueryOptions {
  readonly id?: number
  readonly udpSize?: number
  readonly edns?: readonly EdnsOption[]
}

/** The bytes of a question. */
export function query(name: string, type = 'A', options: QueryOptions = {}): Buffer {
  const { id = 0x1234, udpSize, edns = [] } = options
  const question = { name, type: typeCode(type) ?? 0, class: 1 }
  return encodeMessage({
    id,
    flags: FLAG.RD,
    question,
    ...(udpSize === undefined ? {} : { edns: { udpSize, options: edns } }),
  })
}

/** Sends a packet and returns what comes back. */
export async function exchangeUdp(port: number, packet: Buffer, host = '127.0.0.1'): Promise<Buffer> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`No answer from ${host}:${port}`)), LIMIT_MS)
      socket.once('message', (data) => {
        clearTimeout(timer)
        resolve(data)
      })
      socket.send(packet, port, host)
    })
  } finally {
    socket.close()
  }
}

function service(name: string, clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  }
}

function slice(name: string, count: number): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length: count }, (_, i) => ({
      addresses: [`10.244.${i >> 8}.${i & 255}`],
      conditions: { ready: true },
      hostname: `${name}-${i}`,
    })),
  }
}
