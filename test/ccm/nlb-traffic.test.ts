/** What annotations of NLB do to packets: every row of the tables has its effect here, or a word why it has none. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { NLB_ROWS } from '../../src/ccm/nlb/nlb-annotations.ts'
import { closed, firstLine } from '../../src/cloud/load-balancer/test-load-balancer.ts'
import type { Service } from '../../src/kube/types/core.ts'
import {
  AnnotationEffects,
  type Effect,
  type EffectTable,
  type Made,
  onlyIn,
  type Place,
  skip,
} from './annotation-effects.ts'
import { endpoint } from './ccm-bench.ts'
import { NlbBench } from './nlb-bench.ts'
import { CLIENT, INSIDE_CLIENT, NotedServers, portOf, TrafficBench } from './traffic-bench.ts'

/** In each zone, zone-a first. */
interface NlbPlace extends Place {
  /** On the internet; none of the intranet. */
  readonly open: readonly string[]
  readonly inner: readonly string[]
}

interface NlbEffect extends Effect<NlbPlace> {
  /** @default 'tcp' on port 80 */
  readonly protocol?: 'tcp' | 'udp' | 'tcpssl'
  readonly spec?: Partial<Service['spec']>
}

let on: TrafficBench
let nlb: NlbBench
const noted = new NotedServers(() => on)

const TLS = { 'protocol-port': 'tcpssl:443', 'cert-id': '$www' }
const LOCAL = { externalTrafficPolicy: 'Local' } as const
/** Probes of one address alone are counted. */
const CHECKED = {
  'address-type': 'intranet',
  'cross-zone-enabled': 'off',
  'health-check-flag': 'on',
  'health-check-interval': '1',
}
/** However busy the machine is, a probe that is answered is not late. */
const BY_HTTP = { ...CHECKED, 'health-check-type': 'http', 'health-check-connect-timeout': '100' }
const notOffered = (set: Record<string, string>, refusal: RegExp, protocol: 'tcp' | 'tcpssl' = 'tcp'): NlbEffect => ({
  set,
  protocol,
  refusal,
  async look({ open }) {
    for (const address of open) assert.equal(await on.isOpen(address), false)
  },
})

