import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError, systemErrorCode } from '../base/error.ts'
import { formatAddress } from '../base/ip.ts'
import { close } from './libc.ts'
import { RouteSocket } from './netlink/route/socket.ts'
import { connectTcp, listenTcp, openFreshUdp, openUdp, socketAddress } from './socket.ts'
import { decodeSocketAddress, encodeSocketAddress, formatSocketAddress } from './socket-address.ts'
import { TestNamespaces } from './test-namespaces.ts'

/** A namespace with a working loopback device and one address that leads nowhere. */
function loopback(spaces: TestNamespaces): string {
  const netns = spaces.create('a')
  using socket = RouteSocket.open(netns)
  socket.setLink('lo', { up: true })
  socket.addLink({ kind: 'bridge', name: 'void0', up: true })
  socket.addLink({ kind: 'veth', name: 'void1', up: true, master: 'void0', peer: { name: 'void2' } })
  socket.setLink('void2', { up: true })
  socket.replaceAddress('void0', { address: '192.0.2.1/24' })
  socket.replaceNeighbour('void0', { address: '192.0.2.2', mac: '02:00:00:00:00:02' })
  return netns
}

test('socket addresses: bytes and values are inverse', () => {
  const host = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatAddress),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatAddress),
  )
  fc.assert(
    fc.property(host, fc.nat(65535), (host, port) => {
      assert.deepEqual(decodeSocketAddress(encodeSocketAddress({ host, port })), { host, port })
    }),
  )
  assert.equal(
    encodeSocketAddress({ host: '10.0.0.1', port: 80 }).toString('hex'),
    `02000050${'0a000001'}${'00'.repeat(8)}`,
  )
  assert.equal(formatSocketAddress({ host: 'fd00::1', port: 80 }), '[fd00::1]:80')
})

for (const host of ['127.0.0.1', '::1']) {
  test(`TCP inside a namespace over ${host}`, async () => {
    using spaces = new TestNamespaces()
    const netns = loopback(spaces)
    const fd = listenTcp({ netns, host, port: 0 })
    const { port } = socketAddress(fd)
    assert.throws(
      () => listenTcp({ netns, host, port }),
      (error) => isFairleadError(error, 'PORT_TAKEN') && error.message.includes(formatSocketAddress({ host, port })),
    )
    const server = createServer((socket) => socket.pipe(socket)).listen({ fd })
    await once(server, 'listening')
    const socket = await connectTcp({ netns, host, port, timeoutMs: 5000, localAddress: host, localPort: 4444 })
    assert.deepEqual([socket.localPort, socket.remotePort, socket.remoteAddress], [4444, port, host])
    socket.end('hello')
    const chunks = await socket.toArray()
    assert.equal(Buffer.concat(chunks).toString(), 'hello')
    server.close()
    await once(server, 'close')
    await assert.rejects(
      connectTcp({ netns, host, port, timeoutMs: 5000 }),
      (error) => systemErrorCode(error) === 'ECONNREFUSED',
    )
    const own = await connectTcp({ host, port, timeoutMs: 5000 }).then(
      (socket: Socket) => socket.destroy(),
      () => 'refused',
    )
    assert.equal(own, 'refused', 'nothing listens outside the namespace')
  })
}

test('data that arrives before the connection is handed over is not lost', async () => {
  using spaces = new TestNamespaces()
  const netns = loopback(spaces)
  const fd = listenTcp({ netns, host: '127.0.0.1', port: 0 })
  const { port } = socketAddress(fd)
  const server = createServer((socket) => socket.end('greeting')).listen({ fd })
  const socket = await connectTcp({ netns, host: '127.0.0.1', port, timeoutMs: 5000 })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(Buffer.concat(await socket.toArray()).toString(), 'greeting')
  server.close()
})

test('nobody answers, nobody is there, the caller gives up', async () => {
  using spaces = new TestNamespaces()
  const netns = loopback(spaces)
  const place = { netns, host: '192.0.2.2', port: 80 }
  await assert.rejects(connectTcp({ ...place, timeoutMs: 30 }), (error) => isFairleadError(error, 'TIMEOUT'))
  await assert.rejects(connectTcp({ ...place, host: '203.0.113.1', timeoutMs: 5000 }), /ENETUNREACH/)
  const gone = new Error('gone')
  await assert.rejects(connectTcp({ ...place, timeoutMs: 5000, signal: AbortSignal.abort(gone) }), gone)
  const controller = new AbortController()
  const waiting = connectTcp({ ...place, timeoutMs: 5000, signal: controller.signal })
  controller.abort(gone)
  await assert.rejects(waiting, gone)
})

test('UDP inside a namespace', async () => {
  using spaces = new TestNamespaces()
  const netns = loopback(spaces)
  const fd = openUdp({ netns, host: '127.0.0.1', port: 0 })
  const { port } = socketAddress(fd)
  assert.throws(
    () => openUdp({ netns, host: '127.0.0.1', port }),
    (error) => isFairleadError(error, 'PORT_TAKEN'),
  )
  close(openUdp({ netns, host: '::1', port }))
  const server = createSocket('udp4').bind({ fd })
  const client = createSocket('udp4').bind({ fd: openUdp({ netns, host: '127.0.0.1', port: 0 }) })
  server.on('message', (message, from) => server.send(message, from.port, from.address))
  client.send('ping', port, '127.0.0.1')
  const [answer] = await once(client, 'message')
  assert.equal(String(answer), 'ping')
  server.close()
  client.close()
})

test('a place that is shared: the first must find it free, who joins gets a part of what comes', async () => {
  using spaces = new TestNamespaces()
  const netns = loopback(spaces)
  const first = openUdp({ netns, host: '127.0.0.1', port: 0 }, { sharing: 'first' })
  const { port } = socketAddress(first)
  const place = { netns, host: '127.0.0.1', port }
  for (const options of [{}, { sharing: 'first' }] as const) {
    assert.throws(
      () => openUdp(place, options),
      (error) => isFairleadError(error, 'PORT_TAKEN'),
    )
  }
  const both = [first, openUdp(place, { sharing: 'join' })].map((fd) => createSocket('udp4').bind({ fd }))
  const heard = both.map((socket) => once(socket, 'message'))
  // Who gets a packet depends on whom it is from: enough senders reach both.
  const senders = Array.from({ length: 64 }, () => {
    const sender = createSocket('udp4').bind({ fd: openUdp({ netns, host: '127.0.0.1', port: 0 }) })
    sender.send('ping', port, '127.0.0.1')
    return sender
  })
  for (const [message] of await Promise.all(heard)) assert.equal(String(message), 'ping')
  for (const socket of [...both, ...senders]) socket.close()
})

test('no port is used again soon, and one that is taken is left out', () => {
  using spaces = new TestNamespaces()
  const netns = loopback(spaces)
  const fresh = () => openFreshUdp({ netns, host: '127.0.0.1' })
  const portOf = (fd: number) => {
    const { port } = socketAddress(fd)
    close(fd)
    return port
  }
  const ports = Array.from({ length: 1000 }, () => portOf(fresh()))
  assert.equal(new Set(ports).size, ports.length)
  assert.ok(ports.every((port) => port >= 10_000 && port < 30_000))
  const last = ports.at(-1) ?? 0
  const taken = openUdp({ netns, host: '127.0.0.1', port: last === 29_999 ? 10_000 : last + 1 })
  const { port } = socketAddress(taken)
  assert.notEqual(portOf(fresh()), port)
  close(taken)
})
