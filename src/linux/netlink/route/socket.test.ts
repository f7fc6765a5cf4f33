import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../../../base/error.ts'
import { TestNamespaces } from '../../test-namespaces.ts'
import { isNetlinkErrno } from '../socket.ts'
import { completeRoute, type RouteSpec } from './route.ts'
import type { RuleSpec } from './rule.ts'
import { RouteSocket } from './socket.ts'

function fields(object: Record<string, unknown> | undefined, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, object?.[name]]))
}

test('a veth pair is created up, an end in each namespace', () => {
  using spaces = new TestNamespaces()
  const [a, b] = [spaces.create('a'), spaces.create('b')]
  using socket = RouteSocket.open(a)
  using other = RouteSocket.open(b)
  const peer = { name: 'eth0', netns: b, mtu: 1450, address: '0a:58:0a:00:00:02' }
  socket.addLink({ kind: 'bridge', name: 'br0', address: '0a:58:0a:00:00:01', mtu: 1450, up: true })
  socket.addLink({ kind: 'veth', name: 'veth1', mtu: 1450, up: true, master: 'br0', peer })
  socket.setHairpin('veth1', true)
  other.setLink('eth0', { up: true })

  const [shown] = spaces.ipJson('a', 'link show veth1')
  assert.deepEqual(fields(shown, 'mtu', 'master', 'operstate'), { mtu: 1450, master: 'br0', operstate: 'UP' })
  const info = shown?.linkinfo as { info_slave_data: { hairpin: boolean; state: string } }
  assert.deepEqual(fields(info.info_slave_data, 'hairpin', 'state'), { hairpin: true, state: 'forwarding' })
  assert.deepEqual(fields(spaces.ipJson('b', 'link show eth0')[0], 'mtu', 'address', 'operstate'), {
    mtu: 1450,
    address: '0a:58:0a:00:00:02',
    operstate: 'UP',
  })

  const [end, peerEnd] = [socket.link('veth1'), other.link('eth0')]
  assert.deepEqual([end?.kind, end?.hairpin, end?.up, end?.carrier], ['veth', true, true, true])
  assert.equal(end?.master, socket.link('br0')?.index)
  assert.equal(end?.peer, peerEnd?.index)
  assert.equal(peerEnd?.peer, end?.index)
  assert.deepEqual(
    socket.links().map((link) => link.name),
    ['lo', 'br0', 'veth1'],
  )
  assert.throws(
    () => socket.addLink({ kind: 'bridge', name: 'br0' }),
    (error) => isNetlinkErrno(error, 'EEXIST') && error.message.includes('add the bridge link br0'),
  )
  assert.equal(other.deleteLink('eth0'), true)
  assert.equal(socket.link('veth1'), undefined)
  assert.equal(socket.deleteLink('veth1'), false)
})

test('links change name, state, master, namespace and alias', () => {
  using spaces = new TestNamespaces()
  const [a, b] = [spaces.create('a'), spaces.create('b')]
  using socket = RouteSocket.open(a)
  socket.addLink({ kind: 'bridge', name: 'br0' })
  socket.addLink({ kind: 'veth', name: 'd0', peer: { name: 'd9' } })
  socket.setLink('d0', { up: true, mtu: 1300, address: '02:00:00:00:00:01', master: 'br0', alias: 'a pod' })
  socket.setLink('lo', { up: true })
  assert.deepEqual(fields(spaces.ipJson('a', 'link show d0')[0], 'mtu', 'address', 'master', 'ifalias'), {
    mtu: 1300,
    address: '02:00:00:00:00:01',
    master: 'br0',
    ifalias: 'a pod',
  })
  socket.setLink('d0', { master: null, up: false })
  socket.setLink('d0', { rename: 'd1' })
  assert.deepEqual([socket.link('d1')?.master, socket.link('d1')?.up, socket.link('lo')?.up], [undefined, false, true])
  socket.setLink('d1', { netns: b })
  assert.equal(socket.link('d1'), undefined)
  assert.equal(spaces.ipJson('b', 'link show d1').length, 1)
  assert.throws(
    () => socket.setLink('d1', { up: true }),
    (error) => isNetlinkErrno(error, 'ENODEV'),
  )
})

