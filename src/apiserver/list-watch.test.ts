import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../kube/manual-clock.ts'
import { openTestBench, type TestBench } from './test-bench.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

interface Event {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every shape.
  readonly object: any
}

async function fill(bench: TestBench, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await bench.call('POST', MAPS, { metadata: { name: `m${index}`, labels: { odd: String(index % 2 === 1) } } })
  }
}

function follow(bench: TestBench, query: string, accept = 'application/json'): AsyncGenerator<Event, void, void> {
  return followPath(bench, `${MAPS}?watch=1&${query}`, accept)
}

async function* followPath(
  bench: TestBench,
  path: string,
  accept = 'application/json',
): AsyncGenerator<Event, void, void> {
  const answer = await bench.transport.request({ method: 'GET', path, headers: { accept } })
  let text = ''
  for await (const chunk of answer.body) {
    text += Buffer.from(chunk).toString()
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as Event
  }
}

async function take(events: AsyncGenerator<Event, void, void>, count: number): Promise<readonly Event[]> {
  const taken: Event[] = []
  while (taken.length < count) {
    const next = await events.next()
    if (next.done) break
    taken.push(next.value)
  }
  return taken
}

function names(events: readonly Event[]): readonly string[] {
  return events.map(({ type, object }) => `${type} ${object.metadata.name}`)
}

test('pages of a list show one moment, whatever is written in between', async () => {
  await using bench = await openTestBench()
  await fill(bench, 5)
  const first = (await bench.call('GET', `${MAPS}?limit=2`)).body
  assert.deepEqual([first.items.length, first.metadata.remainingItemCount], [2, 3])
  await bench.call('DELETE', `${MAPS}/m3`)
  await bench.call('POST', MAPS, { metadata: { name: 'm5' } })
  const next = (await bench.call('GET', `${MAPS}?limit=2&continue=${first.metadata.continue}`)).body
  const last = (await bench.call('GET', `${MAPS}?limit=2&continue=${next.metadata.continue}`)).body
  const all = [first, next, last].flatMap(({ items }) =>
    items.map((item: { metadata: { name: string } }) => item.metadata.name),
  )
  assert.deepEqual(all, ['m0', 'm1', 'm2', 'm3', 'm4'])
  assert.equal(last.metadata.resourceVersion, first.metadata.resourceVersion)
  assert.equal(last.metadata.continue, undefined)
  assert.equal((await bench.call('GET', `${MAPS}?limit=2&continue=rubbish`)).status, 400)
})

