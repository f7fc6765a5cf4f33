import assert from 'node:assert/strict'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import type { Draft } from '../kube/kind.ts'
import { encodeProtobuf } from '../kube/schema/encode-protobuf.ts'
import { decodeProtobuf, PROTOBUF_TYPE } from '../kube/schema/protobuf.ts'
import { WireReader } from '../kube/schema/wire-reader.ts'
import type { KeyPair } from './pki/certificate.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

const SERVICES = '/api/v1/namespaces/default/services'

interface Answer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind.
  readonly object: any
}

interface Asked {
  readonly method?: string
  readonly body?: Draft | Uint8Array
  readonly accept?: string
}

/** Asks as a Go client does that is set to protobuf. */
async function ask(bench: TestBench, identity: KeyPair, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', body, accept = PROTOBUF_TYPE } = asked
  const content = body instanceof Uint8Array ? body : body && (encodeProtobuf(body) ?? assert.fail('it has no form'))
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      host: '127.0.0.1',
      port: bench.port,
      path,
      method,
      ca: bench.authority,
      agent: false,
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
      headers: { accept, 'content-type': PROTOBUF_TYPE, 'content-length': content?.byteLength ?? 0 },
    })
    outgoing.on('error', reject)
    outgoing.on('response', async (incoming) => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const bytes = Buffer.concat(chunks)
      const type = incoming.headers['content-type'] ?? ''
      const object = type === PROTOBUF_TYPE ? decodeProtobuf(bytes) : undefined
      resolve({ status: incoming.statusCode ?? 0, type, bytes, object })
    })
    outgoing.end(content)
  })
}

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] },
}

test('a client that speaks nothing but protobuf creates, reads, lists, changes and deletes', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const created = await ask(bench, identity, SERVICES, { method: 'POST', body: SERVICE })
  assert.equal(created.status, 201)
  assert.equal(created.type, PROTOBUF_TYPE)
  assert.equal(created.object.spec.ports[0].targetPort, 'http')
  const json = (await bench.call('GET', `${SERVICES}/web`)).body
  assert.deepEqual((await ask(bench, identity, `${SERVICES}/web`)).object, withoutEmpty(json))
  const list = (await ask(bench, identity, '/api/v1/services?limit=1')).object
  assert.equal(list.kind, 'ServiceList')
  assert.equal(list.items.length, 1)
  assert.equal(list.metadata.remainingItemCount, 1)
  const changed = { ...created.object, spec: { ...created.object.spec, selector: { app: 'other' } } }
  const replaced = await ask(bench, identity, `${SERVICES}/web`, { method: 'PUT', body: changed })
  assert.deepEqual([replaced.status, replaced.object.spec.selector.app], [200, 'other'])
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: { uid: 'x' },
  }
  const refused = await ask(bench, identity, `${SERVICES}/web`, { method: 'DELETE', body: options })
  assert.deepEqual([refused.status, refused.object.kind, refused.object.reason], [409, 'Status', 'Conflict'])
  const { preconditions: _, ...plain } = options
  const deleted = await ask(bench, identity, `${SERVICES}/web`, { method: 'DELETE', body: plain })
  assert.deepEqual([deleted.status, deleted.object.status], [200, 'Success'])
  const missing = await ask(bench, identity, `${SERVICES}/web`)
  assert.deepEqual([missing.status, missing.object.details.name], [404, 'web'])
})

/** Empty maps and structs are nothing in protobuf, or the other way about; neither means anything. */
function withoutEmpty(object: Draft): Draft {
  const status = object.status as Draft
  return { ...object, status: { ...status, loadBalancer: {} } }
}

test('a watch comes as frames with objects in them', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  for (const name of ['a', 'b']) await bench.call('POST', SERVICES, { ...SERVICE, metadata: { name } })
  const query =
    'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1'
  const { type, bytes } = await ask(bench, identity, `${SERVICES}?${query}`)
  assert.equal(type, `${PROTOBUF_TYPE};stream=watch`)
  const events = framesOf(bytes)
  assert.deepEqual(
    events.map(({ type: name, object }) => `${name} ${(object?.metadata as Draft | undefined)?.name ?? ''}`),
    ['ADDED a', 'ADDED b', 'ADDED kubernetes', 'BOOKMARK '],
  )
})

function framesOf(bytes: Buffer): { type: string; object: Draft | undefined }[] {
  const events = []
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    const fields = [...new WireReader(bytes.subarray(at + 4, end))]
    const [type, extension] = [1, 2].map(
      (wanted) => fields.find(({ number }) => number === wanted)?.value as Uint8Array,
    )
    const raw = [...new WireReader(extension ?? assert.fail())].find(({ number }) => number === 1)?.value as Uint8Array
    events.push({ type: Buffer.from(type ?? assert.fail()).toString(), object: decodeProtobuf(raw) })
    at = end
  }
  return events
}

test('what has no form in protobuf is refused before anything is done', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'services.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'services', kind: 'Service' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', additionalProperties: true },
                size: { type: 'number', minimum: 0.5 },
              },
            },
          },
        },
      ],
    },
  }
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const defined = await ask(bench, identity, crds, { method: 'POST', body: definition })
  assert.equal(defined.status, 201)
  const { schema } = defined.object.spec.versions[0]
  assert.deepEqual(schema, definition.spec.versions[0]?.schema)
  const custom = '/apis/example.com/v1/namespaces/default/services'
  for (const [path, accept] of [
    [custom, PROTOBUF_TYPE],
    [SERVICES, `${PROTOBUF_TYPE};as=Table;v=v1;g=meta.k8s.io`],
  ] as const) {
    const { status, type } = await ask(bench, identity, path, { accept })
    assert.deepEqual([status, type], [406, 'application/json'])
  }
  const partial = `${PROTOBUF_TYPE};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io`
  assert.equal((await ask(bench, identity, custom, { accept: partial })).object.kind, 'PartialObjectMetadataList')
  const own = Buffer.from(encodeProtobuf(SERVICE) ?? [])
    .toString('latin1')
    .replace('\n\u0002v1', '\n\u0002v2')
  const posted = await ask(bench, identity, custom, {
    method: 'POST',
    accept: 'application/json',
    body: Buffer.from(own.replace('Service', 'Servize'), 'latin1'),
  })
  assert.equal(posted.status, 415)
})

test('whoever takes JSON too gets JSON', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('root', ['system:masters'])
  const answer = await ask(bench, identity, SERVICES, { accept: `${PROTOBUF_TYPE}, application/json` })
  assert.equal(answer.type, 'application/json')
  assert.equal((await ask(bench, identity, '/version')).type, 'application/json')
})
