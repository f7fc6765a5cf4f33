import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import type { Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { writeResponse } from '../wire/answer.ts'
import { FLAG, RCODE, rcodeName, TYPE, typeCode } from '../wire/codes.ts'
import { decodeMessage, encodeMessage, type Message } from '../wire/message.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import type { RecordData } from '../wire/record.ts'
import { KubernetesZone, type ZoneSettings } from './kubernetes-zone.ts'
import { DEFAULT_ZONE_OPTIONS } from './name-record.ts'
import { namespaceRecords, podRecords, serviceRecords } from './service-records.ts'
import {
  arbitraryNamespace,
  arbitraryService,
  arbitrarySlice,
  type Expected,
  expectedAnswer,
  type Objects,
  questionsAbout,
} from './test-objects.ts'

const SETTINGS: ZoneSettings = {
  ...DEFAULT_ZONE_OPTIONS,
  zones: ['cluster.local', 'in-addr.arpa', 'ip6.arpa'],
  fallthrough: [],
  localAddresses: ['10.244.9.9'],
}
const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'PTR']

function openZone(settings: Partial<ZoneSettings> = {}): KubernetesZone {
  const zone = new KubernetesZone({ ...SETTINGS, ...settings })
  zone.synced = true
  return zone
}

function load(zone: KubernetesZone, objects: Objects): void {
  for (const namespace of objects.namespaces) {
    zone.set(`namespace/${namespace.metadata.name}`, namespaceRecords(namespace, zone.settings), 1)
  }
  for (const service of objects.services) setService(zone, service, objects.slices)
}

function setService(zone: KubernetesZone, service: Service, slices: readonly EndpointSlice[]): void {
  const { name, namespace } = service.metadata
  const own = slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
  )
  zone.set(`service/${namespace}/${name}`, serviceRecords(service, own, zone.settings), 1)
}

function ask(zone: KubernetesZone, name: string, type: string): Message | 'elsewhere' {
  const request = encodeMessage({
    id: 7,
    flags: FLAG.RD,
    question: { name, type: typeCode(type) ?? 0, class: 1 },
    edns: { udpSize: 4096 },
  })
  const question = new Question()
  assert.equal(question.read(request, 0, request.length), 'ask')
  const answer = zone.answer(question)
  if (answer === undefined || 'elsewhere' in answer) return 'elsewhere'
  const out = Buffer.alloc(65_535)
  const length = writeResponse(out, 0, question, answer, { size: 65_535, turn: 0 })
  const bytes = out.subarray(0, length)
  const packet = decode(bytes) as Packet & { rcode: string }
  const message = decodeMessage(bytes)
  assert.ok(message, `${name} ${type} is malformed`)
  assert.equal(packet.answers?.length, message.answers.length)
  assert.equal(message.question?.name, name)
  return message
}

function words(data: RecordData): string {
  if (data.kind === 'SRV') return `${data.port} ${data.target}`
  if ('address' in data) return data.address
  if ('target' in data) return data.target
  return data.kind === 'TXT' ? data.strings.join() : data.kind
}

function told(message: Message | 'elsewhere'): Expected {
  if (message === 'elsewhere') return message
  const rcode = rcodeName(message.flags & 15)
  assert.ok(rcode === 'NOERROR' || rcode === 'NXDOMAIN')
  return { rcode, data: message.answers.map(({ data }) => words(data)).sort() }
}

const objectSet = fc.record({
  namespaces: fc.uniqueArray(arbitraryNamespace, { selector: ({ metadata }) => metadata.name }),
  services: fc.uniqueArray(arbitraryService, {
    maxLength: 6,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  }),
  slices: fc.uniqueArray(arbitrarySlice, {
    maxLength: 6,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
  }),
})

test('every name of every type is answered as the specification says', () => {
  fc.assert(
    fc.property(objectSet, (objects) => {
      const zone = openZone()
      load(zone, objects)
      for (const name of questionsAbout(objects)) {
        for (const type of TYPES) {
          assert.deepEqual(told(ask(zone, name, type)), expectedAnswer(objects, name, type), `${name} ${type}`)
        }
      }
    }),
    { numRuns: 20 },
  )
})

test('after any sequence of changes the answers are those of a zone made afresh', () => {
  fc.assert(
    fc.property(fc.array(objectSet, { minLength: 2, maxLength: 4 }), (states) => {
      const zone = openZone()
      let before: Objects = { namespaces: [], services: [], slices: [] }
      for (const objects of states) {
        for (const { metadata } of before.namespaces) {
          if (!objects.namespaces.some((other) => other.metadata.name === metadata.name)) {
            zone.set(`namespace/${metadata.name}`, [], 1)
          }
        }
        for (const { metadata } of before.services) {
          const { namespace, name } = metadata
          const stays = objects.services.some(
            (other) => other.metadata.name === name && other.metadata.namespace === namespace,
          )
          if (!stays) zone.set(`service/${namespace}/${name}`, [], 1)
        }
        load(zone, objects)
        const fresh = openZone()
        load(fresh, objects)
        assert.deepEqual(zone.table.names().sort(), fresh.table.names().sort())
        for (const name of questionsAbout(objects)) {
          for (const type of ['A', 'SRV', 'PTR']) {
            assert.deepEqual(told(ask(zone, name, type)), told(ask(fresh, name, type)), `${name} ${type}`)
          }
        }
        before = objects
      }
    }),
    { numRuns: 10 },
  )
})

