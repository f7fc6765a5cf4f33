/** What annotations of CLB do to packets: every row of the tables has its effect here, or a word why it has none. */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BACKEND_ROWS, INSTANCE_ROWS, LISTENER_ROWS, PORT_ROWS } from '../../src/ccm/annotations/table.ts'
import { closed, firstLine } from '../../src/cloud/load-balancer/test-load-balancer.ts'
import type { ServicePort } from '../../src/kube/types/core.ts'
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
import { CLIENT, INSIDE_CLIENT, NotedServers, portOf, TrafficBench } from './traffic-bench.ts'

interface ClbPlace extends Place {
  readonly address: string
}

interface ClbEffect extends Effect<ClbPlace> {
  /** Of the listener on 80, or on 443 for https. @default 'tcp' */
  readonly protocol?: 'tcp' | 'udp' | 'http' | 'https'
  readonly policy?: 'Local' | 'Cluster'
  readonly sourceRanges?: readonly string[]
  /** More ports. */
  readonly ports?: readonly ServicePort[]
}

let on: TrafficBench
const noted = new NotedServers(() => on)

const HTTPS = { 'protocol-port': 'https:443', 'cert-id': '$www' }
const HTTP = { 'protocol-port': 'http:80' }
/** However busy the machine is, a probe that is answered is not late. */
const CHECKED = { ...HTTP, 'health-check-flag': 'on', 'health-check-interval': '1', 'health-check-timeout': '100' }

