import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { FakeTransport, status } from './fake-transport.ts'
import { Informer } from './informer.ts'
import { InformerSet } from './informers.ts'
import { keyOf } from './object-key.ts'
import { configMaps, pods, services } from './resource.ts'
import { createClient } from './rest-client.ts'
import type { ConfigMap } from './types/core.ts'

function configMap(name: string, value = ''): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { value } }
}

/** Waits, turn by turn of the event loop, until something holds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(10_000)
  while (!condition()) {
    assert.ok(!deadline.aborted, `never came true: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

describe('Informer', () => {
  let api: FakeTransport
  let stop: AbortController
  let informer: Informer<ConfigMap>
  let seen: string[]
  let running: Promise<void>

  beforeEach(() => {
    api = new FakeTransport()
    stop = new AbortController()
    informer = new Informer({ client: createClient(api), resource: configMaps, log: silentLog })
    seen = []
    informer.on({
      added: (object) => seen.push(`+${object.metadata.name}=${object.data?.value}`),
      updated: (object, old) => seen.push(`${object.metadata.name}=${old.data?.value}>${object.data?.value}`),
      deleted: (object) => seen.push(`-${object.metadata.name}`),
    })
    running = Promise.resolve()
  })

  afterEach(async () => {
    stop.abort()
    await running
    assert.equal(api.watches, 0)
  })

  async function start(): Promise<void> {
    running = informer.run(stop.signal)
    await informer.synced
    await until(() => api.watches === 1)
  }

  it('lists, then follows every change', async () => {
    api.put(configMap('a', '1'))
    await start()
    api.put(configMap('b', '1'))
    api.put(configMap('a', '2'))
    api.delete('default/b')
    await until(() => seen.length === 4)
    assert.deepEqual(seen, ['+a=1', '+b=1', 'a=1>2', '-b'])
    assert.equal(informer.get('default/a')?.data?.value, '2')
    assert.equal(informer.get('default/b'), undefined)
    assert.deepEqual(informer.list().map(keyOf), ['default/a'])
    assert.equal(informer.list()[0]?.kind, 'ConfigMap')
  })

  it('ends at once when a handler stops it while the list is handed out', async () => {
    api.put(configMap('a', '1'))
    informer.on({ added: () => stop.abort() })
    running = informer.run(stop.signal)
    await running
    assert.equal(api.watches, 0)
  })

  for (const how of ['end', 'break', 'torn'] as const) {
    it(`goes on where it was when the watch is cut (${how})`, async () => {
      await start()
      api.put(configMap('a', '1'))
      await until(() => seen.length === 1)
      api.cut(how)
      api.put(configMap('a', '2'))
      api.put(configMap('a', '3'))
      await until(() => seen.length === 3)
      assert.deepEqual(seen, ['+a=1', 'a=1>2', 'a=2>3'])
      assert.equal(api.requests.filter(({ path }) => !path.includes('watch=')).length, 1)
    })
  }

  it('lists again when its version is gone, and tells what changed meanwhile', async () => {
    for (const name of ['a', 'b', 'c', 'd']) api.put(configMap(name, '1'))
    await start()
    seen.length = 0
    api.cut()
    api.put(configMap('a', '2'))
    api.delete('default/b')
    api.put(configMap('e', '1'))
    api.delete('default/d')
    api.put(configMap('d', '2'))
    api.compact()
    await until(() => api.watches === 1)
    assert.deepEqual(seen.sort(), ['+d=2', '+e=1', '-b', '-d', 'a=1>2'])
  })

  it('lists again after an ERROR event', async () => {
    await start()
    api.fail(status(410, 'Expired', 'too old'))
    api.put(configMap('a', '1'))
    await until(() => seen.length === 1)
    api.fail(status(500, 'InternalError', 'etcd went away'))
    await until(() => api.watches === 1)
    api.put(configMap('a', '2'))
    await until(() => seen.length === 2)
    assert.deepEqual(seen, ['+a=1', 'a=1>2'])
  })

  it('lists again when the server has lost versions', async () => {
    await start()
    let refused = false
    api.intercept = ({ path }) => {
      if (refused || !path.includes('watch=')) return undefined
      refused = true
      return status(504, 'Timeout', 'Too large resource version: 7, current: 3')
    }
    api.cut()
    await until(() => refused && api.watches === 1)
    assert.equal(api.requests.filter(({ path }) => !path.includes('watch=')).length, 2)
  })

  it('takes bookmarks as progress: no list is needed after a quiet time', async () => {
    await start()
    api.bookmark()
    api.put(configMap('a', '1'))
    await until(() => seen.length === 1)
    api.bookmark()
    await new Promise((resolve) => setImmediate(resolve))
    api.compact()
    api.cut('end')
    await until(() => api.watches === 1)
    assert.equal(api.requests.filter(({ path }) => !path.includes('watch=')).length, 1)
    assert.deepEqual(seen, ['+a=1'])
  })

  it('waits for a server that is away or refuses', async () => {
    let tries = 0
    api.intercept = () => {
      tries++
      if (tries < 3) return new FairleadError('API_UNREACHABLE', 'connection refused')
      return tries < 5 ? status(403, 'Forbidden', 'not yet') : undefined
    }
    api.put(configMap('a', '1'))
    await start()
    assert.deepEqual(seen, ['+a=1'])
    assert.equal(tries, 6)
  })

  it('tells handlers registered late what is there, and stops when told', async () => {
    api.put(configMap('a', '1'))
    await start()
    const late: string[] = []
    const off = informer.on({ added: (object) => late.push(object.metadata.name) })
    assert.deepEqual(late, ['a'])
    api.put(configMap('b'))
    await until(() => seen.length === 2)
    off()
    api.put(configMap('c'))
    await until(() => seen.length === 3)
    assert.deepEqual(late, ['a', 'b'])
  })

  it('calls a handler registered within a handler once for each object', async () => {
    const late: string[] = []
    let registered = false
    informer.on({
      added: () => {
        if (registered) return
        registered = true
        informer.on({ added: (object) => late.push(object.metadata.name) })
      },
    })
    await start()
    api.put(configMap('a'))
    api.put(configMap('b'))
    await until(() => late.length >= 2)
    assert.deepEqual(late, ['a', 'b'])
  })

  it('goes on when a handler throws', async () => {
    informer.on({
      added: () => {
        throw new FairleadError('BUG', 'on purpose')
      },
    })
    const after: string[] = []
    informer.on({ added: (object) => after.push(object.metadata.name) })
    await start()
    api.put(configMap('a'))
    await until(() => after.length === 1)
  })

  it('keeps indexes over what was there and what comes', async () => {
    api.put(configMap('a', 'x'))
    await start()
    informer.addIndex('value', (object) => Object.values(object.data ?? {}))
    api.put(configMap('b', 'x'))
    api.put(configMap('a', 'y'))
    await until(() => seen.length === 3)
    assert.deepEqual(informer.byIndex('value', 'x').map(keyOf), ['default/b'])
    assert.deepEqual(informer.byIndex('value', 'y').map(keyOf), ['default/a'])
    assert.deepEqual(informer.byIndex('value', 'z'), [])
    assert.throws(() => informer.byIndex('other', 'x'), { code: 'BUG' })
    assert.throws(() => informer.addIndex('value', () => []), { code: 'BUG' })
  })

  it('asks for the part of the API that it is for', async () => {
    const labelSelector = 'app in (a,b)'
    const part = new Informer({
      client: createClient(api),
      resource: pods,
      namespace: 'x',
      labelSelector,
      log: silentLog,
    })
    const run = part.run(stop.signal)
    await part.synced
    await until(() => api.watches === 1)
    stop.abort()
    await run
    for (const { path } of api.requests) {
      assert.match(path, /^\/api\/v1\/namespaces\/x\/pods\?.*labelSelector=app%20in%20\(a%2Cb\)/)
    }
    assert.match(
      api.requests[1]?.path ?? '',
      /watch=true&allowWatchBookmarks=true.*&resourceVersion=0&timeoutSeconds=\d+/,
    )
  })

  it('rejects `synced` when it is stopped before the first list', async () => {
    api.intercept = () => new FairleadError('API_UNREACHABLE', 'connection refused')
    running = informer.run(stop.signal)
    stop.abort(new FairleadError('TIMEOUT', 'enough'))
    await assert.rejects(informer.synced, { code: 'TIMEOUT' })
    await assert.rejects(informer.run(stop.signal), { code: 'BUG' })
  })

  it('ends equal to the server, whatever is changed, cut and compacted', async () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant('put' as const),
          name: fc.constantFrom(...'abcde'),
          value: fc.string(),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), name: fc.constantFrom(...'abcde') }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('cut' as const), how: fc.constantFrom('end', 'break', 'torn') }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('compact', 'bookmark', 'error', 'wait') }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const server = new FakeTransport()
        const end = new AbortController()
        const subject = new Informer({ client: createClient(server), resource: configMaps, log: silentLog })
        const mirror = new Map<string, ConfigMap>()
        subject.on({
          added: (object) => {
            assert.ok(!mirror.has(keyOf(object)))
            mirror.set(keyOf(object), object)
          },
          updated: (object, old) => {
            assert.equal(mirror.get(keyOf(object)), old)
            assert.notEqual(object.metadata.resourceVersion, old.metadata.resourceVersion)
            mirror.set(keyOf(object), object)
          },
          deleted: (object) => assert.ok(mirror.delete(keyOf(object))),
        })
        const run = subject.run(end.signal)
        for (const each of steps) {
          if (each.do === 'put') server.put(configMap(each.name, each.value))
          else if (each.do === 'delete') server.delete(`default/${each.name}`)
          else if (each.do === 'cut') server.cut(each.how as 'end')
          else if (each.do === 'compact') server.compact()
          else if (each.do === 'bookmark') server.bookmark()
          else if (each.do === 'error') server.fail(status(410, 'Expired', 'too old'))
          else await new Promise((resolve) => setImmediate(resolve))
        }
        server.put(configMap('last'))
        await until(() => mirror.has('default/last'))
        const versions = (objects: Iterable<{ metadata: { name: string; resourceVersion?: string } }>) =>
          [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort()
        assert.deepEqual(versions(mirror.values()), versions(server.objects()))
        assert.deepEqual(versions(subject.list()), versions(server.objects()))
        end.abort()
        await run
      }),
      { numRuns: 60 },
    )
  })
})

describe('InformerSet', () => {
  it('shares one informer per resource and scope, and runs those asked for later', async () => {
    const api = new FakeTransport()
    const set = new InformerSet({ client: createClient(api), log: silentLog })
    const stop = new AbortController()
    assert.equal(set.for(pods), set.for(pods))
    assert.notEqual(set.for(pods), set.for(pods, { fieldSelector: 'spec.nodeName=n' }))
    const run = set.run(stop.signal)
    await set.synced()
    assert.equal(set.for(pods).isSynced, true)
    assert.equal(set.for(services).isSynced, false)
    await set.synced()
    assert.equal(set.for(services).isSynced, true)
    await assert.rejects(set.run(stop.signal), { code: 'BUG' })
    stop.abort()
    await run
  })
})