const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    type: 'ClusterIP',
    clusterIP: '10.96.0.5',
    clusterIPs: ['10.96.0.5', 'fd00:10:96::5'],
    ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  },
}
const DEFAULT = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } } as const

test('only the names that a change touches lose their ready answers', () => {
  const zone = openZone()
  load(zone, {
    namespaces: [DEFAULT],
    services: [web, { ...web, metadata: { ...web.metadata, name: 'other' } }],
    slices: [],
  })
  for (const name of ['web', 'other']) ask(zone, `${name}.default.svc.cluster.local`, 'A')
  const isReady = (name: string) => {
    const question = new Question().about(encodeName(`${name}.default.svc.cluster.local`), TYPE.A)
    return zone.table.ready.find(question) >= 0
  }
  assert.deepEqual(['web', 'other'].map(isReady), [true, true])
  setService(zone, { ...web, spec: { ...web.spec, clusterIPs: ['10.96.0.6'] } }, [])
  assert.deepEqual(['web', 'other'].map(isReady), [false, true])
})

test('SRV has its target in the additional section, and weights that share 100', () => {
  const zone = openZone()
  const slice = (host: number, hostname: string) => ({
    addresses: [`10.244.0.${host}`],
    conditions: { ready: true },
    hostname,
  })
  const db: Service = {
    ...web,
    metadata: { name: 'db', namespace: 'default' },
    spec: { ...web.spec, clusterIP: 'None', clusterIPs: ['None'] },
  }
  const slices: EndpointSlice[] = [
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'db-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
      endpoints: [slice(1, 'db-0'), slice(2, 'db-1'), slice(3, 'db-2')],
    },
  ]
  load(zone, { namespaces: [DEFAULT], services: [db], slices })
  const message = ask(zone, '_sql._tcp.db.default.svc.cluster.local', 'SRV')
  assert.ok(message !== 'elsewhere')
  const first = message.answers[0]?.data
  assert.deepEqual(first, {
    kind: 'SRV',
    priority: 0,
    weight: 33,
    port: 5432,
    target: 'db-0.db.default.svc.cluster.local',
  })
  assert.deepEqual(
    message.additionals.map(({ name, data }) => [name, words(data)]),
    [0, 1, 2].map((i) => [`db-${i}.db.default.svc.cluster.local`, `10.244.0.${i + 1}`]),
  )
})

test('a denial carries the SOA of its zone, and its minimum says for how long it holds', () => {
  const zone = openZone({ ttl: 30 })
  load(zone, { namespaces: [DEFAULT], services: [web], slices: [] })
  for (const [name, rcode] of [
    ['no.default.svc.cluster.local', RCODE.NXDOMAIN],
    [`${'x'.repeat(63)}.${'y'.repeat(63)}.cluster.local`, RCODE.NXDOMAIN],
    ['web.default.svc.cluster.local', RCODE.NOERROR],
    ['svc.cluster.local', RCODE.NOERROR],
    ['cluster.local', RCODE.NOERROR],
  ] as const) {
    const message = ask(zone, name, 'MX')
    assert.ok(message !== 'elsewhere')
    assert.deepEqual([message.flags & 15, message.flags & FLAG.AA, message.answers.length], [rcode, FLAG.AA, 0])
    const [soa] = message.authorities
    assert.equal(soa?.name, 'cluster.local')
    assert.equal(soa?.ttl, 30)
    assert.deepEqual(soa?.data, {
      kind: 'SOA',
      primary: 'ns.dns.cluster.local',
      mailbox: 'hostmaster.cluster.local',
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: 30,
    })
  }
})

test('SOA and NS of the zone; NS are the Services that lead to this server', () => {
  const zone = openZone()
  load(zone, { namespaces: [DEFAULT], services: [web], slices: [] })
  const records = (name: string, type: string) => {
    const message = ask(zone, name, type)
    assert.ok(message !== 'elsewhere')
    return [...message.answers, ...message.additionals].map(({ name: owner, data }) => `${owner} ${words(data)}`)
  }
  assert.deepEqual(records('cluster.local', 'SOA'), ['cluster.local SOA'])
  assert.deepEqual(records('cluster.local', 'NS'), [
    'cluster.local ns.dns.cluster.local',
    'ns.dns.cluster.local 10.244.9.9',
  ])
  zone.setServers(['web.default'])
  const service = 'web.default.svc.cluster.local'
  assert.deepEqual(records('cluster.local', 'NS'), [
    `cluster.local ${service}`,
    `${service} 10.96.0.5`,
    `${service} fd00:10:96::5`,
  ])
  assert.deepEqual(records('ns.dns.cluster.local', 'A'), ['ns.dns.cluster.local 10.96.0.5'])
})

