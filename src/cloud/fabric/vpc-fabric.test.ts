import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { listNetns, netnsPath } from '../../linux/netns.ts'
import { connectTcp, listenTcp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { nodeDevice } from './fabric-names.ts'
import { createVpc, removeVpc } from './vpc-fabric.ts'

const cluster = `t${process.pid}`

/** Connects, and says which address the other side saw. */
async function addressSeen(from: string, to: { netns: string; host: string }): Promise<string | undefined> {
  const server = createServer((socket) => socket.end(String(socket.remoteAddress)))
  server.listen({ fd: listenTcp({ ...to, port: 8080 }) })
  await once(server, 'listening')
  try {
    const socket = await connectTcp({ netns: from, host: to.host, port: 8080, timeoutMs: 5000 })
    return Buffer.concat(await socket.toArray()).toString()
  } finally {
    server.close()
  }
}

test('every packet between nodes is routed by the VPC', async () => {
  using spaces = new TestNamespaces()
  const [a, b, c] = [spaces.create('a'), spaces.create('b'), spaces.create('c')]
  try {
    using vpc = createVpc({ cluster })
    const first = { name: 'a', netns: a, address: '192.168.1.1/24', address6: 'fd00:168:1::1/64', zone: 'cn-a' }
    assert.deepEqual(vpc.attachNode(first), { interfaceName: 'eth0', gateway: '192.168.1.253', mtu: 1500 })
    vpc.attachNode({ name: 'b', netns: b, address: '192.168.1.2/24', address6: 'fd00:168:1::2/64', zone: 'cn-a' })
    vpc.attachNode({ name: 'c', netns: c, address: '192.168.2.1/24', zone: 'cn-b' })
    assert.equal(await addressSeen(a, { netns: b, host: '192.168.1.2' }), '192.168.1.1', 'inside a vSwitch')
    assert.equal(await addressSeen(a, { netns: c, host: '192.168.2.1' }), '192.168.1.1', 'between vSwitches')
    assert.equal(await addressSeen(a, { netns: b, host: 'fd00:168:1::2' }), 'fd00:168:1::1')
    const controlPlane = { netns: vpc.netns, host: vpc.controlPlaneAddress }
    assert.equal(await addressSeen(c, controlPlane), '192.168.2.1')
    using route = RouteSocket.open(vpc.netns)
    using inside = RouteSocket.open(a)
    const neighbour = inside.neighbours(4).find((neighbour) => neighbour.address === '192.168.1.2')
    assert.equal(neighbour?.mac, route.link('eni-a')?.address, 'the VPC answers for the neighbour')
    assert.throws(
      () => vpc.attachNode({ name: 'x', netns: a, address: '10.0.0.1/24' }),
      (error) => isFairleadError(error, 'INVALID_INPUT') && error.message.includes('outside'),
    )
  } finally {
    removeVpc(cluster)
  }
  assert.deepEqual(
    listNetns(`fl-${cluster}-`).filter((name) => !/-[abc]$/.test(name)),
    [],
  )
})

test('what is there stays when the VPC is taken over or a node attached again', async () => {
  using spaces = new TestNamespaces()
  const [a, b] = [spaces.create('a'), spaces.create('b')]
  try {
    const attach = () => {
      using vpc = createVpc({ cluster })
      vpc.attachNode({ name: 'a', netns: a, address: '192.168.1.1/24' })
      vpc.attachNode({ name: 'a-node-with-a-long-name', netns: b, address: '192.168.1.2/24' })
      vpc.attachInternet()
      using route = RouteSocket.open(vpc.netns)
      return route.links().map((link) => [link.index, link.name, link.alias])
    }
    const before = attach()
    assert.deepEqual(attach(), before)
    assert.deepEqual(
      before.map(([, name]) => name),
      ['lo', 'eni-a', nodeDevice('a-node-with-a-long-name'), 'internet'],
    )
    using vpc = createVpc({ cluster })
    vpc.detachNode('a')
    vpc.detachNode('a')
    using inside = RouteSocket.open(a)
    assert.equal(inside.link('eth0'), undefined)
  } finally {
    removeVpc(cluster)
    removeVpc(cluster)
  }
})

test('the internet reaches public addresses only', async () => {
  using spaces = new TestNamespaces()
  const a = spaces.create('a')
  try {
    using vpc = createVpc({ cluster })
    vpc.attachNode({ name: 'a', netns: a, address: '192.168.1.1/24' })
    const internet = vpc.attachInternet()
    assert.equal(internet.netns, netnsPath(`fl-${cluster}-internet`))
    assert.deepEqual(internet.addresses, ['198.51.100.2', '2001:db8:2::2'])
    const connect = (host: string) => connectTcp({ netns: internet.netns, host, port: 80, timeoutMs: 5000 })
    await assert.rejects(connect('192.168.1.1'), /ENETUNREACH/)
    await assert.rejects(connect('203.0.113.77'), /EHOSTUNREACH/, 'an address that nobody has')
  } finally {
    removeVpc(cluster)
  }
})

test('names of devices fit and differ', () => {
  assert.equal(nodeDevice('node-1'), 'eni-node-1')
  const [one, two] = [nodeDevice('worker-with-a-name-1'), nodeDevice('worker-with-a-name-2')]
  assert.notEqual(one, two)
  for (const device of [one, two]) assert.match(device, /^eni-[0-9a-f]{11}$/)
})