/** Each row's effect on connections; a text says why there is none. */
const EFFECTS: EffectTable<NlbEffect> = {
  'loadbalancer-zone-maps': {
    set: { 'zone-maps': 'zone-a:$vsw-a:192.168.1.88:$eip,zone-b:$vsw-b' },
    async look({ open, inner }) {
      assert.equal(inner[0], '192.168.1.88')
      assert.equal(open[0], ids['eip-address'])
      for (const address of open) assert.equal((await on.ask(address)).client, CLIENT)
      for (const address of inner) assert.equal((await on.ask(address, on.inside)).client, INSIDE_CLIENT)
    },
  },
  'loadbalancer-address-type': {
    set: { 'address-type': 'intranet' },
    async look({ name, open, inner, id }) {
      assert.deepEqual(open, [])
      assert.equal((await on.ask(inner[0] ?? '', on.inside)).client, INSIDE_CLIENT)
      await on.ccm.annotate(name, { 'address-type': 'internet' })
      await on.ccm.sync(name)
      await on.carry()
      for (const address of (await addressesOf(id)).open) assert.equal((await on.ask(address)).client, CLIENT)
    },
  },
  'loadbalancer-ip-version': onlyIn('see nlb-annotations.test.ts for what the local cloud has of IPv6'),
  'loadbalancer-ipv6-address-type': onlyIn('see nlb-annotations.test.ts for what the local cloud has of IPv6'),
  'loadbalancer-id': {
    set: { 'zone-maps': '' },
    prepare: async () => ({ id: await byHand() }),
    async look({ open }) {
      assert.equal(await on.isOpen(open[0] ?? ''), false, 'without override nobody listens')
    },
  },
  'loadbalancer-force-override-listeners': {
    set: { 'zone-maps': '', 'force-override-listeners': 'true' },
    prepare: async () => ({ id: await byHand() }),
    async look({ open }) {
      assert.deepEqual((await on.turns(open[0] ?? '', 2)).sort(), [1, 129])
    },
  },
  'loadbalancer-name': onlyIn('a name'),
  'loadbalancer-resource-group-id': onlyIn('rights'),
  'loadbalancer-additional-resource-tags': onlyIn('tags'),
  'loadbalancer-preserve-lb-on-delete': {
    set: { 'preserve-lb-on-delete': 'true' },
    async look({ name, id, open }) {
      const [address = ''] = open
      assert.equal(await on.isOpen(address), true)
      await on.remove(name)
      await on.carry()
      assert.equal(await on.isOpen(address), false)
      assert.deepEqual((await addressesOf(id)).open, open, 'the addresses are still held')
    },
  },
  'loadbalancer-security-group-ids': {
    set: { 'security-group-ids': '$sg-inside' },
    async look({ open, inner }) {
      assert.deepEqual([await on.isOpen(open[0] ?? ''), await on.isOpen(inner[0] ?? '', on.inside)], [false, true])
    },
  },
  'loadbalancer-bandwidth-package-id': onlyIn('bills; the local cloud does not hold traffic back'),
  'loadbalancer-cross-zone-enabled': {
    set: { 'cross-zone-enabled': 'off' },
    async look({ open }) {
      const served = await Promise.all(open.map((address) => on.turns(address, 3)))
      assert.deepEqual(served, [
        [1, 1, 1],
        [129, 129, 129],
      ])
    },
  },

  'backend-type': {
    set: { 'backend-type': 'eni' },
    look: (place) => answersItself(place),
  },
  'loadbalancer-backend-label': {
    set: { 'backend-label': 'pool=b' },
    async look({ open }) {
      assert.deepEqual(await on.turns(open[0] ?? '', 3), [129, 129, 129])
    },
  },
  'loadbalancer-remove-unscheduled-backend': {
    set: { 'remove-unscheduled-backend': 'on' },
    async look({ open }) {
      assert.deepEqual(await on.turns(open[0] ?? '', 3), [1, 1, 1], 'node-2 is cordoned')
    },
  },
  'loadbalancer-backend-ip-version': onlyIn('see nlb-annotations.test.ts for what the local cloud has of IPv6'),
  'loadbalancer-vgroup-port': {
    set: { 'zone-maps': '' },
    prepare: () => withPeoplesGroup(),
    async look({ open }) {
      const served = await on.turns(open[0] ?? '', 6)
      assert.deepEqual(new Set(served), new Set([1, 9, 129]), "people's server and ours, by people's listener")
    },
  },
  'loadbalancer-weight': {
    set: { 'zone-maps': '', weight: '100' },
    prepare: () => withPeoplesGroup(),
    async look({ open }) {
      // People's own has 100, ours 100 in all: 50 each.
      assert.deepEqual(shares(await on.turns(open[0] ?? '', 8)), { 1: 2, 9: 4, 129: 2 })
    },
  },
  'loadbalancer-default-weight': {
    set: { 'default-weight': '0' },
    async look({ open }) {
      assert.equal(await on.isOpen(open[0] ?? ''), false, 'nobody serves at weight 0')
    },
  },
  'loadbalancer-ignore-weight-update': {
    set: { 'ignore-weight-update': 'on' },
    async look({ name, open }) {
      const [group] = await nlb.groups(name)
      const { ServerGroupId } = group!
      const server = group!.servers.find(({ ServerId }) => ServerId === on.ccm.machine('node-1'))!
      const { ServerId, ServerType, Port } = server
      const Servers = [{ ServerId, ServerType, Port, Weight: 0 }]
      await on.ccm.askNlb('UpdateServerGroupServersAttribute', { ServerGroupId, Servers })
      on.ccm.restart()
      await on.ccm.sync(name)
      await on.carry()
      assert.deepEqual(await on.turns(open[0] ?? '', 3), [129, 129, 129], 'what people set stays')
    },
  },
  'loadbalancer-graceful-shutdown': [true, false].map((graceful) => ({
    set: { 'graceful-shutdown': String(graceful) },
    protocol: 'udp' as const,
    spec: LOCAL,
    endpoints: ['node-1'] as const,
    async look({ name, open: [address = ''] }: NlbPlace) {
      const from = on.lb.udpClient()
      assert.equal(await on.udp(address, { from }), `1 ${CLIENT}`)
      const ending = endpoint('10.244.1.2', 'node-1', { ready: false, serving: true, terminating: true })
      await on.ccm.setEndpoints(name, [ending, endpoint('10.244.129.2', 'node-2')])
      await on.ccm.sync(name)
      await on.carry()
      const flow = await on.udp(address, { from })
      assert.equal(flow, graceful ? `1 ${CLIENT}` : `129 ${CLIENT}`, 'what is under way')
      assert.equal(await on.udp(address), `129 ${CLIENT}`, 'what is new')
      from.close()
    },
  })),

  'loadbalancer-protocol-port': {
    set: TLS,
    protocol: 'tcpssl',
    async look({ open }) {
      const { client, headers } = await on.seen(open[0] ?? '', { tls: {} })
      assert.deepEqual([client, headers['x-forwarded-for']], ['100.64.0.1', undefined], 'TLS ends, no more')
    },
  },
  'loadbalancer-listener-port-range': {
    set: { 'backend-type': 'eni', 'listener-port-range': '1000-1002:80' },
    async look({ name, open: [address = ''] }) {
      on.lb.tcp(30, 1_001)
      await on.ccm.setEndpoints(name, [endpoint('192.168.1.30', 'node-1')])
      await on.ccm.sync(name)
      await on.carry()
      assert.equal((await on.ask(address, {}, 1_001)).n, 30, 'the pod is called at the port that was called')
      assert.equal(await on.isOpen(address, {}, 999), false)
    },
  },
  'loadbalancer-server-group-type': {
    set: { 'backend-type': 'eni', 'server-group-type': 'ip' },
    look: (place) => answersItself(place),
  },
  'loadbalancer-additional-cert-ids': {
    set: { ...TLS, 'additional-cert-ids': '$shop' },
    protocol: 'tcpssl',
    async look({ open: [address = ''] }) {
      assert.equal(await on.certificateOf(address, 'shop.example.com'), 'shop.example.com')
      assert.equal(await on.certificateOf(address, 'other.example.com'), 'www.example.com')
    },
  },

  'loadbalancer-scheduler': [
    {
      set: { scheduler: 'rr' },
      spec: LOCAL,
      endpoints: ['node-1', 'node-1', 'node-1', 'node-2'],
      async look({ open }) {
        assert.deepEqual(shares(await on.turns(open[0] ?? '', 8)), { 1: 4, 129: 4 }, 'weights do not count')
      },
    },
    {
      set: { scheduler: 'wrr' },
      spec: LOCAL,
      endpoints: ['node-1', 'node-1', 'node-1', 'node-2'],
      async look({ open }) {
        assert.deepEqual(shares(await on.turns(open[0] ?? '', 8)), { 1: 6, 129: 2 }, 'by pods on the node')
      },
    },
    {
      set: { scheduler: 'sch' },
      async look({ open }) {
        assert.equal(new Set(await on.turns(open[0] ?? '', 8)).size, 1, 'one client, one server')
      },
    },
    {
      set: { scheduler: 'tch' },
      async look({ open: [address = ''] }) {
        const from = { localAddress: CLIENT, localPort: 42_000 }
        const [first] = await on.turns(address, 1, from)
        assert.deepEqual(await on.turns(address, 3, from), [first, first, first], 'the same port, the same server')
      },
    },
    {
      set: { scheduler: 'qch' },
      protocol: 'udp',
      async look({ open: [address = ''] }) {
        const message = Buffer.concat([Buffer.of(0x40), Buffer.alloc(8, 7), Buffer.alloc(40)])
        const answers = new Set<string | undefined>()
        for (let i = 0; i < 4; i++) answers.add(await on.udp(address, { message }))
        assert.equal(answers.size, 1, 'one QUIC connection, one server, from any port')
      },
    },
    notOffered({ scheduler: 'wlc' }, /Scheduler 'Wlc' is not offered/),
    {
      set: { scheduler: 'wlc', 'preserve-client-ip': 'off' },
      async look({ open: [address = ''] }) {
        const held: Socket[] = []
        const served: number[] = []
        for (let i = 0; i < 4; i++) {
          const socket = await on.lb.connect(address, 80)
          held.push(socket)
          served.push(Number((await firstLine(socket)).split(' ')[0]))
        }
        assert.deepEqual(shares(served), { 1: 2, 129: 2 }, 'who has fewer connections is next')
        for (const socket of held) socket.destroy()
      },
    },
  ],
  'loadbalancer-connection-drain': {
    set: { 'connection-drain': 'off' },
    spec: LOCAL,
    endpoints: ['node-1'],
    look: (place) => drained(place, undefined),
  },
  'loadbalancer-connection-drain-timeout': {
    set: { 'connection-drain': 'on', 'connection-drain-timeout': '78' },
    spec: LOCAL,
    endpoints: ['node-1'],
    look: (place) => drained(place, 78),
  },
  'loadbalancer-preserve-client-ip': [
    {
      set: { 'preserve-client-ip': 'on' },
      async look({ open }) {
        assert.equal((await on.ask(open[0] ?? '')).client, CLIENT)
      },
    },
    {
      set: { 'preserve-client-ip': 'off' },
      async look({ open }) {
        assert.equal((await on.ask(open[0] ?? '')).client, '100.64.0.1')
      },
    },
  ],

  'loadbalancer-health-check-flag': [
    {
      set: { 'health-check-flag': 'off' },
      serve: () => {},
      async look({ id }) {
        assert.deepEqual(new Set(await on.health(id)), new Set(['unavailable']), 'nobody is probed')
      },
    },
    {
      set: { 'health-check-flag': 'on', 'health-check-interval': '1' },
      serve: (nodePort) => void on.lb.tcp(129, nodePort),
      async look({ id, open }) {
        // Each address probes for itself.
        for (;;) {
          const found = await on.health(id)
          if (found.filter((one) => one === 'abnormal').length * 2 === found.length) break
          await sleep(20)
        }
        assert.deepEqual(await on.turns(open[0] ?? '', 3), [129, 129, 129])
      },
    },
  ],
  'loadbalancer-health-check-type': {
    set: BY_HTTP,
    serve: noted.serve('type', () => 200),
    async look() {
      assert.equal((await noted.asked('type', 1))[0], 'GET / 192.168.1.1', 'TCP servers are asked by HTTP')
    },
  },
  'loadbalancer-health-check-uri': {
    set: { ...BY_HTTP, 'health-check-uri': '/ok' },
    serve: noted.serve('uri', (_, url) => (url === '/ok' ? 200 : 500)),
    async look({ id }) {
      assert.match((await noted.asked('uri', 1))[0] ?? '', / \/ok /)
      await on.becomes(id, 'normal')
    },
  },
  'loadbalancer-health-check-domain': {
    set: { ...BY_HTTP, 'health-check-domain': 'check.example.com' },
    serve: noted.serve('domain', () => 200),
    async look() {
      assert.match((await noted.asked('domain', 1))[0] ?? '', / check\.example\.com$/)
    },
  },
  'loadbalancer-health-check-httpcode': {
    set: { ...BY_HTTP, 'health-check-httpcode': 'http_4xx' },
    serve: noted.serve('code', () => 404),
    look: ({ id }) => on.becomes(id, 'normal'),
  },
  'loadbalancer-health-check-method': {
    set: { ...BY_HTTP, 'health-check-method': 'head' },
    serve: noted.serve('method', () => 200),
    async look() {
      assert.match((await noted.asked('method', 1))[0] ?? '', /^HEAD /)
    },
  },
  'loadbalancer-health-check-http-version': {
    set: { ...BY_HTTP, 'health-check-http-version': 'HTTP1.1' },
    serve: (nodePort) => {
      for (const n of [1, 129]) {
        on.serveHttp(n, nodePort, (request, response) => {
          response.writeHead(request.httpVersion === '1.1' ? 200 : 505).end()
        })
      }
    },
    look: ({ id }) => on.becomes(id, 'normal'),
  },
  'loadbalancer-health-check-connect-port': {
    set: { 'health-check-flag': 'on', 'health-check-interval': '1', 'health-check-connect-port': '30999' },
    async look({ id, open }) {
      await on.becomes(id, 'abnormal')
      assert.equal(await on.isOpen(open[0] ?? ''), false, 'nobody listens where probes go')
    },
  },
  // The first two probes fail: with a threshold of two the server would be out.
  'loadbalancer-unhealthy-threshold': {
    set: { ...BY_HTTP, 'unhealthy-threshold': '3' },
    serve: noted.serve('unhealthy', (n) => (n <= 2 ? 500 : 200)),
    async look({ id }) {
      await noted.asked('unhealthy', 4)
      assert.equal((await on.health(id)).includes('abnormal'), false)
    },
  },
  // After two failures two good ones in a row are not enough, and three never come.
  'loadbalancer-healthy-threshold': {
    set: { ...BY_HTTP, 'healthy-threshold': '3' },
    serve: noted.serve('healthy', (n) => (n <= 2 || n % 3 === 2 ? 500 : 200)),
    async look({ id }) {
      await noted.asked('healthy', 7)
      await on.becomes(id, 'abnormal')
    },
  },
  'loadbalancer-health-check-interval': {
    set: { 'health-check-flag': 'on', 'health-check-interval': '44', 'health-check-type': 'http' },
    serve: noted.serve('interval', () => 200),
    async look() {
      await noted.asked('interval', 1)
      assert.ok(on.clock.pauses.has(44_000), 'the next probe comes after the interval')
    },
  },
  'loadbalancer-health-check-connect-timeout': [1, 300].map((timeout) => ({
    set: { ...BY_HTTP, 'health-check-connect-timeout': String(timeout) },
    serve: (nodePort: number) => {
      for (const n of [1, 129]) on.serveHttp(n, nodePort, () => {})
    },
    async look({ id }: NlbPlace) {
      // Of servers that never answer, those with the short time out are found first.
      if (timeout === 1) await on.becomes(id, 'abnormal')
      else assert.deepEqual(new Set(await on.health(id)), new Set(['unavailable']), 'its first probe still waits')
    },
  })),

  'loadbalancer-idle-timeout': {
    set: { 'idle-timeout': '21' },
    async look({ open: [address = ''] }) {
      const socket = await on.lb.connect(address, 80)
      await firstLine(socket)
      const listed = on.lb.inVpc(`conntrack -L -p tcp --state ESTABLISHED -d ${address}`)
      const left = Number(/tcp\s+6 (\d+) ESTABLISHED/.exec(listed)?.[1])
      assert.ok(left > 0 && left <= 21, `${left} s left`)
      socket.destroy()
    },
  },
  'loadbalancer-proxy-protocol': {
    set: { 'proxy-protocol': 'on', 'health-check-flag': 'off' },
    async look({ open: [address = ''] }) {
      const { client, port } = await on.proxyHeader(address, 44_000)
      assert.deepEqual([client, port], [CLIENT, 44_000])
    },
  },
  'loadbalancer-ppv2-pvl-vpc-id-enabled': notOffered(
    { 'ppv2-pvl-vpc-id-enabled': 'on' },
    /the VPC's id in the Proxy Protocol/,
  ),
  'loadbalancer-ppv2-pvl-ep-id-enabled': notOffered(
    { 'ppv2-pvl-ep-id-enabled': 'on' },
    /the endpoint's id in the Proxy Protocol/,
  ),
  'loadbalancer-ppv2-pvl-eps-id-enabled': notOffered(
    { 'ppv2-pvl-eps-id-enabled': 'on' },
    /the endpoint service's id in the Proxy Protocol/,
  ),
  'loadbalancer-cps': onlyIn('the local cloud does not hold connections back'),
  'loadbalancer-cert-id': {
    set: TLS,
    protocol: 'tcpssl',
    async look({ open }) {
      assert.equal(await on.certificateOf(open[0] ?? ''), 'www.example.com')
    },
  },
  'loadbalancer-cacert': notOffered(
    { ...TLS, cacert: 'on', 'cacert-id': 'ca-1' },
    /authentication of clients by certificate/,
    'tcpssl',
  ),
  'loadbalancer-cacert-id': notOffered(
    { ...TLS, cacert: 'on', 'cacert-id': 'ca-2' },
    /authentication of clients by certificate/,
    'tcpssl',
  ),
  'loadbalancer-tls-cipher-policy': {
    set: { ...TLS, 'tls-cipher-policy': 'tls_cipher_policy_1_2_strict_with_1_3' },
    protocol: 'tcpssl',
    async look({ open: [address = ''] }) {
      assert.equal(await on.tlsVersion(address, 'TLSv1.3'), 'TLSv1.3')
      assert.equal(await on.tlsVersion(address, 'TLSv1.2'), 'TLSv1.2')
      await assert.rejects(on.tlsVersion(address, 'TLSv1.1'))
    },
  },
  'loadbalancer-alpn': {
    set: { ...TLS, alpn: 'off' },
    protocol: 'tcpssl',
    async look({ open }) {
      assert.equal(await on.alpn(open[0] ?? ''), false, 'nothing is agreed on')
    },
  },
  'loadbalancer-alpn-policy': [
    {
      set: { ...TLS, alpn: 'on', 'alpn-policy': 'HTTP1Only' },
      protocol: 'tcpssl',
      async look({ open }) {
        assert.equal(await on.alpn(open[0] ?? ''), 'http/1.1')
      },
    },
    {
      set: { ...TLS, alpn: 'on', 'alpn-policy': 'HTTP2Preferred' },
      protocol: 'tcpssl',
      async look({ open }) {
        assert.equal(await on.alpn(open[0] ?? ''), 'h2')
      },
    },
  ],
}

