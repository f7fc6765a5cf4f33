import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatAddress, formatCidr, requireCidr } from '../../../base/ip.ts'
import { formatMac, parseMac } from '../../mac-address.ts'
import { MessageWriter } from '../message.ts'
import { type AddressSpec, decodeAddress, writeAddress } from './address.ts'
import { decodeLink, type LinkResolver, writeHairpin, writeLinkChange, writeNewLink } from './link.ts'
import { decodeForwarding, decodeNeighbour, writeForwarding, writeNeighbour, writeProxy } from './neighbour.ts'
import { completeRoute, decodeRoute, type RouteSpec, writeRoute } from './route.ts'
import { decodeRule, type RuleSpec, writeRule } from './rule.ts'

const resolver: LinkResolver = { index: (name) => Number(name.replace(/\D/g, '')), netns: () => 9 }

function bytesOf(write: (writer: MessageWriter) => void): Buffer {
  const writer = new MessageWriter()
  write(writer)
  return Buffer.from(writer.bytes())
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s|#.*$/gm, ''), 'hex')
}

test('a veth pair is one request, its peer in another namespace', () => {
  const bytes = bytesOf((writer) =>
    writeNewLink(
      writer,
      { kind: 'veth', name: 'v0', up: true, master: 'br7', peer: { name: 'eth0', netns: '/p', mtu: 1450 } },
      resolver,
    ),
  )
  assert.deepEqual(
    bytes,
    hex(`
      00 00 0000 00000000 01000000 01000000         # ifinfomsg: flags and change IFF_UP
      0700 0300 76300000                            # IFLA_IFNAME v0
      0800 0a00 07000000                            # IFLA_MASTER 7
      4400 1280                                     # IFLA_LINKINFO
        0900 0100 7665746800000000                  # IFLA_INFO_KIND veth
        3400 0280                                   # IFLA_INFO_DATA
          3000 0180                                 # VETH_INFO_PEER
            00 00 0000 00000000 00000000 00000000
            0900 0300 6574683000000000              # IFLA_IFNAME eth0
            0800 0400 aa050000                      # IFLA_MTU 1450
            0800 1c00 09000000                      # IFLA_NET_NS_FD
    `),
  )
})

test('a VXLAN device says identity, source, port and that it does not learn', () => {
  const spec = { kind: 'vxlan', name: 'f', vni: 1, local: '192.168.0.1', port: 8472, learning: false } as const
  assert.deepEqual(
    bytesOf((writer) => writeNewLink(writer, spec, resolver)).subarray(16),
    hex(`
      0600 0300 66000000
      3400 1280
        0a00 0100 76786c616e000000                  # vxlan
        2400 0280
          0800 0100 01000000                        # IFLA_VXLAN_ID
          0800 0400 c0a80001                        # IFLA_VXLAN_LOCAL
          0500 0700 00000000                        # IFLA_VXLAN_LEARNING off
          0600 0f00 21180000                        # IFLA_VXLAN_PORT, big-endian
    `),
  )
})

test('hairpin mode is data of the bridge about its port', () => {
  assert.deepEqual(
    bytesOf((writer) => writeHairpin(writer, 'p', true)).subarray(16),
    hex(`
      0600 0300 70000000
      1c00 1280
        0b00 0400 62726964676500 00                 # IFLA_INFO_SLAVE_KIND bridge
        0c00 0580
          0500 0400 01000000                        # IFLA_BRPORT_MODE
    `),
  )
})

test('a default route through a gateway', () => {
  const route = completeRoute({ destination: '0.0.0.0/0', gateway: '10.0.0.1', link: 'eth3' })
  assert.deepEqual(
    bytesOf((writer) => writeRoute(writer, route, 3)),
    hex(`
      02 00 00 00 fe 04 00 01 00000000              # AF_INET, main, static, universe, unicast
      0800 0100 00000000
      0800 0f00 fe000000
      0800 0500 0a000001
      0800 0400 03000000
    `),
  )
})

test('what changes of a link is said, and only that', () => {
  const bytes = bytesOf((writer) => writeLinkChange(writer, 'a', { up: false, master: null, alias: 'x' }, resolver))
  assert.deepEqual(
    bytes,
    hex('00000000 00000000 00000000 01000000  0600 0300 61000000  0800 0a00 00000000  0500 1400 78000000'),
  )
  const same = bytesOf((writer) => writeLinkChange(writer, 'a', {}, resolver))
  assert.deepEqual(same.subarray(0, 16), Buffer.alloc(16))
  const link = decodeLink(bytesOf((writer) => writeLinkChange(writer, 'a2', { rename: 'b', mtu: 1400 }, resolver)))
  assert.deepEqual([link.index, link.name, link.mtu, link.up], [2, 'b', 1400, false])
})

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(formatMac)
const address4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatAddress)
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatAddress)
const index = fc.integer({ min: 1, max: 0x7fffffff })