/** Each row's effect on connections; a text says why there is none. */
const EFFECTS: EffectTable<ClbEffect> = {
  'loadbalancer-address-type': {
    set: { 'address-type': 'intranet' },
    async look({ address }) {
      assert.match(address, /^192\.168\.1\./)
      assert.equal((await on.ask(address, on.inside)).client, INSIDE_CLIENT)
      assert.equal(await on.isOpen(address), false, 'the internet does not know it')
    },
  },
  'loadbalancer-id': {
    set: {},
    prepare: async () => ({ id: await byHand('plain') }),
    async look({ address, id }) {
      assert.equal(id, ids.plain)
      assert.equal(await on.isOpen(address), false, 'without override nobody listens')
    },
  },
  'loadbalancer-force-override-listeners': {
    set: { 'force-override-listeners': 'true' },
    prepare: async () => ({ id: await byHand('overridden') }),
    async look({ address, id }) {
      assert.equal(id, ids.overridden)
      assert.deepEqual((await on.turns(address, 2)).sort(), [1, 129])
    },
  },
  'loadbalancer-name': onlyIn('a name'),
  'loadbalancer-spec': onlyIn('the local cloud carries what it can, whatever is paid for'),
  'loadbalancer-instance-charge-type': onlyIn('bills'),
  'loadbalancer-charge-type': onlyIn('bills'),
  'loadbalancer-bandwidth': onlyIn('bills; the local cloud does not hold traffic back'),
  'loadbalancer-vswitch-id': {
    set: { 'address-type': 'intranet', 'vswitch-id': '$vsw-b' },
    async look({ address }) {
      assert.ok(Number(address.split('.')[3]) > 128, `${address} is of the second vSwitch`)
      assert.equal((await on.turns(address, 1, on.inside)).length, 1)
    },
  },
  'loadbalancer-network-type': onlyIn('there is but one kind of network'),
  'loadbalancer-ip': {
    set: { 'address-type': 'intranet', ip: '192.168.1.77' },
    async look() {
      assert.equal((await on.turns('192.168.1.77', 1, on.inside)).length, 1)
    },
  },
  'loadbalancer-ip-version': {
    set: { 'ip-version': 'ipv6' },
    async look({ address }) {
      assert.match(address, /^2001:db8:1:/)
      assert.equal((await on.ask(address)).client, '100.64.0.1', 'servers of IPv4 do not see a client of IPv6')
    },
  },
  'loadbalancer-master-zoneid': onlyIn('a failure of a zone would show it'),
  'loadbalancer-slave-zoneid': onlyIn('a failure of a zone would show it'),
  'loadbalancer-resource-group-id': onlyIn('rights'),
  'loadbalancer-delete-protection': onlyIn('what the console may delete'),
  'loadbalancer-modification-protection': onlyIn('what the console may change'),
  'loadbalancer-additional-resource-tags': onlyIn('tags'),
  'loadbalancer-external-ip-type': {
    set: { 'address-type': 'intranet', 'external-ip-type': 'eip' },
    async look({ name, id }) {
      const vpc = '2016-04-28'
      const eip = await on.ccm.ask<{ AllocationId: string; EipAddress: string }>('AllocateEipAddress', {}, vpc)
      const place = { AllocationId: eip.AllocationId, InstanceId: id, InstanceType: 'SlbInstance' }
      await on.ccm.ask('AssociateEipAddress', place, vpc)
      on.ccm.restart()
      await on.ccm.sync(name)
      await on.carry()
      const { status } = await on.ccm.service(name)
      const shown = status?.loadBalancer?.ingress?.[0]?.ip ?? ''
      assert.equal(shown, eip.EipAddress)
      assert.equal((await on.ask(shown)).client, CLIENT)
    },
  },
  'loadbalancer-hostname': onlyIn('the status has a name in the place of the address'),
  'loadbalancer-preserve-lb-on-delete': {
    set: { 'preserve-lb-on-delete': 'true' },
    async look({ name, address, id }) {
      assert.equal(await on.isOpen(address), true)
      await on.remove(name)
      await on.carry()
      assert.equal(await on.isOpen(address), false)
      const kept = (await on.ccm.instances()).find((one) => one.LoadBalancerId === id)
      assert.equal(kept?.Address, address, 'the address is still held')
    },
  },

  'backend-type': {
    set: { 'backend-type': 'eni' },
    async look({ name, address }) {
      await on.ccm.setEndpoints(name, [endpoint('192.168.1.30', 'node-1')])
      await on.ccm.sync(name)
      await on.carry()
      assert.deepEqual(await on.ask(address), { n: 30, client: CLIENT }, 'the pod itself answers, and sees the client')
    },
  },
  'loadbalancer-backend-label': {
    set: { 'backend-label': 'pool=b' },
    async look({ address }) {
      assert.deepEqual(await on.turns(address, 3), [129, 129, 129])
    },
  },
  'loadbalancer-remove-unscheduled-backend': {
    set: { 'remove-unscheduled-backend': 'on' },
    async look({ address }) {
      assert.deepEqual(await on.turns(address, 3), [1, 1, 1], 'node-2 is cordoned')
    },
  },
  'loadbalancer-backend-ip-version': {
    set: { 'ip-version': 'ipv6', 'backend-ip-version': 'ipv6' },
    policy: 'Local',
    endpoints: ['node-1'],
    async look({ name, address }) {
      await on.ccm.setEndpoints(name, [endpoint('2001:db8:ffff::81', 'node-2')], 'IPv6')
      await on.ccm.sync(name)
      await on.carry()
      assert.deepEqual(await on.turns(address, 3), [129, 129, 129], 'endpoints of IPv6 alone count')
    },
  },
  'loadbalancer-vgroup-port': [
    {
      set: {},
      prepare: async () => withPeoplesGroup('filled'),
      async look({ address }) {
        const served = await on.turns(address, 6)
        assert.deepEqual(new Set(served), new Set([1, 9, 129]), "people's server and ours, by people's listener")
      },
    },
  ],
  'loadbalancer-weight': {
    set: { weight: '100' },
    prepare: async () => withPeoplesGroup('weighted'),
    async look({ address }) {
      // People's own has 100, ours 100 in all: 50 each.
      const served = await on.turns(address, 8)
      assert.deepEqual(
        [1, 9, 129].map((n) => served.filter((one) => one === n).length),
        [2, 4, 2],
      )
    },
  },
  'loadbalancer-default-weight': {
    set: { 'default-weight': '0' },
    async look({ address }) {
      assert.equal(await on.isOpen(address), false, 'nobody serves at weight 0')
    },
  },
  'loadbalancer-ignore-weight-update': {
    set: { 'ignore-weight-update': 'on', scheduler: 'wrr' },
    async look({ name, id, address, nodePort }) {
      const [group] = await on.ccm.groupsOf(id)
      const resting = { ServerId: on.ccm.machine('node-1'), Port: nodePort, Weight: 0, Description: group!.name }
      await on.ccm.ask('SetVServerGroupAttribute', {
        VServerGroupId: group!.id,
        BackendServers: JSON.stringify([{ ...resting, Type: 'ecs' }]),
      })
      on.ccm.restart()
      await on.ccm.sync(name)
      await on.carry()
      assert.deepEqual(await on.turns(address, 3), [129, 129, 129], 'what people set stays')
    },
  },
  'loadbalancer-graceful-shutdown': [true, false].map((graceful) => ({
    set: { 'graceful-shutdown': String(graceful) },
    protocol: 'udp' as const,
    policy: 'Local' as const,
    endpoints: ['node-1'] as const,
    async look({ name, address }: ClbPlace) {
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
    set: HTTP,
    protocol: 'http',
    async look({ address }) {
      const { client, headers } = await on.seen(address)
      assert.deepEqual([client, headers['x-forwarded-for']], ['100.64.0.1', CLIENT])
    },
  },
  'loadbalancer-forward-port': {
    set: { 'protocol-port': 'http:80,https:443', 'cert-id': '$www', 'forward-port': '80:443' },
    protocol: 'http',
    ports: [{ name: 'tls', port: 443, targetPort: 8443, protocol: 'TCP' }],
    async look({ address }) {
      const { status, headers } = await on.http(address, { path: '/a?b=c', headers: { host: 'www.example.com:80' } })
      assert.deepEqual([status, headers.location], [301, 'https://www.example.com/a?b=c'])
    },
  },
  'loadbalancer-domain-extensions': {
    set: { ...HTTPS, 'domain-extensions': 'shop.example.com:$shop' },
    protocol: 'https',
    async look({ address }) {
      assert.equal(await on.certificateOf(address, 'shop.example.com'), 'shop.example.com')
      assert.equal(await on.certificateOf(address, 'other.example.com'), 'www.example.com')
    },
  },

  'loadbalancer-scheduler': [
    {
      set: { scheduler: 'rr' },
      policy: 'Local',
      endpoints: ['node-1', 'node-1', 'node-1', 'node-2'],
      async look({ address }) {
        assert.deepEqual(shares(await on.turns(address, 8)), { 1: 4, 129: 4 }, 'weights do not count')
      },
    },
    {
      set: { scheduler: 'wrr' },
      policy: 'Local',
      endpoints: ['node-1', 'node-1', 'node-1', 'node-2'],
      async look({ address }) {
        assert.deepEqual(shares(await on.turns(address, 8)), { 1: 6, 129: 2 }, 'by pods on the node')
      },
    },
    {
      set: { scheduler: 'sch' },
      async look({ address }) {
        assert.equal(new Set(await on.turns(address, 8)).size, 1, 'one client, one server')
      },
    },
    {
      set: { scheduler: 'tch' },
      async look({ address }) {
        const from = { localAddress: CLIENT, localPort: 42_000 }
        const [first] = await on.turns(address, 1, from)
        assert.deepEqual(await on.turns(address, 3, from), [first, first, first], 'the same port, the same server')
      },
    },
    {
      set: { scheduler: 'qch' },
      protocol: 'udp',
      async look({ address }) {
        const message = Buffer.concat([Buffer.of(0x40), Buffer.alloc(8, 7), Buffer.alloc(40)])
        const answers = new Set<string | undefined>()
        for (let i = 0; i < 4; i++) answers.add(await on.udp(address, { message }))
        assert.equal(answers.size, 1, 'one QUIC connection, one server, from any port')
      },
    },
    {
      set: { scheduler: 'wlc' },
      refusal: /The Scheduler wlc is not offered/,
      async look({ address }) {
        assert.equal(await on.isOpen(address), false)
      },
    },
  ],
  'loadbalancer-cert-id': {
    set: HTTPS,
    protocol: 'https',
    async look({ address }) {
      assert.equal(await on.certificateOf(address), 'www.example.com')
    },
  },
  'loadbalancer-tls-cipher-policy': {
    set: { ...HTTPS, 'tls-cipher-policy': 'tls_cipher_policy_1_2_strict_with_1_3' },
    protocol: 'https',
    async look({ address }) {
      assert.equal(await on.tlsVersion(address, 'TLSv1.3'), 'TLSv1.3')
      assert.equal(await on.tlsVersion(address, 'TLSv1.2'), 'TLSv1.2')
      await assert.rejects(on.tlsVersion(address, 'TLSv1.1'))
    },
  },
  'loadbalancer-http2-enabled': [
    {
      set: { ...HTTPS, 'http2-enabled': 'on' },
      protocol: 'https',
      look: async ({ address }) => assert.equal(await on.alpn(address), 'h2'),
    },
    {
      set: { ...HTTPS, 'http2-enabled': 'off' },
      protocol: 'https',
      look: async ({ address }) => assert.equal(await on.alpn(address), 'http/1.1'),
    },
  ],
  'loadbalancer-persistence-timeout': {
    set: { 'persistence-timeout': '60' },
    async look({ address }) {
      assert.equal(new Set(await on.turns(address, 5)).size, 1)
    },
  },
  'loadbalancer-established-timeout': {
    set: { 'established-timeout': '20' },
    async look({ address }) {
      const socket = await on.lb.connect(address, 80)
      await firstLine(socket)
      const listed = on.lb.inVpc(`conntrack -L -p tcp --state ESTABLISHED -d ${address}`)
      const left = Number(/tcp\s+6 (\d+) ESTABLISHED/.exec(listed)?.[1])
      assert.ok(left > 0 && left <= 20, `${left} s left`)
      socket.destroy()
    },
  },
  'loadbalancer-idle-timeout': {
    set: { ...HTTP, 'idle-timeout': '1' },
    protocol: 'http',
    async look({ address }) {
      const socket = await on.lb.connect(address, 80)
      await closed(socket)
    },
  },
  'loadbalancer-request-timeout': {
    set: { ...HTTP, 'request-timeout': '1' },
    protocol: 'http',
    serve: (nodePort) => {
      for (const n of [1, 129]) on.serveHttp(n, nodePort, () => {})
    },
    async look({ address }) {
      assert.equal((await on.http(address)).status, 504)
    },
  },
  'loadbalancer-sticky-session': [
    {
      set: { ...HTTP, 'sticky-session': 'off' },
      protocol: 'http',
      async look({ address }) {
        assert.equal((await on.http(address)).headers['set-cookie'], undefined)
      },
    },
  ],
  'loadbalancer-sticky-session-type': {
    set: { ...HTTP, 'sticky-session': 'on', 'sticky-session-type': 'insert', 'cookie-timeout': '600' },
    protocol: 'http',
    async look({ address }) {
      const cookie = (await on.http(address)).headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      assert.match(cookie, /^SERVERID=/)
      const served = new Set<number>()
      for (let i = 0; i < 4; i++) served.add((await on.seen(address, { headers: { cookie } })).n)
      assert.equal(served.size, 1, 'the cookie counts')
    },
  },
  'loadbalancer-cookie-timeout': {
    set: { ...HTTP, 'sticky-session': 'on', 'sticky-session-type': 'insert', 'cookie-timeout': '1' },
    protocol: 'http',
    async look({ address }) {
      const cookie = (await on.http(address)).headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      const ask = async () => (await on.seen(address, { headers: { cookie } })).n
      // HAProxy counts the age of cookies in steps of four seconds.
      for (;;) {
        const [first, second] = [await ask(), await ask()]
        if (first !== second) break
        await sleep(250)
      }
    },
  },
  'loadbalancer-cookie': {
    set: { ...HTTP, 'sticky-session': 'on', 'sticky-session-type': 'server', cookie: 'SESSION' },
    protocol: 'http',
    serve: (nodePort) => {
      for (const n of [1, 129]) {
        on.serveHttp(n, nodePort, (_request, response) => {
          response.setHeader('set-cookie', 'SESSION=mine')
          response.end(JSON.stringify({ n }))
        })
      }
    },
    async look({ address }) {
      const cookie = (await on.http(address)).headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      assert.match(cookie, /^SESSION=(?!mine)/, "the server's own is rewritten")
      const served = new Set<number>()
      for (let i = 0; i < 4; i++) served.add((await on.seen(address, { headers: { cookie } })).n)
      assert.equal(served.size, 1)
    },
  },
  'loadbalancer-acl-status': {
    set: { 'acl-status': 'off' },
    async look({ address }) {
      assert.equal(await on.isOpen(address), true)
    },
  },
  'loadbalancer-acl-id': {
    set: { 'acl-status': 'on', 'acl-type': 'white', 'acl-id': '$acl-inside,$acl-client' },
    async look({ address }) {
      assert.equal(await on.isOpen(address), true, 'the second list has the client')
    },
  },
  'loadbalancer-acl-type': [
    {
      set: { 'acl-status': 'on', 'acl-type': 'black', 'acl-id': '$acl-client' },
      async look({ address }) {
        assert.deepEqual([await on.isOpen(address), await on.isOpen(address, on.inside)], [false, true])
      },
    },
    {
      set: { ...HTTP, 'acl-status': 'on', 'acl-type': 'white', 'acl-id': '$acl-inside' },
      protocol: 'http',
      async look({ address }) {
        await assert.rejects(on.http(address))
        assert.equal((await on.http(address, on.inside)).status, 200)
      },
    },
  ],
  'loadbalancer-connection-drain': {
    set: { 'connection-drain': 'off' },
    policy: 'Local',
    endpoints: ['node-1'],
    look: (place) => drained(place, undefined),
  },
  'loadbalancer-connection-drain-timeout': {
    set: { 'connection-drain': 'on', 'connection-drain-timeout': '77' },
    policy: 'Local',
    endpoints: ['node-1'],
    look: (place) => drained(place, 77),
  },
  'loadbalancer-xforwardedfor-proto': {
    set: { ...HTTP, 'xforwardedfor-proto': 'on' },
    protocol: 'http',
    look: ({ address }) => told(address, 'x-forwarded-proto', 'http'),
  },
  'loadbalancer-xforwardedfor-slbport': {
    set: { ...HTTP, 'xforwardedfor-slbport': 'on' },
    protocol: 'http',
    look: ({ address }) => told(address, 'x-forwarded-port', '80'),
  },
  'loadbalancer-xforwardedfor-clientsrcport': {
    set: { ...HTTP, 'xforwardedfor-clientsrcport': 'on' },
    protocol: 'http',
    look: ({ address }) => told(address, 'x-forwarded-client-srcport', '43000'),
  },
  'loadbalancer-proxy-protocol': [
    {
      set: { 'proxy-protocol': 'on', 'health-check-switch': 'off' },
      async look({ address }) {
        const { client, port } = await on.proxyHeader(address, 44_000)
        assert.deepEqual([client, port], [CLIENT, 44_000])
      },
    },
    {
      set: { 'proxy-protocol': 'on' },
      protocol: 'udp',
      async look({ id }) {
        assert.match((await on.problems(id)).join(), /the Proxy Protocol over UDP, which is not carried/)
      },
    },
  ],

  'loadbalancer-health-check-flag': [
    {
      set: CHECKED,
      protocol: 'http',
      serve: noted.serve('failing', () => 500),
      async look({ id, address }) {
        await on.becomes(id, 'abnormal')
        assert.equal((await on.http(address)).status, 503, 'nobody is left')
      },
    },
    {
      set: { ...HTTP, 'health-check-flag': 'off' },
      protocol: 'http',
      serve: noted.serve('unchecked', () => 500),
      async look({ address, id }) {
        assert.equal((await on.http(address)).status, 500, 'it serves, be it well or not')
        assert.deepEqual(new Set(await on.health(id)), new Set(['unavailable']))
      },
    },
  ],
  'loadbalancer-health-check-switch': [
    {
      set: { 'health-check-switch': 'off' },
      serve: () => {},
      async look({ id }) {
        assert.deepEqual(new Set(await on.health(id)), new Set(['unavailable']), 'nobody is probed')
      },
    },
    {
      set: { 'health-check-switch': 'on', 'health-check-interval': '1', 'unhealthy-threshold': '2' },
      serve: (nodePort) => void on.lb.tcp(129, nodePort),
      async look({ id, address }) {
        while (!(await on.health(id)).includes('abnormal')) await sleep(20)
        assert.deepEqual(await on.turns(address, 3), [129, 129, 129])
      },
    },
  ],
  'loadbalancer-health-check-type': {
    set: { 'health-check-type': 'http', 'health-check-interval': '1' },
    serve: noted.serve('by http', () => 200),
    async look() {
      assert.equal((await noted.asked('by http', 1))[0], 'HEAD / 192.168.1.1', 'TCP servers are asked by HTTP')
    },
  },
  'loadbalancer-health-check-uri': {
    set: { ...CHECKED, 'health-check-uri': '/ok' },
    protocol: 'http',
    serve: noted.serve('uri', (_, url) => (url === '/ok' ? 200 : 500)),
    async look({ id }) {
      assert.match((await noted.asked('uri', 1))[0] ?? '', /^HEAD \/ok /)
      await on.becomes(id, 'normal')
    },
  },
  'loadbalancer-health-check-domain': {
    set: { ...CHECKED, 'health-check-domain': 'check.example.com' },
    protocol: 'http',
    serve: noted.serve('domain', () => 200),
    async look() {
      assert.equal((await noted.asked('domain', 1))[0], 'HEAD / check.example.com')
    },
  },
  'loadbalancer-health-check-httpcode': {
    set: { ...CHECKED, 'health-check-httpcode': 'http_4xx' },
    protocol: 'http',
    serve: noted.serve('code', () => 404),
    look: ({ id }) => on.becomes(id, 'normal'),
  },
  'loadbalancer-health-check-method': {
    set: { ...CHECKED, 'health-check-method': 'get' },
    protocol: 'http',
    serve: noted.serve('method', () => 200),
    async look() {
      assert.match((await noted.asked('method', 1))[0] ?? '', /^GET /)
    },
  },
  'loadbalancer-health-check-connect-port': {
    set: { 'health-check-connect-port': '30999', 'health-check-interval': '1', 'unhealthy-threshold': '2' },
    async look({ id, address }) {
      await on.becomes(id, 'abnormal')
      assert.equal(await on.isOpen(address), false, 'nobody listens where probes go')
    },
  },
  // The first three probes fail: with a threshold of three the server would be out.
  'loadbalancer-unhealthy-threshold': {
    set: { ...CHECKED, 'unhealthy-threshold': '4' },
    protocol: 'http',
    serve: noted.serve('unhealthy', (n) => (n <= 3 ? 500 : 200)),
    async look({ id }) {
      await noted.asked('unhealthy', 5)
      assert.equal((await on.health(id)).includes('abnormal'), false)
    },
  },
  // After three failures two good ones bring it back; three in a row never come.
  'loadbalancer-healthy-threshold': {
    set: { ...CHECKED, 'healthy-threshold': '2' },
    protocol: 'http',
    serve: noted.serve('healthy', (n) => (n <= 3 || n % 3 === 0 ? 500 : 200)),
    async look({ id }) {
      await noted.asked('healthy', 7)
      assert.equal((await on.health(id)).includes('abnormal'), false)
    },
  },
  'loadbalancer-health-check-interval': {
    set: { ...HTTP, 'health-check-flag': 'on', 'health-check-interval': '43' },
    protocol: 'http',
    serve: noted.serve('interval', () => 200),
    async look() {
      await noted.asked('interval', 1)
      assert.ok(on.clock.pauses.has(43_000), 'the next probe comes after the interval')
    },
  },
  'loadbalancer-health-check-timeout': [1, 300].map((timeout) => ({
    set: { ...CHECKED, 'health-check-timeout': String(timeout), 'unhealthy-threshold': '2' },
    protocol: 'http' as const,
    serve: silent,
    look: ({ id }: ClbPlace) => timesOut(id, timeout),
  })),
  'loadbalancer-health-check-connect-timeout': [1, 300].map((timeout) => ({
    set: {
      'health-check-type': 'http',
      'health-check-interval': '1',
      'health-check-connect-timeout': String(timeout),
      'unhealthy-threshold': '2',
    },
    serve: silent,
    look: ({ id }: ClbPlace) => timesOut(id, timeout),
  })),
}

/** The field of Services that is no annotation. */
const SOURCE_RANGES: ClbEffect = {
  set: {},
  sourceRanges: ['192.168.0.0/16'],
  async look({ address }) {
    assert.deepEqual([await on.isOpen(address), await on.isOpen(address, on.inside)], [false, true])
  },
}

/** Takes requests and never answers. */
function silent(nodePort: number): void {
  for (const n of [1, 129]) on.serveHttp(n, nodePort, () => {})
}

/** Of servers that never answer, those with the short time out are found first. */
async function timesOut(id: string, timeout: number): Promise<void> {
  if (timeout === 1) return on.becomes(id, 'abnormal')
  assert.deepEqual(new Set(await on.health(id)), new Set(['unavailable']), 'its first probe still waits')
}

async function drained({ name, address }: ClbPlace, timeout: number | undefined): Promise<void> {
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

async function told(address: string, header: string, value: string): Promise<void> {
  const { headers } = await on.seen(address, { localAddress: CLIENT, localPort: 43_000 })
  assert.equal(headers[header], value)
  const plain = effects.placeOf(EFFECTS['loadbalancer-protocol-port'] as ClbEffect)
  assert.equal((await on.seen(plain.address)).headers[header], undefined, 'nobody asked for it there')
}

function shares(served: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const n of served) counts[n] = (counts[n] ?? 0) + 1
  return counts
}

/** An instance that people made. */
async function byHand(name: string): Promise<string> {
  const settings = { LoadBalancerSpec: 'slb.s1.small', LoadBalancerName: name, AddressType: 'internet' }
  const { LoadBalancerId } = await on.ccm.ask<{ LoadBalancerId: string }>('CreateLoadBalancer', settings)
  ids[name] = LoadBalancerId
  return LoadBalancerId
}

/** An instance that people made, with a group that has a server of theirs and a listener before it. */
async function withPeoplesGroup(name: string): Promise<Record<string, string>> {
  const LoadBalancerId = await byHand(name)
  const port = on.nextNodePort()
  on.lb.tcp(9, port)
  const { VServerGroupId } = await on.ccm.ask<{ VServerGroupId: string }>('CreateVServerGroup', {
    LoadBalancerId,
    VServerGroupName: 'people',
    BackendServers: JSON.stringify([{ ServerId: on.ccm.machine('people'), Port: port, Weight: 100 }]),
  })
  const listener = { LoadBalancerId, ListenerPort: 80, VServerGroupId, Scheduler: 'wrr', Bandwidth: -1 }
  await on.ccm.ask('CreateLoadBalancerTCPListener', listener)
  await on.ccm.ask('StartLoadBalancerListener', { LoadBalancerId, ListenerPort: 80 })
  return { id: LoadBalancerId, 'vgroup-port': `${VServerGroupId}:80` }
}

async function makeThings(): Promise<void> {
  for (const [name, entry] of [
    ['inside', '192.168.0.0/16'],
    ['client', `${CLIENT}/32`],
  ] as const) {
    const { AclId } = await on.ccm.ask<{ AclId: string }>('CreateAccessControlList', { AclName: name })
    await on.ccm.ask('AddAccessControlListEntry', { AclId, AclEntrys: JSON.stringify([{ entry, comment: '' }]) })
    ids[`acl-${name}`] = AclId
  }
}

async function addService(effect: ClbEffect): Promise<Made> {
  const { protocol = 'tcp', policy = 'Cluster', ports = [], endpoints, sourceRanges } = effect
  const nodePort = on.nextNodePort()
  const kind = protocol === 'udp' ? 'udp' : protocol === 'tcp' ? 'tcp' : 'http'
  if (effect.serve === undefined) on.serve(kind, nodePort)
  else effect.serve(nodePort)
  const name = ports.length === 0 ? {} : { name: 'first' }
  const { metadata } = await on.addService({
    annotations: await effects.annotations(effect),
    ports: [portOf(protocol, nodePort, { ...name, ...(protocol === 'https' ? { port: 443 } : {}) }), ...ports],
    spec: {
      externalTrafficPolicy: policy,
      ...(sourceRanges === undefined ? {} : { loadBalancerSourceRanges: sourceRanges }),
    },
    ...(endpoints === undefined ? {} : { endpoints }),
  })
  return { name: metadata.name, nodePort }
}

const effects = new AnnotationEffects<ClbPlace, ClbEffect>(EFFECTS, SOURCE_RANGES)
const { ids } = effects

before(async () => {
  if (skip !== false) return
  on = await TrafficBench.open('clb')
  await effects.open(on)
  await makeThings()
  await effects.make(on, addService, async (place) => {
    const instances = await on.ccm.instances()
    return { ...place, address: instances.find((one) => one.LoadBalancerId === place.id)?.Address ?? '' }
  })
})
after(() => on?.[Symbol.asyncDispose]())

const ROWS = [INSTANCE_ROWS, BACKEND_ROWS, PORT_ROWS].flatMap((table) => Object.values(table))
effects.test([...ROWS, ...LISTENER_ROWS].map(({ suffix }) => suffix))
