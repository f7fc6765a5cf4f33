import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { healthResponse } from './health.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

/** Habits of the API that no kind has to itself, as clients and probes of Kubernetes know them. */

const MAPS = '/api/v1/namespaces/default/configmaps'

async function identified(bench: TestBench) {
  const identity = await bench.certify('kubernetes-admin', ['system:masters'])
  return (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    bench.send(path, { identity, headers, method })
}

test('health has its checks by name, some can be left out, and nobody is told why one fails', async () => {
  await using bench = await openTestBench()
  const ask = await identified(bench)
  assert.equal(
    (await ask('/readyz?verbose')).body,
    '[+]ping ok\n[+]store ok\n[+]poststarthook/rbac/bootstrap-roles ok\nreadyz check passed\n',
  )
  assert.equal(
    (await ask('/livez?verbose&exclude=store&exclude=etcd')).body,
    '[+]ping ok\n[+]store excluded: ok\nwarn: some health checks cannot be excluded: no matches for "etcd"\nlivez check passed\n',
  )
  assert.equal((await ask('/livez/ping')).body, 'ok')
  assert.equal((await ask('/livez/nosuch')).status, 404)
  const store = {
    ...bench.store,
    revision() {
      throw new FairleadError('STORE_FAILED', 'the disk is gone')
    },
  }
  const { status, body } = healthResponse({ store, log: silentLog }, '/readyz', new URLSearchParams())
  assert.equal(status, 500)
  assert.equal(
    Buffer.from(body as Uint8Array).toString(),
    '[+]ping ok\n[-]store failed: reason withheld\n[+]poststarthook/rbac/bootstrap-roles ok\nreadyz check failed\n',
  )
})

test('HEAD is for probes, OPTIONS for nobody, and the root lists paths', async () => {
  await using bench = await openTestBench()
  const ask = await identified(bench)
  assert.equal((await ask('/readyz', {}, 'HEAD')).status, 200)
  assert.equal((await ask(MAPS, {}, 'HEAD')).status, 405)
  const options = await ask(MAPS, { origin: 'https://example.com' }, 'OPTIONS')
  assert.equal(options.status, 405)
  assert.equal(options.body.reason, 'MethodNotAllowed')
  assert.equal(options.headers['access-control-allow-origin'], undefined)
  const { paths } = (await ask('/')).body
  for (const path of ['/api/v1', '/apis/apps/v1', '/livez/ping', '/openapi/v3/api/v1', '/openapi/v3/apis/apps/v1']) {
    assert.ok(paths.includes(path), path)
  }
  for (const path of ['/', '/metrics', '/logs']) assert.equal((await bench.send(path)).status, 401, path)
  assert.equal((await ask('/logs')).status, 404)
})

test('requests are counted under the names of kube-apiserver', async () => {
  await using bench = await openTestBench()
  const ask = await identified(bench)
  await bench.call('POST', MAPS, { metadata: { name: 'a' } })
  await bench.call('POST', MAPS, { metadata: { name: 'a' } })
  await bench.call('PATCH', `${MAPS}/a?fieldManager=x`, {}, 'application/apply-patch+yaml')
  await ask(MAPS)
  await ask('/no/such/path')
  const { body, headers } = await ask('/metrics')
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const labels = (verb: string, scope: string) =>
    `component="apiserver",dry_run="",group="",resource="configmaps",scope="${scope}",subresource="",verb="${verb}",version="v1"`
  const lines = String(body).split('\n')
  for (const line of [
    `apiserver_request_total{code="201",${labels('POST', 'resource')}} 1`,
    `apiserver_request_total{code="409",${labels('POST', 'resource')}} 1`,
    `apiserver_request_total{code="200",${labels('APPLY', 'resource')}} 1`,
    `apiserver_request_total{code="200",${labels('LIST', 'namespace')}} 1`,
    `apiserver_request_duration_seconds_count{${labels('POST', 'resource')}} 2`,
    `apiserver_request_duration_seconds_bucket{${labels('POST', 'resource')},le="+Inf"} 2`,
    'apiserver_current_inflight_requests{request_kind="readOnly"} 1',
    'apiserver_storage_objects{resource="configmaps"} 1',
  ]) {
    assert.ok(lines.includes(line), `${line}\n${body}`)
  }
  assert.doesNotMatch(body, /no\/such/)
})

test('an open watch is one of the requests that last', async () => {
  await using bench = await openTestBench()
  const ask = await identified(bench)
  const running = async () =>
    /apiserver_longrunning_requests\{.*verb="WATCH".*\} (\d+)/.exec((await ask('/metrics')).body)?.[1]
  const leave = new AbortController()
  const answer = await bench.transport.request({
    method: 'GET',
    path: `${MAPS}?watch=true`,
    headers: {},
    signal: leave.signal,
  })
  const events = answer.body[Symbol.asyncIterator]()
  const next = events.next()
  assert.equal(await running(), '1')
  leave.abort()
  await next.catch(() => undefined)
  assert.equal(await running(), '0')
})

test('documents of the API are kept by those who have them', async () => {
  await using bench = await openTestBench()
  const ask = await identified(bench)
  const place = (await ask('/openapi/v3')).body.paths['apis/apps/v1'].serverRelativeURL
  const document = await ask(place)
  assert.equal(document.headers['cache-control'], 'public, immutable')
  assert.ok(new Date(String(document.headers.expires)).getTime() > Date.now())
  assert.equal((await ask(place, { 'if-none-match': String(document.headers.etag) })).status, 304)
  const old = await ask('/openapi/v3/apis/apps/v1?hash=ABC')
  assert.deepEqual([old.status, old.headers.location], [301, place])
  assert.equal((await ask('/openapi/v3/apis/apps/v1')).headers['cache-control'], undefined)
  for (const version of ['v2', 'v2beta1']) {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
    const all = await ask('/apis', { accept })
    assert.equal(all.body.apiVersion, `apidiscovery.k8s.io/${version}`)
    assert.equal(all.headers['content-type'], accept)
    assert.equal((await ask('/apis', { accept, 'if-none-match': String(all.headers.etag) })).status, 304)
  }
})

test('people get several lines, or YAML', async () => {
  await using bench = await openTestBench()
  await bench.call('POST', MAPS, { metadata: { name: 'a' }, data: { x: '1' } })
  const identity = await bench.certify('kubernetes-admin', ['system:masters'])
  const raw = async (path: string, headers: Record<string, string>) => {
    const { body, headers: answered } = await bench.send(path, { identity, headers })
    return { type: answered['content-type'], length: Number(answered['content-length']), body }
  }
  const compact = await raw(`${MAPS}/a`, {})
  const pretty = await raw(`${MAPS}/a?pretty=true`, {})
  assert.ok(pretty.length > compact.length)
  assert.deepEqual(pretty.body, compact.body)
  assert.equal((await raw(`${MAPS}/a`, { 'user-agent': 'curl/8.5.0' })).length, pretty.length)
  assert.equal((await raw(`${MAPS}/a?pretty=false`, { 'user-agent': 'curl/8.5.0' })).length, compact.length)
  const yaml = await raw(`${MAPS}/a`, { accept: 'application/yaml' })
  assert.equal(yaml.type, 'application/yaml')
  assert.match(yaml.body, /^kind: ConfigMap\napiVersion: v1\nmetadata:\n(.*\n)* {2}name: a\n/)
  assert.match((await raw(`${MAPS}/none`, { accept: 'application/yaml' })).body, /^kind: Status\n/)
})

test('a review is no table', async () => {
  await using bench = await openTestBench()
  const identity = await bench.certify('kubernetes-admin', ['system:masters'])
  const ask = (accept: string) =>
    bench.send('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      method: 'POST',
      identity,
      headers: { accept, 'content-type': 'application/json' },
      body: JSON.stringify({ spec: { nonResourceAttributes: { path: '/', verb: 'get' } } }),
    })
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  assert.equal((await ask(table)).status, 406)
  const answer = await ask(`${table},application/json`)
  assert.deepEqual([answer.status, answer.body.kind], [201, 'SelfSubjectAccessReview'])
})