test('selectors choose what is listed', async () => {
  await using bench = await openTestBench()
  await fill(bench, 4)
  const list = async (query: string) => (await bench.call('GET', `${MAPS}?${query}`)).body
  assert.equal((await list('labelSelector=odd%3Dtrue')).items.length, 2)
  assert.equal((await list('fieldSelector=metadata.name%3Dm1')).items.length, 1)
  assert.equal((await list('labelSelector=odd%3Dtrue&limit=1')).items[0].metadata.name, 'm1')
  assert.equal((await list('labelSelector=%3D%3D')).code, 400)
  assert.equal(
    (await list('fieldSelector=spec.x%3Dy')).message,
    '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  )
})

test('a list is as of the version asked for', async () => {
  await using bench = await openTestBench()
  await fill(bench, 1)
  const { resourceVersion } = (await bench.call('GET', MAPS)).body.metadata
  await bench.call('POST', MAPS, { metadata: { name: 'later' } })
  const exact = await bench.call('GET', `${MAPS}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`)
  assert.equal(exact.body.items.length, 1)
  assert.equal((await bench.call('GET', `${MAPS}?resourceVersion=${resourceVersion}`)).body.items.length, 2)
})

test('a version that is yet to come is waited for, three seconds long', async () => {
  const clock = new ManualClock()
  await using bench = await openTestBench({ clock })
  await fill(bench, 1)
  const next = bench.store.revision() + 1
  const asked = [MAPS, `${MAPS}/m0`].map((path) => bench.call('GET', `${path}?resourceVersion=${next}`))
  const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const watched = take(follow(bench, `${initial}&resourceVersion=${next}`), 3)
  await bench.call('POST', MAPS, { metadata: { name: 'n' } })
  const [list, one] = await Promise.all(asked)
  assert.equal(list?.body.items.length, 2)
  assert.equal(one?.status, 200)
  assert.deepEqual(
    (await watched).map(({ type }) => type),
    ['ADDED', 'ADDED', 'BOOKMARK'],
  )
  const never = [MAPS, `${MAPS}/m0`].map((path) => bench.call('GET', `${path}?resourceVersion=999999`))
  const unseen = take(follow(bench, `${initial}&resourceVersion=999999`), 1)
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  clock.pass(3000)
  for (const { status, body } of await Promise.all(never)) {
    assert.equal(status, 504)
    assert.match(body.message, /^Timeout: Too large resource version: 999999, current: \d+$/)
    assert.equal(body.details.causes[0].reason, 'ResourceVersionTooLarge')
  }
  const [refused] = await unseen
  assert.deepEqual([refused?.type, refused?.object.code, refused?.object.reason], ['ERROR', 504, 'Timeout'])
})

test('a watch from a version that is yet to come says nothing of what is before it', async () => {
  await using bench = await openTestBench()
  const events = follow(bench, `resourceVersion=${bench.store.revision() + 1}`)
  const first = take(events, 1)
  await fill(bench, 2)
  assert.deepEqual(names(await first), ['ADDED m1'])
  await events.return()
})

test('a watch tells every change once and in order, from the version asked for', async () => {
  await using bench = await openTestBench()
  await fill(bench, 1)
  const { resourceVersion } = (await bench.call('GET', MAPS)).body.metadata
  await fill(bench, 3)
  await bench.call('PATCH', `${MAPS}/m1`, { data: { a: 'b' } }, 'application/merge-patch+json')
  const deleted = bench.call('DELETE', `${MAPS}/m2`)
  const events = follow(bench, `resourceVersion=${resourceVersion}`)
  const seen = await take(events, 4)
  await deleted
  assert.deepEqual(names(seen), ['ADDED m1', 'ADDED m2', 'MODIFIED m1', 'DELETED m2'])
  const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion))
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  )
  await events.return()
})

test('a watch without a version begins with what there is', async () => {
  await using bench = await openTestBench()
  await fill(bench, 2)
  const events = follow(bench, 'resourceVersion=0')
  assert.deepEqual(names(await take(events, 2)), ['ADDED m0', 'ADDED m1'])
  await bench.call('DELETE', `${MAPS}/m0`)
  assert.deepEqual(names(await take(events, 1)), ['DELETED m0'])
  await events.return()
})

test('a watch is asked for by any value but 0 and false, and by the old paths', async () => {
  await using bench = await openTestBench()
  await fill(bench, 2)
  for (const path of [
    ...['watch', 'watch=True', 'watch=1', 'watch=yes'].map((query) => `${MAPS}?${query}`),
    '/api/v1/watch/namespaces/default/configmaps',
    `/api/v1/watch/configmaps?fieldSelector=metadata.namespace%3Ddefault`,
  ]) {
    const events = followPath(bench, path)
    assert.deepEqual(names(await take(events, 2)), ['ADDED m0', 'ADDED m1'], path)
    await events.return()
  }
  for (const off of ['0', 'false', 'False']) {
    assert.equal((await bench.call('GET', `${MAPS}?watch=${off}`)).body.kind, 'ConfigMapList', off)
  }
  assert.equal((await bench.call('GET', `${MAPS}/m1?watch=true`)).body.kind, 'ConfigMap')
})

