import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { KeyPair } from './pki/certificate.ts'
import { DEFAULT_PATIENCE } from './server.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

/** Sends bytes as they are and returns all that comes until the server closes the connection. */
async function converse(bench: TestBench, identity: KeyPair, ...texts: readonly string[]): Promise<string> {
  const { certificatePem: cert, privateKeyPem: key } = identity
  const socket = connectTls({ host: '127.0.0.1', port: bench.port, ca: bench.authority, cert, key })
  const chunks: Buffer[] = []
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => chunks.push(bytes))
  for (const text of texts) if (!socket.destroyed) socket.write(text)
  await closed
  return Buffer.concat(chunks).toString()
}

function statusIn(answer: string): { readonly code: number; readonly reason: string; readonly kind: string } {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}

test('a flood of headers is answered with a Status, and so is what is no HTTP', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const flood = Array.from({ length: 3000 }, (_, i) => `X-H${i}: ${'x'.repeat(50)}`).join('\r\n')
  const answer = await converse(bench, identity, `GET /api HTTP/1.1\r\nHost: x\r\n${flood}\r\n\r\n`)
  assert.match(answer, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\nContent-Type: application\/json\r\n/)
  assert.deepEqual([statusIn(answer).kind, statusIn(answer).code], ['Status', 431])
  const nonsense = await converse(bench, identity, 'no such thing\r\n\r\n')
  assert.deepEqual([statusIn(nonsense).code, statusIn(nonsense).reason], [400, 'BadRequest'])
  assert.equal((await bench.send('/livez')).body, 'ok')
})

test('half a request is given up, whichever half is missing', async () => {
  const patience = { ...DEFAULT_PATIENCE, handshakeTimeout: 100, headersTimeout: 100, requestTimeout: 200 }
  await using bench = await openTestBench({ patience: { ...patience, connectionsCheckingInterval: 20 } })
  const identity = await bench.certify('root', ['system:masters'])
  for (const [what, text] of [
    ['headers', 'GET /api HTTP/1.1\r\nHost: x\r\n'],
    ['body', `POST ${MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"metadata":`],
    ['chunk', `POST ${MAPS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"met`],
  ] as const) {
    const answer = await converse(bench, identity, text)
    assert.match(answer, /^HTTP\/1\.1 408 Request Timeout\r\n/, what)
    assert.equal(statusIn(answer).kind, 'Status')
  }
  // A connection on which nothing is said at all, not even TLS.
  const silent = connect(bench.port, '127.0.0.1')
  silent.on('error', () => {})
  await new Promise((resolve) => silent.once('close', resolve))
  assert.equal((await bench.send('/livez')).body, 'ok')
})

test('an amount that is none is said to be so, in whatever object', async () => {
  await using bench = await openTestBench()
  const resources = { limits: { cpu: 'much' } }
  const metadata = { name: 'odd' }
  const objects = [
    ['Pod', 'namespaces/default/pods', { spec: { containers: [{ name: 'a', image: 'b', resources }] } }],
    ['Node', 'nodes', { status: { allocatable: { cpu: 'much' } } }],
  ] as const
  for (const [kind, path, rest] of objects) {
    const answer = await bench.call('POST', `/api/v1/${path}`, { apiVersion: 'v1', kind, metadata, ...rest })
    assert.deepEqual([answer.status, answer.body.reason], [400, 'BadRequest'])
    assert.match(
      answer.body.message,
      new RegExp(`^${kind} in version "v1" cannot be handled as a ${kind}: quantities must match the regular expres`),
    )
  }
})

test('ten megabytes are refused, whether their length is told or not', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const headers = { 'content-type': 'application/json' }
  const huge = `{"metadata":{"name":"big"},"data":{"k":"${'x'.repeat(10 * 1024 * 1024)}"}}`
  const told = await bench.send(MAPS, { method: 'POST', identity, headers, body: huge })
  assert.deepEqual([told.status, told.body.kind, told.body.reason], [413, 'Status', 'RequestEntityTooLarge'])
  const chunked = { ...headers, 'transfer-encoding': 'chunked' }
  const untold = await bench.send(MAPS, { method: 'POST', identity, headers: chunked, body: huge })
  assert.deepEqual([untold.status, untold.body.reason], [413, 'RequestEntityTooLarge'])
  for (const type of ['application/merge-patch+json', 'application/apply-patch+yaml']) {
    const patched = await bench.send(`${MAPS}/big?fieldManager=x`, {
      method: 'PATCH',
      identity,
      headers: { 'content-type': type },
      body: huge,
    })
    assert.equal(patched.status, 413, type)
  }
})

test('text that is malformed, too deep or no UTF-8 is refused in every format', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const bad = Buffer.from('{"metadata":{"name":"a\xff"}}', 'latin1')
  const deep = (open: string, close: string) => open.repeat(2000) + close.repeat(2000)
  const cases: readonly (readonly [string, string, string | Uint8Array])[] = [
    ['application/json', 'not valid UTF-8', bad],
    ['application/yaml', 'not valid UTF-8', bad],
    ['application/json', 'nested deeper', `{"metadata":${deep('[', ']')}}`],
    ['application/yaml', 'nested deeper', `metadata: ${deep('{a: ', '}')}`],
    ['application/json', 'unrecognized', '{"metadata":{"name":"a"},}'],
    ['application/yaml', 'error converting YAML to JSON', 'a: b: c'],
    ['application/yaml', 'unique', 'metadata: {name: a}\nmetadata: {name: b}'],
    ['application/yaml', '', 'a: &a [*a]'],
    [
      'application/yaml',
      '',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`).join('\n')}`,
    ],
  ]
  for (const [type, text, body] of cases) {
    const answer = await bench.send(MAPS, { method: 'POST', identity, headers: { 'content-type': type }, body })
    assert.deepEqual([answer.status, answer.body.kind], [400, 'Status'], `${type} ${String(body).slice(0, 40)}`)
    assert.ok(answer.body.message.includes(text), answer.body.message)
  }
})
