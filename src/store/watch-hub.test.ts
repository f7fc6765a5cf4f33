import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StoreEvent } from './store.ts'
import { WatchHub } from './watch-hub.ts'

function event(key: string, revision: number): StoreEvent {
  return { type: 'put', key, revision, entry: undefined, previous: undefined }
}

const rest = { replay: [], after: 0, queueLimit: 100, signal: undefined }

describe('watch hub', () => {
  it('delivers to every watcher whose prefix fits, and to no other', async () => {
    const hub = new WatchHub()
    const prefixes = ['', '/a/', '/a/b/', '/a/b', '/ab/', '/b/']
    const watchers = prefixes.map((prefix) => hub.add({ prefix, ...rest }))
    const keys = ['/a/b/1', '/a/bc', '/ab/1', '/b/1', '/']
    hub.publish(keys.map((key, i) => event(key, i + 1)))
    for (const [i, watcher] of watchers.entries()) {
      const fitting = keys.filter((key) => key.startsWith(prefixes[i] ?? ''))
      const { value } = await watcher.next()
      assert.deepEqual(
        value?.map(({ key }) => key),
        fitting,
        `prefix "${prefixes[i]}"`,
      )
    }
  })

  it('forgets watchers that ended, also while it delivers', async () => {
    const hub = new WatchHub()
    const [first, second] = [hub.add({ prefix: '/a/', ...rest }), hub.add({ prefix: '/a/', ...rest, queueLimit: 0 })]
    await first.return()
    hub.publish([event('/a/1', 1)])
    await assert.rejects(second.next(), { code: 'STORE_WATCH_OVERFLOW' })
    hub.publish([event('/a/2', 2)])
    assert.deepEqual([await first.next(), await second.next()], Array(2).fill({ done: true, value: undefined }))
  })

  it('ends all', async () => {
    const hub = new WatchHub()
    const reading = hub.add({ prefix: '/', ...rest }).next()
    hub.end()
    assert.deepEqual(await reading, { done: true, value: undefined })
  })
})
