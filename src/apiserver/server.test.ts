import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { createCertificateAuthority, issueCertificate } from './pki/certificate-authority.ts'
import { openTestBench } from './test-bench.ts'

test('a client is known by its certificate or its token, and anyone may ask for health and version', async () => {
  const users = new Map([['good', { name: 'system:serviceaccount:default:web', groups: ['system:serviceaccounts'] }]])
  await using bench = await openTestBench({ verifyToken: async (token) => users.get(token) })
  const master = await bench.certify('root', ['system:masters'])
  const node = await bench.certify('system:node:a', ['system:nodes'])
  assert.equal((await bench.send('/healthz')).body, 'ok')
  assert.equal((await bench.send('/version')).body.major, '1')
  assert.equal((await bench.send('/api')).status, 401)
  assert.equal((await bench.send('/api/v1/pods')).body.reason, 'Unauthorized')
  assert.equal((await bench.send('/api/v1/pods', { identity: master })).status, 200)
  assert.equal((await bench.send('/api/v1/pods', { identity: node })).status, 403)
  assert.equal((await bench.send('/api/v1/pods?fieldSelector=spec.nodeName%3Da', { identity: node })).status, 200)
  assert.equal((await bench.send('/api', { token: 'good' })).status, 200)
  assert.equal((await bench.send('/api', { token: 'bad' })).status, 401)
  const refused = await bench.send('/api/v1/namespaces/default/pods', { token: 'good' })
  assert.equal(refused.status, 403)
  assert.equal(
    refused.body.message,
    'pods is forbidden: User "system:serviceaccount:default:web" cannot list resource "pods" in API group "" in the namespace "default"',
  )
})

test('a certificate of another authority is worth nothing', async () => {
  await using bench = await openTestBench()
  const other = await createCertificateAuthority({ commonName: 'other', clock: systemClock })
  const identity = await issueCertificate(other, {
    commonName: 'root',
    organizations: ['system:masters'],
    usages: ['client'],
  })
  assert.equal((await bench.send('/api', { identity })).status, 401)
})

test('bad bodies get a Status and harm nothing', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const post = async (body: string | Uint8Array, type = 'application/json') => {
    const headers = { 'content-type': type }
    return await bench.send('/api/v1/namespaces/default/configmaps', { method: 'POST', identity, body, headers })
  }
  const cases: readonly (readonly [number, string, string | Uint8Array, string?])[] = [
    [400, 'BadRequest', ''],
    [400, 'BadRequest', '{"metadata":'],
    [400, 'BadRequest', '[]'],
    [400, 'BadRequest', 'null'],
    [400, 'BadRequest', '{"metadata":{"name":"a","labels":7}}'],
    [400, 'BadRequest', '{"metadata":{"name":7}}'],
    [400, 'BadRequest', '{"metadata":[]}'],
    [400, 'BadRequest', '{"metadata":{"name":"a"},"data":{"__proto__":"x"}}'],
    [400, 'BadRequest', '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}'],
    [400, 'BadRequest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    [400, 'BadRequest', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    [400, 'BadRequest', 'a: [1', 'application/yaml'],
    [400, 'BadRequest', 'k8s\0\xff\xff', 'application/vnd.kubernetes.protobuf'],
    [415, 'UnsupportedMediaType', '{}', 'text/html'],
    [413, 'RequestEntityTooLarge', 'x'.repeat(4 * 1024 * 1024)],
    [422, 'Invalid', '{"metadata":{"name":"A_b"}}'],
    [422, 'Invalid', '{}'],
  ]
  for (const [status, reason, body, type] of cases) {
    const answer = await post(body, type)
    assert.equal(answer.status, status, `${String(body).slice(0, 60)}: ${JSON.stringify(answer.body)}`)
    assert.equal(answer.body.kind, 'Status')
    assert.equal(answer.body.reason, reason)
  }
  assert.equal((await post('metadata: {name: fine}\ndata: {a: b}\n', 'application/yaml')).status, 201)
})

test('what is no TLS and no HTTP is cut off, and others are served on', async () => {
  await using bench = await openTestBench()
  const socket = connect(bench.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.end('GET / HTTP/1.1\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve))
  assert.equal((await bench.send('/livez')).body, 'ok')
})

test('unknown paths and methods are refused as upstream refuses them', async () => {
  await using bench = await openTestBench()
  for (const path of [
    '/nope',
    '/api/v2',
    '/apis/nope',
    '/api/v1/nope',
    '/api/v1/namespaces/default/nodes',
    '/api/v1/pods/a',
    '/%zz',
  ]) {
    assert.equal((await bench.call('GET', path)).status, 404, path)
  }
  assert.equal((await bench.call('PUT', '/api/v1/namespaces/default/pods', {})).status, 405)
  assert.equal((await bench.call('POST', '/api/v1/pods', {})).status, 405)
})

test('older kubectl finds out by OpenAPI v2 that fields are validated here', async () => {
  await using bench = await openTestBench()
  const answer = await bench.call('GET', '/openapi/v2')
  assert.equal(answer.status, 200)
  for (const text of ['/api/v1/namespaces/{namespace}/services/{name}', 'fieldValidation', '"kind":"Service"']) {
    assert.ok(String(answer.body).includes(text), text)
  }
})