test('a VXLAN device with forwarding entries and neighbours', () => {
  using spaces = new TestNamespaces()
  using socket = RouteSocket.open(spaces.create('a'))
  const spec = { kind: 'vxlan', name: 'flannel.1', vni: 1, local: '192.168.0.1', port: 8472, learning: false } as const
  socket.addLink({ ...spec, mtu: 1450, up: true })
  assert.deepEqual(socket.link('flannel.1')?.vxlan, { vni: 1, local: '192.168.0.1', port: 8472, learning: false })
  const info = spaces.ipJson('a', 'link show flannel.1')[0]?.linkinfo as { info_data: Record<string, unknown> }
  assert.deepEqual(fields(info.info_data, 'id', 'local', 'port', 'learning'), {
    id: 1,
    local: '192.168.0.1',
    port: 8472,
    learning: false,
  })

  const entry = { mac: '0a:58:c0:a8:00:02', destination: '192.168.0.2' }
  socket.replaceForwarding('flannel.1', { ...entry, destination: '192.168.0.3' })
  socket.replaceForwarding('flannel.1', entry)
  const linkIndex = socket.link('flannel.1')?.index
  assert.deepEqual(socket.forwarding('flannel.1'), [{ ...entry, linkIndex, permanent: true }])
  assert.match(spaces.run('a', 'bridge fdb show dev flannel.1'), /0a:58:c0:a8:00:02 dst 192.168.0.2 self permanent/)
  assert.equal(socket.deleteForwarding('flannel.1', entry), true)
  assert.equal(socket.deleteForwarding('flannel.1', entry), false)

  for (const address of ['10.244.1.0', 'fd00::1']) {
    socket.replaceNeighbour('flannel.1', { address, mac: '02:00:00:00:00:00' })
    socket.replaceNeighbour('flannel.1', { address, mac: entry.mac })
    const family = address.includes(':') ? 6 : 4
    assert.deepEqual(
      socket.neighbours(family).filter((neighbour) => neighbour.permanent),
      [{ linkIndex, address, mac: entry.mac, permanent: true }],
    )
    assert.deepEqual(fields(spaces.ipJson('a', `neigh show ${address} dev flannel.1`)[0], 'dst', 'lladdr', 'state'), {
      dst: address,
      lladdr: entry.mac,
      state: ['PERMANENT'],
    })
    assert.equal(socket.deleteNeighbour('flannel.1', address), true)
    assert.equal(socket.deleteNeighbour('flannel.1', address), false)
    socket.replaceProxy('flannel.1', address)
    assert.deepEqual(socket.proxies(family), [{ linkIndex, address }])
    assert.equal(socket.deleteProxy('flannel.1', address), true)
    assert.equal(socket.deleteProxy('flannel.1', address), false)
  }
})

test('addresses', () => {
  using spaces = new TestNamespaces()
  using socket = RouteSocket.open(spaces.create('a'))
  socket.addLink({ kind: 'bridge', name: 'd0', up: true })
  socket.replaceAddress('d0', { address: '10.1.2.3/24' })
  socket.replaceAddress('d0', { address: '10.1.2.3/24' })
  socket.replaceAddress('d0', { address: '10.9.9.9/16', scope: 'link', noPrefixRoute: true })
  socket.replaceAddress('d0', { address: 'fd00:1::1/64' })
  const linkIndex = socket.link('d0')?.index
  assert.deepEqual(
    socket.addresses('d0').filter((address) => !address.address.startsWith('fe80')),
    [
      { linkIndex, address: '10.9.9.9/16', scope: 'link', noPrefixRoute: true },
      { linkIndex, address: '10.1.2.3/24', scope: 'global', noPrefixRoute: false },
      { linkIndex, address: 'fd00:1::1/64', scope: 'global', noPrefixRoute: false },
    ],
  )
  const shown = spaces.ipJson('a', 'address show d0')[0]?.addr_info as Record<string, unknown>[]
  assert.ok(shown.some((entry) => entry.local === 'fd00:1::1' && entry.nodad === true && entry.tentative === undefined))
  assert.equal(socket.deleteAddress('d0', '10.1.2.3/24'), true)
  assert.equal(socket.deleteAddress('d0', '10.1.2.3/24'), false)
  assert.throws(
    () => socket.replaceAddress('nope', { address: '10.0.0.1/8' }),
    (error) => isFairleadError(error, 'NOT_FOUND'),
  )
})

