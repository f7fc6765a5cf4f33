import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { test } from 'node:test'
import { probeGrpc } from './grpc-probe.ts'

const GRPC = { ':status': 200, 'content-type': 'application/grpc' }

/** What a probe makes of a server that answers so. */
async function outcome(answer: (stream: ServerHttp2Stream, asked: Buffer) => void, service = '', timeoutMs = 5000) {
  const server = createServer()
  server.on('stream', (stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => answer(stream, Buffer.concat(chunks)))
    stream.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await probeGrpc({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, timeoutMs, service })
  } finally {
    server.close()
  }
}

const status = (value: number) => (stream: ServerHttp2Stream) => {
  stream.respond(GRPC, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(value === 0 ? Buffer.alloc(5) : Buffer.from([0, 0, 0, 0, 2, 8, value]))
}
const refusal = (code: number, message: string) => (stream: ServerHttp2Stream) =>
  stream.respond({ ...GRPC, 'grpc-status': String(code), 'grpc-message': message }, { endStream: true })

test('only a server that serves is healthy', async () => {
  assert.deepEqual(await outcome(status(1)), { kind: 'success' })
  for (const [value, name] of [
    [0, 'UNKNOWN'],
    [2, 'NOT_SERVING'],
    [3, 'SERVICE_UNKNOWN'],
  ] as const) {
    const message = `service unhealthy (responded with "${name}")`
    assert.deepEqual(await outcome(status(value)), { kind: 'failure', message })
  }
})

test('the name of the service is asked for', async () => {
  let asked: Buffer = Buffer.alloc(0)
  const note = (stream: ServerHttp2Stream, bytes: Buffer) => {
    asked = bytes
    status(1)(stream)
  }
  await outcome(note, 'shop')
  assert.deepEqual(asked, Buffer.from('\0\0\0\0\x06\x0a\x04shop'))
})

test('a server without the health protocol, and one that refuses, in the words of upstream', async () => {
  const unimplemented = /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /
  const messageOf = async (answer: (stream: ServerHttp2Stream) => void) => {
    const result = await outcome(answer)
    return result.kind === 'failure' ? result.message : result.kind
  }
  assert.match(await messageOf(refusal(12, 'unknown service grpc.health.v1.Health')), unimplemented)
  assert.match(await messageOf((stream) => stream.respond({ ':status': 404 }, { endStream: true })), unimplemented)
  assert.equal(
    await messageOf(refusal(7, 'not%20you')),
    'error: health rpc probe failed: rpc error: code = PermissionDenied desc = not you',
  )
  assert.equal(await messageOf(refusal(4, 'late')), 'timeout: health rpc did not complete within 5s')
})

test('a server that is silent, and one that never speaks HTTP/2, are late', async () => {
  assert.deepEqual(await outcome(() => {}, '', 100), {
    kind: 'failure',
    message: 'timeout: health rpc did not complete within 0.1s',
  })
  const mute = createTcpServer((socket) => socket.on('error', () => {}).pause()).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  try {
    const { port } = mute.address() as AddressInfo
    const result = await probeGrpc({ host: '127.0.0.1', port, timeoutMs: 100, service: '' })
    assert.equal(result.kind, 'failure')
    assert.match(result.kind === 'failure' ? result.message : '', /^timeout: .*within 0\.1s/)
  } finally {
    mute.close()
  }
})
