import assert from 'node:assert/strict'
import type { Socket as UdpSocket } from 'node:dgram'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConntrackSocket } from '../linux/conntrack.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { Program, type ServiceObjects } from './program.ts'
import { forgetStaleConnections } from './stale-connections.ts'
import { ADDRESSES, type Place, POD_CIDRS, TestNetwork } from './test-network.ts'
import { aService, aSlice, type EndpointWords, gone, type ServiceWords, together } from './test-objects.ts'

const NODE = { name: 'n1', addresses: [ADDRESSES.node.ip, ADDRESSES.node.ip6], podCidrs: POD_CIDRS }
const UDP = 17
const CLUSTER_IP = { ip: '10.96.0.20', ip6: 'fd00:10:96::20' }
const EXTERNAL_IP = { ip: '203.0.113.20', ip6: '2001:db8:cafe::20' }
const BALANCER_IP = { ip: '203.0.113.21', ip6: '2001:db8:cafe::21' }

type Backends = Partial<Record<'a' | 'b', Partial<Omit<EndpointWords, 'ip'>>>>

/** What a client that never stops asking meets, one state after the other; `none`: there is no such Service. */
interface Transition {
  readonly name: string
  readonly states: readonly (readonly [state: Backends | 'none', from: 'a' | 'b' | 'nobody' | undefined])[]
}

const TERMINATING = { ready: false, serving: true, terminating: true }
const STOPPED = { ready: false, serving: false, terminating: true }

/** Each row as pkg/proxy/conntrack/cleanup.go has it. */
const TRANSITIONS: readonly Transition[] = [
  {
    name: 'its endpoint is replaced',
    states: [
      [{ a: {} }, 'a'],
      [{ b: {} }, 'b'],
    ],
  },
  {
    name: 'its endpoint leaves, others stay',
    states: [
      [{ a: {} }, 'a'],
      [{ a: {}, b: {} }, 'a'],
      [{ b: {} }, 'b'],
    ],
  },
  {
    name: 'its endpoint terminates, and serves until it stops',
    states: [
      [{ a: {} }, 'a'],
      [{ a: TERMINATING, b: {} }, 'a'],
      [{ a: STOPPED, b: {} }, 'b'],
    ],
  },
  {
    name: 'its endpoint is not ready any more',
    states: [
      [{ a: {} }, 'a'],
      [{ a: { ready: false }, b: {} }, 'b'],
    ],
  },
  {
    name: 'nobody is left for a while, then somebody else comes',
    states: [
      [{ a: {} }, 'a'],
      [{}, undefined],
      [{ b: {} }, 'b'],
    ],
  },
  {
    name: 'there were no endpoints when it began',
    states: [
      [{}, 'nobody'],
      [{ a: {} }, 'a'],
    ],
  },
  {
    name: 'there was no such Service when it began',
    states: [
      ['none', 'nobody'],
      [{ a: {} }, 'a'],
    ],
  },
  {
    name: 'the Service is deleted and made anew',
    states: [
      [{ a: {} }, 'a'],
      ['none', undefined],
      [{ b: {} }, 'b'],
    ],
  },
]

for (const family of ['ip', 'ip6'] as const) {
  describe(`a busy UDP client through ${family === 'ip' ? 'IPv4' : 'IPv6'}`, () => {
    let network: TestNetwork
    let kernel: NftSocket
    let connections: ConntrackSocket
    let program: Program

    const words: ServiceWords = {
      type: 'LoadBalancer',
      clusterIP: CLUSTER_IP[family],
      externalIPs: [EXTERNAL_IP[family]],
      ingress: [BALANCER_IP[family]],
      ports: [{ name: 'udp', protocol: 'UDP', port: 80, nodePort: 30080 }],
    }
    /** Who asks, and where. */
    const addresses: readonly (readonly [what: string, from: Place, host: string, port: number])[] = [
      ['ClusterIP', 'c', CLUSTER_IP[family], 80],
      ['ClusterIP from the node', 'node', CLUSTER_IP[family], 80],
      ['node port', 'outside', ADDRESSES.node[family], 30080],
      ['external IP', 'outside', EXTERNAL_IP[family], 80],
      ['load balancer', 'outside', BALANCER_IP[family], 80],
    ]

    before(async () => {
      network = new TestNetwork()
      await Promise.all([network.serve('a'), network.serve('b')])
      kernel = NftSocket.open(network.path('node'))
      connections = ConntrackSocket.open(network.path('node'))
      program = new Program({ kernel, nodeName: 'n1' })
      program.start(NODE, [])
    })
    after(async () => {
      connections[Symbol.dispose]()
      kernel[Symbol.dispose]()
      await network[Symbol.asyncDispose]()
    })
    beforeEach(() => bring(gone('udp')))

    function bring(objects: ServiceObjects): void {
      program.setService(objects)
      program.commit()
      forgetStaleConnections(connections, program.takeChangedUdp())
    }

    function serviceTo(backends: Backends): ServiceObjects {
      const endpoints = Object.entries(backends).map(([place, more]) => {
        return { ip: ADDRESSES[place as 'a' | 'b'][family], node: 'n1', ...more }
      })
      return together(aService('udp', words), aSlice('udp', endpoints))
    }

    /** Who answers a socket in the end; it goes on asking, as a busy client does. */
    async function answerer(socket: UdpSocket): Promise<string> {
      for (let asked = 0; asked < 100; asked += 1) {
        const heard = await Promise.race([nextAnswer(socket), sleep(20)])
        if (heard !== undefined) return heard
      }
      return 'nobody'
    }

    for (const { name, states } of TRANSITIONS) {
      test(name, async () => {
        const clients: [string, UdpSocket][] = []
        for (const [what, from, host, port] of addresses) {
          clients.push([what, await network.udpClient(from, host, port)])
        }
        for (const [state, expected] of states) {
          bring(state === 'none' ? gone('udp') : serviceTo(state))
          for (const [what, socket] of clients) {
            if (expected === undefined) continue
            if (expected === 'nobody') await askInVain(socket)
            else assert.equal(await answerer(socket), expected, `${what}: ${JSON.stringify(state)}`)
          }
        }
      })
    }

    test('connections of other protocols and to other places are left alone', async () => {
      bring(serviceTo({ a: {} }))
      const direct = await network.udpClient('outside', ADDRESSES.a[family], 8080)
      assert.equal(await answerer(direct), 'a')
      const before = connections.list(family, UDP).length
      bring(serviceTo({ b: {} }))
      assert.equal(connections.list(family, UDP).length, before)
    })
  })
}

/** Asks once and hears who answers; undefined when it is told that nobody is there. */
function nextAnswer(socket: UdpSocket): Promise<string | undefined> {
  socket.removeAllListeners('message').removeAllListeners('error')
  return new Promise((resolve) => {
    socket.once('message', (message) => resolve(message.toString().split(' ')[0]))
    socket.once('error', () => resolve(undefined))
    socket.send('?')
  })
}

/** Asks where nobody answers: refused, or silence. */
async function askInVain(socket: UdpSocket): Promise<void> {
  for (let asked = 0; asked < 3; asked += 1) {
    const heard = await Promise.race([nextAnswer(socket), sleep(10)])
    assert.equal(heard, undefined)
  }
}
