import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatAddress } from '../base/ip.ts'
import { ConntrackSocket } from '../linux/conntrack.ts'
import { close, connect, send } from '../linux/libc.ts'
import { inNetns } from '../linux/netns.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { openUdp } from '../linux/socket.ts'
import { encodeSocketAddress } from '../linux/socket-address.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'
import { Program } from './program.ts'
import { aService, aSlice, type ServiceWords, together } from './test-objects.ts'

const CONNECTIONS = 10_000
const UDP = 17
const FIRST_PORT = 20_000
const PLACES = {
  ip: { own: '192.168.0.1', vip: '10.96.0.10', pods: '10.244.0.0/16', pod: (i: number) => `10.244.7.${i + 1}` },
  ip6: {
    own: 'fd00:192::1',
    vip: 'fd00:10:96::10',
    pods: 'fd00:10:244::/56',
    pod: (i: number) => `fd00:10:244:7::${(i + 1).toString(16)}`,
  },
} as const

const pods = (count: number, family: 'ip' | 'ip6' = 'ip') =>
  Array.from({ length: count }, (_, i) => PLACES[family].pod(i))

/** Who got the connection from each source port: first packets only, which end on a device that swallows them. */
function send10000(
  words: ServiceWords,
  endpoints: readonly string[],
  family: 'ip' | 'ip6' = 'ip',
): Map<number, string> {
  const { own, vip, pods: range } = PLACES[family]
  using namespaces = new TestNamespaces()
  const netns = namespaces.create('fair')
  namespaces.run('fair', 'ip link set lo up')
  namespaces.run('fair', 'ip link add sink type veth peer name drain')
  // Without neighbours there is nobody to ask for: packets leave, and nobody takes them.
  namespaces.run('fair', 'ip link set sink arp off up')
  namespaces.run('fair', 'ip link set drain up')
  namespaces.run('fair', `ip addr add ${own} dev sink${family === 'ip6' ? ' nodad' : ''}`)
  namespaces.run('fair', `ip route add ${range} dev sink`)
  namespaces.run('fair', 'ip route add default dev sink')
  if (family === 'ip6') namespaces.run('fair', 'ip -6 route add default dev sink')
  using kernel = NftSocket.open(netns)
  const program = new Program({ kernel, nodeName: 'n1' })
  const ports = [{ name: 'udp', protocol: 'UDP', port: 80 }] as const
  const service = aService('web', { clusterIP: vip, ports, ...words })
  program.start({ name: 'n1', addresses: [own], podCidrs: [range] }, [together(service, aSlice('web', endpoints))])
  inNetns(netns, () => {
    for (let i = 0; i < CONNECTIONS; i += 1) sendFrom({ host: own, port: FIRST_PORT + i }, vip)
  })
  using connections = ConntrackSocket.open(netns)
  const found = new Map<number, string>()
  for (const { original, reply } of connections.list(family, UDP)) {
    if (formatAddress(original.destination) === vip) found.set(original.sourcePort, formatAddress(reply.source))
  }
  assert.equal(found.size, CONNECTIONS)
  return found
}

function sendFrom(own: { readonly host: string; readonly port: number }, vip: string): void {
  const fd = openUdp(own)
  try {
    connect(fd, encodeSocketAddress({ host: vip, port: 80 }), vip)
    send(fd, Buffer.of(1))
  } finally {
    close(fd)
  }
}

function tally(found: ReadonlyMap<number, string>): number[] {
  const counts = new Map<string, number>()
  for (const endpoint of found.values()) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
  return [...counts.values()]
}

/** Sum of squared differences from what is to be expected, each divided by it. */
function chiSquare(counts: readonly number[], endpoints: number): number {
  const expected = CONNECTIONS / endpoints
  const missing = (endpoints - counts.length) * expected
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, missing)
}

/** Values that chance exceeds once in a million times, by endpoints; 1, 2, 6 and 49 degrees of freedom. */
const CHI_SQUARE_LIMITS: Readonly<Record<number, number>> = { 3: 27.6, 7: 38.3, 50: 116 }

describe('10,000 connections', () => {
  for (const count of [3, 7, 50]) {
    test(`in turn over ${count} endpoints differ by one at most`, () => {
      const counts = tally(send10000({}, pods(count)))
      assert.equal(counts.length, count)
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
    })

    test(`by chance over ${count} endpoints differ as chance does`, () => {
      const annotations = { 'fairlead.dev/load-balancing': 'random' }
      const value = chiSquare(tally(send10000({ annotations }, pods(count))), count)
      assert.ok(value < (CHI_SQUARE_LIMITS[count] ?? 0), `chi-square is ${value}`)
    })
  }

  test('in turn through IPv6, too', () => {
    const counts = tally(send10000({}, pods(7, 'ip6'), 'ip6'))
    assert.equal(counts.length, 7)
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join())
  })

  test('by Maglev: without one of 50 endpoints, at most 4 % of the connections to the others move', () => {
    const annotations = { 'fairlead.dev/load-balancing': 'maglev' }
    const all = pods(50)
    const before = send10000({ annotations }, all)
    const gone = all[17]
    const now = send10000(
      { annotations },
      all.filter((one) => one !== gone),
    )
    const others = [...before].filter(([, endpoint]) => endpoint !== gone)
    const moved = others.filter(([port, endpoint]) => now.get(port) !== endpoint)
    assert.ok(others.length > CONNECTIONS * 0.9)
    assert.ok(moved.length <= others.length * 0.04, `${moved.length} of ${others.length} moved`)
    const repeated = send10000({ annotations }, all.toReversed())
    assert.deepEqual(new Map([...repeated].sort()), new Map([...before].sort()), 'another node sends them the same way')
  })
})
