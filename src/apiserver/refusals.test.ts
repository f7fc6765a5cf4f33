/** The words of refusals that no kind has for itself; each as upstream's server answers. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench } from './test-bench.ts'

const NS = '/api/v1/namespaces/default'
const map = (metadata: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', ...metadata } })
const port = (port: number, rest: object = {}) => ({ port, ...rest })
const service = (spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', namespace: 'default' },
  spec,
})

test('options that are none are refused with their names', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', `${NS}/configmaps?fieldManager=a%01&fieldValidation=Loud`, map())
  assert.equal(body.code, 422)
  const control = 'fieldManager: Invalid value: "a\\x01": invalid character U+0001 (at position 1)'
  const loud = 'fieldValidation: Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"'
  assert.equal(body.message, `CreateOptions.meta.k8s.io "" is invalid: [${control}, ${loud}]`)
  assert.deepEqual(Object.keys(body.details), ['group', 'kind', 'causes'])
})

test('an object without a name is refused without one', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', `${NS}/configmaps`, map({ name: '' }))
  assert.deepEqual([body.code, Object.keys(body.details)], [422, ['kind', 'causes']])
})

test('finalizers of built-in kinds have a domain', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', `${NS}/configmaps`, map({ finalizers: ['foo', 'orphan', 'a.b/c'] }))
  const text = 'name is neither a standard finalizer name nor is it fully qualified'
  assert.equal(body.message, `ConfigMap "m" is invalid: metadata.finalizers[0]: Invalid value: "foo": ${text}`)
})

test('what is applied has no fields that its kind does not have', async () => {
  await using bench = await openTestBench()
  for (const mode of ['', '&fieldValidation=Ignore', '&fieldValidation=Strict']) {
    const apply = (body: object) =>
      bench.call('PATCH', `${NS}/services/s?fieldManager=me${mode}`, body, 'application/apply-patch+yaml')
    const one = await apply(service({ portz: [] }))
    const what = 'failed to create typed patch object (default/s; /v1, Kind=Service): '
    assert.deepEqual(one.body, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `${what}.spec.portz: field not declared in schema`,
      code: 500,
    })
    const inside = await apply(
      service({ ports: [port(80), port(53, { protocol: 'UDP', foo: 1 })], externalIPs: ['1.2.3.4'] }),
    )
    const at = '.spec.ports[port=53,protocol="UDP"].foo'
    assert.equal(inside.body.message, `${what}${at}: field not declared in schema`)
    const two = await apply(service({ a: 1, b: 2 }))
    const lines = ['errors:', '  .spec.a: field not declared in schema', '  .spec.b: field not declared in schema']
    assert.equal(two.body.message, `${what}${lines.join('\n')}`)
  }
  assert.equal((await bench.call('GET', `${NS}/services/s`)).status, 404)
})

test('a patch that is none is refused as Go decodes it', async () => {
  await using bench = await openTestBench()
  await bench.call('POST', `${NS}/configmaps`, map())
  const patch = async (type: string, body: unknown, query = '') => {
    const answer = await bench.call('PATCH', `${NS}/configmaps/m${query}`, body, `application/${type}`)
    return [answer.status, answer.body.message]
  }
  const cannot = (what: string, type: string) => `json: cannot unmarshal ${what} into Go value of type ${type}`
  const decoding = 'error decoding patch: '
  assert.deepEqual(await patch('json-patch+json', {}), [
    400,
    `${decoding}${cannot('object', '[]handlers.jsonPatchOp')}`,
  ])
  assert.deepEqual(await patch('json-patch+json', {}, '?fieldValidation=Ignore'), [
    400,
    cannot('object', 'jsonpatch.Patch'),
  ])
  const fields = 'map[string]interface {}'
  assert.deepEqual(await patch('merge-patch+json', 1), [400, `${decoding}${cannot('number', fields)}`])
  assert.deepEqual(await patch('strategic-merge-patch+json', []), [400, cannot('array', fields)])
  const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' }))
  const limit = 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001'
  assert.deepEqual(await patch('json-patch+json', many), [413, limit])
  assert.deepEqual(await patch('foo', {}), [415, '415: Unsupported Media Type'])
})

test('parameters that are no numbers are refused as Go parses them', async () => {
  await using bench = await openTestBench()
  const get = async (query: string) => (await bench.call('GET', `${NS}/configmaps?${query}`)).body.message
  assert.equal(await get('limit=x'), 'strconv.ParseInt: parsing "x": invalid syntax')
  assert.equal(
    await get('limit=99999999999999999999'),
    'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  )
  assert.match(await get('continue=xxx'), /^invalid continue token: continue key is not valid: /)
  assert.equal((await bench.call('GET', `${NS}/configmaps?limit=-1`)).status, 200)
  const watch = await bench.call('GET', `${NS}/configmaps?watch=1&resourceVersion=abc`)
  assert.deepEqual([watch.status, watch.body.kind, watch.body.code], [400, 'Status', 400])
})

test('a deletion of another object of that name names the kind', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('POST', `${NS}/configmaps`, map())
  const remove = async (preconditions: object) =>
    (await bench.call('DELETE', `${NS}/configmaps/m`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions })).body
  const cannot = 'Operation cannot be fulfilled on ConfigMap "m": the'
  const { uid, resourceVersion } = body.metadata
  const byUid = await remove({ uid: 'x' })
  assert.equal(
    byUid.message,
    `${cannot} UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  )
  assert.deepEqual(byUid.details, { name: 'm', kind: 'ConfigMap' })
  assert.equal(
    (await remove({ resourceVersion: '1' })).message,
    `${cannot} ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
  )
})

test('unknown field selectors are refused in the words of their kind', async () => {
  await using bench = await openTestBench()
  const said = async (path: string) => (await bench.call('GET', `${path}?fieldSelector=spec.x%3Dy`)).body.message
  const few = '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
  assert.equal(await said(`${NS}/configmaps`), few)
  assert.equal(await said('/apis/apps/v1/namespaces/default/deployments'), few)
  assert.equal(await said(`${NS}/pods`), 'field label not supported: spec.x')
  assert.equal(
    await said('/apis/batch/v1/namespaces/default/jobs'),
    'field label "spec.x" not supported for batchv1.Job',
  )
})

test('discovery names what each part of an object takes', async () => {
  await using bench = await openTestBench()
  const { body } = await bench.call('GET', '/api/v1')
  const named = (name: string) => body.resources.find((each: { name: string }) => each.name === name)
  const part = { name: 'pods/exec', singularName: '', namespaced: true }
  assert.deepEqual(named('pods/exec'), { ...part, kind: 'PodExecOptions', verbs: ['create', 'get'] })
  assert.deepEqual(
    ['pods/proxy', 'services/proxy', 'nodes/proxy'].map((name) => named(name).kind),
    ['PodProxyOptions', 'ServiceProxyOptions', 'NodeProxyOptions'],
  )
  const { group, version, kind } = named('pods/eviction')
  assert.deepEqual([group, version, kind], ['policy', 'v1', 'Eviction'])
  assert.deepEqual(
    [named('namespaces'), named('services')].map(({ verbs }) => verbs.includes('deletecollection')),
    [false, true],
  )
})
