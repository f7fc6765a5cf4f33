import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { netnsPath } from '../../linux/netns.ts'
import { connectTcp, listenTcp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { EipTable } from './eip-table.ts'
import { createVpc, removeVpc } from './vpc-fabric.ts'

const cluster = `t${process.pid}e`

/** Connects to `host` while the namespace `at` listens on all its addresses; says which address the listener saw. */
async function addressSeen(from: string, { at, host }: { at: string; host: string }): Promise<string> {
  const server = createServer((socket) => socket.end(String(socket.remoteAddress)))
  server.listen({ fd: listenTcp({ netns: at, host: '0.0.0.0', port: 30080 }) })
  await once(server, 'listening')
  try {
    const socket = await connectTcp({ netns: from, host, port: 30080, timeoutMs: 3000 })
    return Buffer.concat(await socket.toArray()).toString()
  } finally {
    server.close()
  }
}

test('an EIP stands for a node, in both directions; without one there is no internet', async () => {
  using spaces = new TestNamespaces()
  const [a, b] = [spaces.create('a'), spaces.create('b')]
  try {
    using vpc = createVpc({ cluster })
    vpc.attachNode({ name: 'a', netns: a, address: '192.168.1.1/24' })
    vpc.attachNode({ name: 'b', netns: b, address: '192.168.2.1/24' })
    const internet = vpc.attachInternet()
    const client = '198.51.100.2'
    vpc.eips.bind({ eip: '203.0.113.1', address: '192.168.1.1' })
    assert.equal(await addressSeen(internet.netns, { at: a, host: '203.0.113.1' }), client, 'with its own address')
    assert.equal(await addressSeen(a, { at: internet.netns, host: client }), '203.0.113.1', 'as its EIP')
    assert.equal(await addressSeen(b, { at: a, host: '203.0.113.1' }), '192.168.2.1', 'from inside')
    assert.equal(await addressSeen(a, { at: a, host: '203.0.113.1' }), '203.0.113.1', 'from itself')
    const lonely = connectTcp({ netns: b, host: client, port: 30080, timeoutMs: 50 })
    await assert.rejects(lonely, (error) => isFairleadError(error, 'TIMEOUT'))

    vpc.eips.bind({ eip: '203.0.113.1', address: '192.168.2.1' })
    assert.equal(await addressSeen(internet.netns, { at: b, host: '203.0.113.1' }), client, 'bound to another')
    vpc.eips.bind({ eip: '203.0.113.2', address: '192.168.2.1' })
    assert.deepEqual(vpc.eips.list(), [{ eip: '203.0.113.2', address: '192.168.2.1' }], 'one EIP, one address')
    assert.equal(await addressSeen(b, { at: internet.netns, host: client }), '203.0.113.2')
  } finally {
    removeVpc(cluster)
  }
})

test('bindings and rules are taken over as they are', () => {
  using spaces = new TestNamespaces()
  spaces.create('v')
  const netns = netnsPath(spaces.name('v'))
  const ruleset = () => spaces.run('v', 'nft -a list table ip fairlead-eip')
  {
    using first = new EipTable(netns)
    first.bind({ eip: '203.0.113.1', address: '192.168.1.1' })
    first.bind({ eip: '203.0.113.1', address: '192.168.1.1' })
  }
  const before = ruleset()
  assert.match(
    before,
    /map eip-to-node \{.*\s+type ipv4_addr : ipv4_addr\s+elements = \{ 203\.0\.113\.1 : 192\.168\.1\.1 \}/,
  )
  assert.match(before, /dnat to ip daddr map @eip-to-node/)
  assert.match(before, /oifname "internet" snat to ip saddr map @node-to-eip/)
  assert.match(before, /oifname "internet" ct state new ct status ! snat drop/)
  using second = new EipTable(netns)
  assert.equal(ruleset(), before)
  assert.match(before, /ip saddr \. ct original ip daddr @own-eip snat to ip saddr map @node-to-eip/)
  spaces.run('v', 'nft add rule ip fairlead-eip after-snat drop')
  using third = new EipTable(netns)
  assert.deepEqual(third.list(), [{ eip: '203.0.113.1', address: '192.168.1.1' }], 'kept when rules are replaced')
  assert.doesNotMatch(ruleset(), /\t\tdrop/)
  assert.equal(third.unbind('203.0.113.1'), true)
  assert.equal(third.unbind('203.0.113.1'), false)
  assert.deepEqual(second.list(), [])
})