test('metadata and tables, of lists and of watches', async () => {
  await using bench = await openTestBench()
  await bench.call('POST', MAPS, { metadata: { name: 'a', labels: { x: 'y' } }, data: { big: 'x' } })
  const ask = await identified(bench)
  const metadata = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
  const list = (await ask(MAPS, { accept: metadata })).body
  assert.equal(list.kind, 'PartialObjectMetadataList')
  assert.equal(list.apiVersion, 'meta.k8s.io/v1')
  assert.deepEqual(Object.keys(list.items[0]).sort(), ['apiVersion', 'kind', 'metadata'])
  const events = async (accept: string) => {
    const { body } = await ask(`${MAPS}?watch=true&timeoutSeconds=1`, { accept })
    return typeof body === 'string' ? JSON.parse(body.split('\n')[0] ?? '') : body
  }
  const partial = await events('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1')
  assert.equal(partial.object.kind, 'PartialObjectMetadata')
  assert.equal(partial.object.metadata.labels.x, 'y')
  const table = await events('application/json;as=Table;g=meta.k8s.io;v=v1')
  assert.equal(table.object.kind, 'Table')
  assert.equal(table.object.rows[0].object.kind, 'PartialObjectMetadata')
  const refused = await ask(MAPS, { accept: 'application/xml' })
  assert.equal(refused.status, 406)
})

test('a list comes in chunks of one snapshot', async () => {
  await using bench = await openTestBench()
  for (const name of ['a', 'b', 'c']) await bench.call('POST', MAPS, { metadata: { name } })
  const first = (await bench.call('GET', `${MAPS}?limit=2`)).body
  assert.equal(first.metadata.remainingItemCount, 1)
  await bench.call('POST', MAPS, { metadata: { name: 'd' } })
  const token = encodeURIComponent(first.metadata.continue)
  const second = (await bench.call('GET', `${MAPS}?limit=2&continue=${token}`)).body
  assert.deepEqual([second.items.length, second.metadata.continue], [1, undefined])
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
})