test('routes', () => {
  using spaces = new TestNamespaces()
  using socket = RouteSocket.open(spaces.create('a'))
  socket.addLink({ kind: 'bridge', name: 'd0', up: true })
  socket.replaceAddress('d0', { address: '10.0.0.2/24', noPrefixRoute: true })
  socket.replaceAddress('d0', { address: 'fd00::2/64', noPrefixRoute: true })
  const specs: RouteSpec[] = [
    { destination: '10.0.0.1/32', link: 'd0', source: '10.0.0.2' },
    { destination: '0.0.0.0/0', gateway: '10.0.0.1', link: 'd0' },
    { destination: '10.244.1.0/24', gateway: '10.244.1.0', link: 'd0', onlink: true, protocol: 77 },
    { destination: '10.244.0.0/16', type: 'blackhole', metric: 5 },
    { destination: '10.245.0.0/16', type: 'unreachable', table: 1003 },
    { destination: 'fd00:10::/64', gateway: 'fd00:10::', link: 'd0', onlink: true },
    { destination: '::/0', gateway: 'fd00::1', link: 'd0', onlink: true, table: 1003 },
    { destination: 'fd01::/64', type: 'unreachable' },
  ]
  for (const spec of specs) {
    socket.replaceRoute({ ...spec, protocol: 99 })
    socket.replaceRoute(spec)
  }
  for (const spec of specs) {
    const family = spec.destination.includes(':') ? 6 : 4
    const found = socket.routes(family, spec.table ?? 254).filter((route) => route.destination === spec.destination)
    assert.deepEqual(found, [completeRoute(spec)])
  }
  const [shown] = spaces.ipJson('a', 'route show 10.244.1.0/24')
  assert.deepEqual(fields(shown, 'gateway', 'dev', 'flags', 'protocol', 'scope'), {
    gateway: '10.244.1.0',
    dev: 'd0',
    flags: ['onlink'],
    protocol: '77',
    scope: 'global',
  })
  assert.ok(socket.routes(4).some((route) => route.type === 'local' && route.table === 255))
  assert.deepEqual(socket.routes(4, 4711), [])
  for (const spec of specs) {
    assert.equal(socket.deleteRoute(spec), true, spec.destination)
    assert.equal(socket.deleteRoute(spec), false, spec.destination)
  }
})

test('rules', () => {
  using spaces = new TestNamespaces()
  using socket = RouteSocket.open(spaces.create('a'))
  const rules: RuleSpec[] = [
    { family: 4, priority: 512, table: 254, to: '10.244.1.5/32' },
    { family: 4, priority: 600, table: 100, fwmark: { mark: 0x10, mask: 0x10 }, iif: 'eth0' },
    { family: 6, priority: 2048, table: 1002, from: 'fd00::5/128' },
  ]
  for (const rule of rules) {
    socket.replaceRule(rule)
    socket.replaceRule(rule)
    assert.deepEqual(
      socket.rules(rule.family).filter((found) => found.priority === rule.priority),
      [rule],
    )
  }
  assert.deepEqual(fields(spaces.ipJson('a', 'rule show priority 600')[0], 'fwmark', 'fwmask', 'iif', 'table'), {
    fwmark: '0x10',
    fwmask: '0x10',
    iif: 'eth0',
    table: '100',
  })
  for (const rule of rules) {
    assert.equal(socket.deleteRule(rule), true)
    assert.equal(socket.deleteRule(rule), false)
  }
})