/** The field of Services that is no annotation. */
const SOURCE_RANGES: NlbEffect = {
  set: {},
  spec: { loadBalancerSourceRanges: ['192.168.0.0/16'] },
  async look({ open, inner }) {
    assert.deepEqual([await on.isOpen(open[0] ?? ''), await on.isOpen(inner[0] ?? '', on.inside)], [false, true])
  },
}

async function answersItself({ name, open }: NlbPlace): Promise<void> {
  await on.ccm.setEndpoints(name, [endpoint('192.168.1.30', 'node-1')])
  await on.ccm.sync(name)
  await on.carry()
  assert.deepEqual(await on.ask(open[0] ?? ''), { n: 30, client: CLIENT }, 'the pod itself, which sees the client')
}

async function drained({ name, open: [address = ''] }: NlbPlace, timeout: number | undefined): Promise<void> {
  const socket = await on.lb.connect(address, 80)
  assert.match(await firstLine(socket), /^1 /)
  await on.setEndpoints(name, ['node-2'])
  await on.ccm.sync(name)
  await on.carry()
  assert.equal((await on.ask(address)).n, 129)
  socket.write('still there\n')
  assert.equal(await firstLine(socket), 'still there')
  if (timeout === undefined) return void socket.destroy()
  assert.equal(on.clock.release(timeout * 1_000), 1)
  socket.write('gone\n')
  await closed(socket)
}

