import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from './api-error.ts'
import type { Client } from './client.ts'
import { FakeTransport, status } from './fake-transport.ts'
import { requestPath } from './request-path.ts'
import { configMaps, deployments, namespaces, nodes, pods } from './resource.ts'
import { createClient } from './rest-client.ts'
import type { Transport, TransportRequest } from './transport.ts'
import type { ConfigMap } from './types/core.ts'

const settings: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'x' } }

/** Answers everything alike and notes what was asked. */
function recording(body: unknown, code = 200): { client: Client; requests: TransportRequest[] } {
  const requests: TransportRequest[] = []
  const transport: Transport = {
    async request(request) {
      requests.push(request)
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      return {
        status: code,
        headers: {},
        body: (async function* () {
          yield Buffer.from(text)
        })(),
      }
    },
  }
  return { client: createClient(transport, { userAgent: 'test/1' }), requests }
}

describe('requestPath()', () => {
  for (const [resource, place, path] of [
    [pods, {}, '/api/v1/pods'],
    [pods, { namespace: 'x' }, '/api/v1/namespaces/x/pods'],
    [pods, { namespace: 'x', name: 'p', subresource: 'status' }, '/api/v1/namespaces/x/pods/p/status'],
    [deployments, { namespace: 'x', name: 'd' }, '/apis/apps/v1/namespaces/x/deployments/d'],
    [nodes, { name: 'n' }, '/api/v1/nodes/n'],
    [namespaces, { name: 'x', namespace: 'x' }, '/api/v1/namespaces/x'],
    [
      nodes,
      { name: 'a/b?c', query: { force: true, dryRun: undefined, watch: false, x: 'ä&=' } },
      '/api/v1/nodes/a%2Fb%3Fc?force=true&x=%C3%A4%26%3D',
    ],
  ] as const) {
    it(`makes ${path}`, () => assert.equal(requestPath(resource, place), path))
  }

  it('refuses an object without its namespace or name', () => {
    assert.throws(() => requestPath(pods, { name: 'p' }), { code: 'INVALID_INPUT', message: /no namespace is given/ })
    assert.throws(() => requestPath(nodes, { name: '' }), { code: 'INVALID_INPUT', message: /its name is empty/ })
  })
})

describe('createClient()', () => {
  it('creates, gets, updates, patches, lists and deletes', async () => {
    const client = createClient(new FakeTransport())
    const created = await client.create(configMaps, { ...settings, data: { a: '1' } })
    assert.equal(created.metadata.resourceVersion, '1')
    assert.deepEqual(await client.patch(configMaps, settings.metadata, { type: 'merge', body: {} }), {
      ...created,
      metadata: { ...created.metadata, resourceVersion: '2' },
    })
    const updated = await client.update(configMaps, { ...created, data: { a: '2' } })
    assert.equal(updated.data?.a, '2')
    const list = await client.list(configMaps, { namespace: 'x' })
    assert.deepEqual(list.items, [updated])
    await client.delete(configMaps, settings.metadata)
  })

  it('says what is asked for in the way the API wants it', async () => {
    const { client, requests } = recording(settings)
    const key = { namespace: 'x', name: 'a' }
    await client.patch(configMaps, key, { type: 'strategic', body: { a: 1 } }, { dryRun: true, subresource: 'status' })
    await client.patch(configMaps, key, { type: 'json', body: [] })
    await client.patch(configMaps, key, { type: 'apply', body: settings, fieldManager: 'me', force: true })
    await client.create(configMaps, settings, { fieldManager: 'me' })
    await client.delete(configMaps, key, { propagationPolicy: 'Foreground', preconditions: { uid: 'u' } })
    await client.delete(configMaps, key)
    await client.post(pods, key, 'binding', { target: { name: 'n' } })
    const asked = requests.map(({ method, path, headers, body }) => [method, path, headers?.['content-type'], body])
    assert.deepEqual(asked, [
      [
        'PATCH',
        '/api/v1/namespaces/x/configmaps/a/status?dryRun=All',
        'application/strategic-merge-patch+json',
        '{"a":1}',
      ],
      ['PATCH', '/api/v1/namespaces/x/configmaps/a', 'application/json-patch+json', '[]'],
      [
        'PATCH',
        '/api/v1/namespaces/x/configmaps/a?fieldManager=me&force=true',
        'application/apply-patch+yaml',
        JSON.stringify(settings),
      ],
      ['POST', '/api/v1/namespaces/x/configmaps?fieldManager=me', 'application/json', JSON.stringify(settings)],
      [
        'DELETE',
        '/api/v1/namespaces/x/configmaps/a',
        'application/json',
        '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground","preconditions":{"uid":"u"}}',
      ],
      ['DELETE', '/api/v1/namespaces/x/configmaps/a', undefined, undefined],
      ['POST', '/api/v1/namespaces/x/pods/a/binding', 'application/json', '{"target":{"name":"n"}}'],
    ])
    assert.equal(requests[0]?.headers?.['user-agent'], 'test/1')
  })

  it('throws a refusal with its Status', async () => {
    const { client } = recording(status(409, 'AlreadyExists', 'configmaps "a" already exists'), 409)
    const error = await client.create(configMaps, settings).then(
      () => undefined,
      (thrown) => thrown,
    )
    assert.ok(error instanceof ApiError)
    assert.equal(error.code, 'API_REFUSED')
    assert.equal(error.message, 'configmaps "a" already exists')
    assert.equal(isAlreadyExists(error), true)
    assert.equal(isConflict(error), false)
    assert.equal(isNotFound(error), false)
  })

  it('makes a Status of what is none', async () => {
    const { client } = recording('<h1>Bad Gateway</h1>', 502)
    await assert.rejects(client.get(nodes, { name: 'n' }), {
      message: 'The API server answered 502: <h1>Bad Gateway</h1>',
    })
    assert.equal(
      isNotFound(
        await recording('no', 404)
          .client.get(nodes, { name: 'n' })
          .catch((error) => error),
      ),
      true,
    )
    assert.equal(
      isGone(
        await recording('', 410)
          .client.get(nodes, { name: 'n' })
          .catch((error) => error),
      ),
      true,
    )
  })

  it('finds nothing where nothing is, and throws other refusals', async () => {
    const key = { namespace: 'x', name: 'a' }
    assert.equal(await recording(status(404, 'NotFound', 'no'), 404).client.find(configMaps, key), undefined)
    await assert.rejects(recording(status(403, 'Forbidden', 'no'), 403).client.find(configMaps, key), ApiError)
    assert.deepEqual(await recording(settings).client.find(configMaps, key), settings)
  })

  it('refuses an answer that is not JSON', async () => {
    await assert.rejects(recording('hello').client.get(nodes, { name: 'n' }), {
      code: 'API_UNREACHABLE',
      message: /"hello", expected JSON/,
    })
  })

  it('refuses to create an object of a namespaced kind without namespace', async () => {
    const object = { ...settings, metadata: { name: 'a' } }
    await assert.rejects(recording({}).client.create(configMaps, object), { code: 'INVALID_INPUT' })
  })
})