function prefixOf(family: 4 | 6): fc.Arbitrary<string> {
  return fc
    .tuple(family === 4 ? address4 : address6, fc.nat(family === 4 ? 32 : 128))
    .map(([address, length]) => formatCidr(requireCidr(`${address}/${length}`)))
}

const family = fc.constantFrom<4 | 6>(4, 6)
const plain = { noNullPrototype: true }
const u32 = fc.integer({ min: 1, max: 0xffffffff })

test('Ethernet addresses: text and bytes are inverse', () => {
  fc.assert(fc.property(mac, (text) => assert.equal(formatMac(parseMac(text.toUpperCase())), text)))
  assert.throws(() => parseMac('0a:58:0a:f4:01'), /is not an Ethernet address/)
})

test('links that are written are read back', () => {
  const base = {
    name: fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/),
    mtu: fc.integer({ min: 68, max: 65535 }),
    address: mac,
  }
  const spec = fc.record(
    {
      ...base,
      up: fc.boolean(),
      kind: fc.constant('vxlan' as const),
      vni: fc.nat(0xffffff),
      local: fc.oneof(address4, address6),
      port: fc.integer({ min: 1, max: 65535 }),
      learning: fc.boolean(),
    },
    plain,
  )
  fc.assert(
    fc.property(spec, (spec) => {
      const link = decodeLink(bytesOf((writer) => writeNewLink(writer, spec, resolver)))
      const { vni, local, port, learning } = spec
      assert.deepEqual(link.vxlan, { vni, local, port, learning })
      const { name, mtu, address, up, kind } = link
      assert.deepEqual({ name, mtu, address, up, kind, vni, local, port, learning }, spec)
    }),
  )
})

test('addresses that are written are read back', () => {
  const spec: fc.Arbitrary<AddressSpec> = fc.record(
    {
      address: fc.oneof(prefixOf(4), prefixOf(6)),
      scope: fc.constantFrom('global', 'link', 'host'),
      noPrefixRoute: fc.boolean(),
    },
    plain,
  )
  fc.assert(
    fc.property(spec, index, (spec, linkIndex) => {
      assert.deepEqual(decodeAddress(bytesOf((writer) => writeAddress(writer, linkIndex, spec))), {
        linkIndex,
        ...spec,
      })
    }),
  )
})

test('routes that are written are read back', () => {
  const spec = family.chain((family): fc.Arbitrary<RouteSpec> => {
    const address = family === 4 ? address4 : address6
    return fc.record(
      {
        destination: prefixOf(family),
        gateway: address,
        link: fc.constant('eth7'),
        source: address,
        scope: fc.constantFrom('global', 'link', 'host'),
        onlink: fc.boolean(),
        table: u32,
        type: fc.constantFrom('unicast', 'local', 'blackhole', 'unreachable'),
        protocol: fc.integer({ min: 1, max: 255 }),
        metric: u32,
      },
      { requiredKeys: ['destination'], ...plain },
    )
  })
  fc.assert(
    fc.property(spec, (spec) => {
      const route = completeRoute(spec)
      const bytes = bytesOf((writer) => writeRoute(writer, route, route.link === undefined ? undefined : 7))
      assert.deepEqual(
        decodeRoute(bytes, (index) => `eth${index}`),
        route,
      )
      assert.deepEqual(completeRoute(JSON.parse(JSON.stringify(route))), route)
    }),
  )
})

test('rules that are written are read back', () => {
  // A prefix of length zero is no condition: the kernel lists none.
  const prefix = (family: 4 | 6) => prefixOf(family).filter((text) => !text.endsWith('/0'))
  const rule = family.chain(
    (family): fc.Arbitrary<RuleSpec> =>
      fc.record(
        {
          family: fc.constant(family),
          priority: u32,
          table: u32,
          from: prefix(family),
          to: prefix(family),
          fwmark: fc.record({ mark: u32, mask: u32 }, plain),
          iif: fc.constantFrom('eth0', 'cni0'),
        },
        { requiredKeys: ['family', 'priority', 'table'], ...plain },
      ),
  )
  fc.assert(
    fc.property(rule, (rule) =>
      assert.deepEqual(decodeRule(bytesOf((writer) => writeRule(writer, rule))), { ...rule }),
    ),
  )
})

test('neighbours and forwarding entries that are written are read back', () => {
  fc.assert(
    fc.property(fc.oneof(address4, address6), mac, index, (address, mac, linkIndex) => {
      const neighbour = bytesOf((writer) => writeNeighbour(writer, linkIndex, { address, mac }))
      assert.deepEqual(decodeNeighbour(neighbour), { linkIndex, address, mac, permanent: true })
      const forwarding = bytesOf((writer) => writeForwarding(writer, linkIndex, { mac, destination: address }))
      assert.deepEqual(decodeForwarding(forwarding), { linkIndex, mac, destination: address, permanent: true })
    }),
  )
  const proxy = bytesOf((writer) => writeProxy(writer, 5, '10.0.0.1'))
  assert.deepEqual(proxy, hex('02000000 05000000 0000 08 00 0800 0100 0a000001'))
})