function shares(served: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const n of served) counts[n] = (counts[n] ?? 0) + 1
  return counts
}

async function addressesOf(id: string): Promise<Pick<NlbPlace, 'open' | 'inner'>> {
  const found = (await nlb.instances()).find(({ LoadBalancerId }) => LoadBalancerId === id)
  const addresses = (found?.ZoneMappings ?? []).flatMap((zone) => zone.LoadBalancerAddresses)
  return {
    open: addresses.flatMap(({ PublicIPv4Address }) => PublicIPv4Address || []),
    inner: addresses.map(({ PrivateIPv4Address }) => PrivateIPv4Address),
  }
}

/** An instance that people made. */
async function byHand(): Promise<string> {
  const zones = ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: on.ccm.cloud.vSwitch(ZoneId) }))
  const place = { AddressType: 'Internet', VpcId: on.ccm.cloud.ids.vpcId, ZoneMappings: zones }
  return (await on.ccm.askNlb<{ LoadbalancerId: string }>('CreateLoadBalancer', place)).LoadbalancerId
}

/** An instance that people made, with a group that has a server of theirs and a listener before it. */
async function withPeoplesGroup(): Promise<Record<string, string>> {
  const id = await byHand()
  const port = on.nextNodePort()
  on.lb.tcp(9, port)
  const group = { ServerGroupName: `people-${port}`, VpcId: on.ccm.cloud.ids.vpcId }
  const { ServerGroupId } = await on.ccm.askNlb<{ ServerGroupId: string }>('CreateServerGroup', group)
  const Servers = [{ ServerType: 'Ecs', ServerId: on.ccm.machine('people'), Port: port, Weight: 100 }]
  await on.ccm.askNlb('AddServersToServerGroup', { ServerGroupId, Servers })
  const listener = { LoadBalancerId: id, ListenerProtocol: 'TCP', ListenerPort: 80, ServerGroupId }
  await on.ccm.askNlb('CreateListener', listener)
  return { id, 'vgroup-port': `${ServerGroupId}:80` }
}