test('the old path of a watch may name one object', async () => {
  await using bench = await openTestBench()
  await fill(bench, 2)
  const one = '/api/v1/watch/namespaces/default/configmaps/m1'
  const events = followPath(bench, one)
  assert.deepEqual(names(await take(events, 1)), ['ADDED m1'])
  await bench.call('DELETE', `${MAPS}/m0`)
  await bench.call('DELETE', `${MAPS}/m1`)
  assert.deepEqual(names(await take(events, 1)), ['DELETED m1'])
  await events.return()
  const other = await bench.call('GET', `${one}?fieldSelector=metadata.name%3Dm0`)
  assert.deepEqual(
    [other.status, other.body.message],
    [400, "fieldSelector metadata.name doesn't match requested name"],
  )
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    assert.equal((await bench.call(method, one, {})).status, 405, method)
  }
  assert.equal((await bench.call('GET', '/api/v1/watch/nope')).status, 404)
  assert.equal((await bench.call('GET', '/api/v1/watch')).status, 404)
})

test('initial events end with a bookmark', async () => {
  await using bench = await openTestBench()
  await fill(bench, 1)
  const events = follow(bench, 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true')
  const [added, bookmark] = await take(events, 2)
  assert.deepEqual([added?.type, bookmark?.type], ['ADDED', 'BOOKMARK'])
  assert.equal(bookmark?.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
  await events.return()
})

test('an object that starts or stops matching is added or deleted for the watcher', async () => {
  await using bench = await openTestBench()
  await fill(bench, 2)
  const events = follow(bench, 'labelSelector=odd%3Dtrue')
  assert.deepEqual(names(await take(events, 1)), ['ADDED m1'])
  const label = (name: string, odd: string) =>
    bench.call('PATCH', `${MAPS}/${name}`, { metadata: { labels: { odd } } }, 'application/merge-patch+json')
  await label('m0', 'true')
  const changed = await label('m1', 'false')
  const seen = await take(events, 2)
  assert.deepEqual(names(seen), ['ADDED m0', 'DELETED m1'])
  assert.equal(seen[1]?.object.metadata.labels.odd, 'true')
  assert.equal(seen[1]?.object.metadata.resourceVersion, changed.body.metadata.resourceVersion)
  await events.return()
})

test('a version that is forgotten ends the watch with 410', async () => {
  await using bench = await openTestBench()
  await fill(bench, 3)
  await bench.store.compact(bench.store.revision())
  const [event] = await take(follow(bench, 'resourceVersion=2'), 1)
  assert.deepEqual([event?.type, event?.object.code, event?.object.reason], ['ERROR', 410, 'Expired'])
})

test('a watch ends with its time-out, and says how far it is while nothing happens', async () => {
  const clock = new ManualClock()
  await using bench = await openTestBench({ clock })
  await fill(bench, 1)
  const { resourceVersion } = (await bench.call('GET', MAPS)).body.metadata
  const events = follow(bench, `resourceVersion=${resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=90`)
  const first = events.next()
  await new Promise((resolve) => setImmediate(resolve))
  await bench.call('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 's' } })
  clock.pass(60_000)
  const bookmark = (await first).value as Event
  assert.equal(bookmark.type, 'BOOKMARK')
  assert.ok(Number(bookmark.object.metadata.resourceVersion) > Number(resourceVersion))
  const last = events.next()
  clock.pass(40_000)
  assert.equal((await last).done, true)
})

test('tables carry their columns once', async () => {
  await using bench = await openTestBench()
  await fill(bench, 1)
  const events = follow(bench, '', TABLE)
  const [first] = await take(events, 1)
  assert.deepEqual(
    first?.object.columnDefinitions.map(({ name }: { name: string }) => name),
    ['Name', 'Data', 'Age'],
  )
  assert.equal(first?.object.rows[0].object.metadata.name, 'm0')
  await bench.call('DELETE', `${MAPS}/m0`)
  const [second] = await take(events, 1)
  assert.deepEqual(second?.object.columnDefinitions, [])
  await events.return()
})
