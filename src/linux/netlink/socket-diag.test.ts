import assert from 'node:assert/strict'
import { test } from 'node:test'
import { close } from '../libc.ts'
import { listenTcp, openUdp } from '../socket.ts'
import { TestNamespaces } from '../test-namespaces.ts'
import { listeningSockets } from './socket-diag.ts'

test('sockets that wait are listed with where they wait, those of other namespaces are not', () => {
  using spaces = new TestNamespaces()
  const [netns, other] = [spaces.create('diag'), spaces.create('diag2')]
  spaces.run('diag', 'ip link set lo up')
  spaces.run('diag2', 'ip link set lo up')
  const open = [
    listenTcp({ netns, host: '0.0.0.0', port: 8080 }),
    listenTcp({ netns, host: '::1', port: 8081 }),
    openUdp({ netns, host: '127.0.0.1', port: 53 }),
    listenTcp({ netns: other, host: '0.0.0.0', port: 9090 }),
  ]
  try {
    assert.deepEqual(listeningSockets(netns), [
      { protocol: 6, address: '0.0.0.0', port: 8080, onlyIpv6: false },
      { protocol: 6, address: '::1', port: 8081, onlyIpv6: true },
      { protocol: 17, address: '127.0.0.1', port: 53, onlyIpv6: false },
    ])
  } finally {
    for (const fd of open) close(fd)
  }
})
