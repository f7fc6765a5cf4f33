import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'
import { ConntrackSocket } from './conntrack.ts'
import { NftBatch } from './nftables/batch.ts'
import { NftSocket } from './nftables/socket.ts'
import { openUdp } from './socket.ts'
import { TestNamespaces } from './test-namespaces.ts'

test('connections are listed by family and protocol, and forgotten one by one', async () => {
  using namespaces = new TestNamespaces()
  const netns = namespaces.create('ct')
  namespaces.run('ct', 'ip link set lo up')
  // Connections are tracked when a rule asks for their state.
  using nft = NftSocket.open(netns)
  const batch = new NftBatch()
  for (const family of ['ip', 'ip6'] as const) {
    const table = { family, table: 't' }
    batch.addTable(table)
    batch.addChain({ ...table, name: 'c', base: { type: 'filter', hook: 'output', priority: 0 } })
    batch.addRule({ ...table, chain: 'c', expressions: [{ kind: 'ct', key: 'state', dest: 0 }] })
  }
  nft.commit(batch)
  for (const [host, kind] of [
    ['127.0.0.1', 'udp4'],
    ['::1', 'udp6'],
  ] as const) {
    const socket = createSocket(kind)
    await new Promise<void>((resolve) => socket.bind({ fd: openUdp({ netns, host, port: 5000 }) }, resolve))
    for (const port of [6001, 6002]) await new Promise((resolve) => socket.send('x', port, host, resolve))
    socket.close()
  }

  using connections = ConntrackSocket.open(netns)
  assert.deepEqual(connections.list('ip', 6), [])
  const ports = (family: 'ip' | 'ip6') => connections.list(family, 17).map(({ original }) => original.destinationPort)
  assert.deepEqual(ports('ip').sort(), [6001, 6002])
  assert.deepEqual(ports('ip6').sort(), [6001, 6002])
  const entry = connections.list('ip6', 17).find(({ original }) => original.destinationPort === 6001)
  assert.ok(entry !== undefined)
  assert.equal(entry.original.source.toString('hex'), '00000000000000000000000000000001')
  assert.equal(entry.original.sourcePort, 5000)
  assert.equal(entry.reply.sourcePort, 6001)
  assert.equal(connections.delete(entry), true)
  assert.equal(connections.delete(entry), false)
  assert.deepEqual(ports('ip6'), [6002])
})