async function makeThings(): Promise<void> {
  const [ecs, vpc] = ['2014-05-26', '2016-04-28']
  const group = { VpcId: on.ccm.cloud.ids.vpcId, SecurityGroupType: 'enterprise' }
  const { SecurityGroupId } = await on.ccm.ask<{ SecurityGroupId: string }>('CreateSecurityGroup', group, ecs)
  const rule = { IpProtocol: 'ALL', PortRange: '-1/-1', SourceCidrIp: '192.168.0.0/16' }
  await on.ccm.ask('AuthorizeSecurityGroup', { SecurityGroupId, ...rule }, ecs)
  const eip = await on.ccm.ask<{ AllocationId: string; EipAddress: string }>('AllocateEipAddress', {}, vpc)
  Object.assign(ids, {
    'sg-inside': SecurityGroupId,
    eip: eip.AllocationId,
    'eip-address': eip.EipAddress,
  })
}

async function addService(effect: NlbEffect): Promise<Made> {
  const { protocol = 'tcp', spec = {}, endpoints } = effect
  const nodePort = on.nextNodePort()
  if (effect.serve === undefined) on.serve(protocol === 'tcpssl' ? 'http' : protocol, nodePort)
  else effect.serve(nodePort)
  const { metadata } = await nlb.addService({
    annotations: await effects.annotations(effect),
    ports: [portOf(protocol, nodePort, protocol === 'tcpssl' ? { port: 443 } : {})],
    spec,
  })
  await on.setEndpoints(metadata.name, endpoints ?? ['node-1', 'node-2'])
  return { name: metadata.name, nodePort }
}

const effects = new AnnotationEffects<NlbPlace, NlbEffect>(EFFECTS, SOURCE_RANGES)
const { ids } = effects

before(async () => {
  if (skip !== false) return
  on = await TrafficBench.open('nlb')
  nlb = new NlbBench(on.ccm)
  await effects.open(on)
  await makeThings()
  await effects.make(on, addService, async (place) => ({ ...place, ...(await addressesOf(place.id)) }))
})
after(() => on?.[Symbol.asyncDispose]())

effects.test(NLB_ROWS.map(({ suffix }) => suffix))