test('ANY is answered with the least, and zone transfers are refused', () => {
  const zone = openZone()
  load(zone, { namespaces: [DEFAULT], services: [web], slices: [] })
  const any = ask(zone, 'web.default.svc.cluster.local', 'ANY')
  assert.ok(any !== 'elsewhere')
  assert.deepEqual(
    any.answers.map(({ data }) => data),
    [{ kind: 'HINFO', cpu: 'RFC8482', os: '' }],
  )
  for (const type of ['AXFR', 'IXFR']) {
    const refused = ask(zone, 'cluster.local', type)
    assert.ok(refused !== 'elsewhere')
    assert.equal(refused.flags & 15, RCODE.REFUSED)
  }
})

test('pod names: invented, verified, or none', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [] },
    status: { phase: 'Running' as const, podIP: '10.244.1.2', podIPs: [{ ip: '10.244.1.2' }, { ip: 'fd00::2' }] },
  }
  const answers = (pods: ZoneSettings['pods']) => {
    const zone = openZone({ pods })
    load(zone, { namespaces: [DEFAULT], services: [], slices: [] })
    zone.set('pod/default/p', podRecords(pod, zone.settings), 1)
    return [
      '10-244-1-2.default',
      '10-1-1-1.default',
      '10-244-1-2.none',
      'x.default',
      'default',
      '300-1-1-1.default',
    ].map((name) => {
      const message = told(ask(zone, `${name}.pod.cluster.local`, 'A'))
      return message === 'elsewhere' ? message : (message.data[0] ?? message.rcode)
    })
  }
  assert.deepEqual(answers('insecure'), ['10.244.1.2', '10.1.1.1', 'NXDOMAIN', 'NXDOMAIN', 'NOERROR', 'NXDOMAIN'])
  assert.deepEqual(answers('verified'), ['10.244.1.2', 'NXDOMAIN', 'NXDOMAIN', 'NXDOMAIN', 'NOERROR', 'NXDOMAIN'])
  assert.deepEqual(answers('disabled'), ['NXDOMAIN', 'NXDOMAIN', 'NXDOMAIN', 'NXDOMAIN', 'NXDOMAIN', 'NXDOMAIN'])
})

test('until all objects are known nobody is told that a name is not there', () => {
  const zone = openZone()
  zone.synced = false
  load(zone, { namespaces: [DEFAULT], services: [web], slices: [] })
  const rcode = (name: string) => {
    const message = ask(zone, name, 'A')
    assert.ok(message !== 'elsewhere')
    return message.flags & 15
  }
  assert.equal(rcode('no.default.svc.cluster.local'), RCODE.SERVFAIL)
  assert.equal(rcode('web.default.svc.cluster.local'), RCODE.NOERROR)
})

test('reverse names that are not here are looked for further on; others are denied', () => {
  const zone = openZone({ fallthrough: ['in-addr.arpa', 'ip6.arpa'] })
  load(zone, { namespaces: [DEFAULT], services: [web], slices: [] })
  assert.deepEqual(told(ask(zone, '5.0.96.10.in-addr.arpa', 'PTR')), {
    rcode: 'NOERROR',
    data: ['web.default.svc.cluster.local'],
  })
  for (const name of ['9.0.96.10.in-addr.arpa', '96.10.in-addr.arpa']) assert.equal(ask(zone, name, 'PTR'), 'elsewhere')
  assert.deepEqual(told(ask(zone, 'no.cluster.local', 'A')), { rcode: 'NXDOMAIN', data: [] })
})

test('a circle of aliases is a failure, not an endless way', () => {
  const zone = openZone()
  const alias = (name: string, target: string): Service => ({
    ...web,
    metadata: { name, namespace: 'default' },
    spec: { type: 'ExternalName', externalName: `${target}.default.svc.cluster.local` },
  })
  load(zone, { namespaces: [DEFAULT], services: [alias('a', 'b'), alias('b', 'a'), alias('c', 'gone')], slices: [] })
  const message = ask(zone, 'a.default.svc.cluster.local', 'A')
  assert.ok(message !== 'elsewhere')
  assert.equal(message.flags & 15, RCODE.SERVFAIL)
  assert.deepEqual(told(ask(zone, 'c.default.svc.cluster.local', 'A')), {
    rcode: 'NXDOMAIN',
    data: ['gone.default.svc.cluster.local'],
  })
})
