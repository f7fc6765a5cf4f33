import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { ApiError } from './api-error.ts'
import type { Client, ListOptions } from './client.ts'
import { Informer } from './informer.ts'
import { configMaps } from './resource.ts'
import type { ConfigMap } from './types/core.ts'
import type { WatchEvent } from './types/meta.ts'

const map = (name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'd', uid: name, resourceVersion: '7' },
  data: { large: 'x' },
})

describe('an informer that lists in pages', () => {
  it('asks for each once, keeps what it is told to keep, and watches from their version', async () => {
    const asked: ListOptions[] = []
    const watched: (string | undefined)[] = []
    const pages = [[map('a'), map('b')], [map('c'), map('d')], [map('e')]]
    const client = {
      async list(_: unknown, options: ListOptions) {
        asked.push(options)
        const page = Number(options.continue ?? 0)
        const next = page + 1 < pages.length ? { continue: String(page + 1) } : {}
        return {
          apiVersion: 'v1',
          kind: 'ConfigMapList',
          metadata: { resourceVersion: '9', ...next },
          items: pages[page],
        }
      },
      async *watch(_: unknown, { resourceVersion, signal }: { resourceVersion?: string; signal?: AbortSignal }) {
        watched.push(resourceVersion)
        yield { type: 'ADDED', object: map('f') } as WatchEvent<ConfigMap>
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      },
    } as unknown as Client
    const stop = new AbortController()
    const transform = ({ data: _, ...kept }: ConfigMap): ConfigMap => kept
    const informer = new Informer<ConfigMap>({ client, resource: configMaps, log: silentLog, pageSize: 2, transform })
    const running = informer.run(stop.signal)
    await informer.synced
    while (informer.get('d/f') === undefined) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(
      asked.map((options) => [options.limit, options.continue]),
      [
        [2, undefined],
        [2, '1'],
        [2, '2'],
      ],
    )
    assert.deepEqual(watched, ['9'])
    assert.deepEqual(
      informer.list().map(({ metadata }) => metadata.name),
      ['a', 'b', 'c', 'd', 'e', 'f'],
    )
    assert.ok(informer.list().every(({ data }) => data === undefined))
    stop.abort()
    await running
  })

  it('hands out a first list by page when asked to; what a second try leaves out is gone', async () => {
    const seen: string[] = []
    let failed = false
    const client = {
      async list(_: unknown, options: ListOptions) {
        const list = { apiVersion: 'v1', kind: 'ConfigMapList' }
        if (options.continue === undefined) {
          const items = failed ? [map('a')] : [map('a'), map('b')]
          return { ...list, metadata: { resourceVersion: '9', continue: 'next' }, items }
        }
        if (!failed) {
          failed = true
          seen.push(`${informer.list().length} there, synced: ${informer.isSynced}`)
          throw new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 410 } as never)
        }
        return { ...list, metadata: { resourceVersion: '9' }, items: [map('c')] }
      },
      async *watch(_: unknown, { signal }: { signal?: AbortSignal }) {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      },
    } as unknown as Client
    const clock = { ...systemClock, sleep: async () => {} }
    const stop = new AbortController()
    const informer = new Informer<ConfigMap>({ client, resource: configMaps, log: silentLog, byPage: true, clock })
    informer.on({
      added: ({ metadata }) => seen.push(`+${metadata.name}`),
      deleted: ({ metadata }) => seen.push(`-${metadata.name}`),
    })
    const running = informer.run(stop.signal)
    await informer.synced
    assert.deepEqual(seen, ['+a', '+b', '2 there, synced: false', '-b', '+c'])
    stop.abort()
    await running
  })
})
