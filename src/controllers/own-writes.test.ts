import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../kube/api-error.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { type EventSource, OwnWrites } from './own-writes.ts'

function object(uid: string, resourceVersion: number, deletionTimestamp?: string): KubeObject {
  const deleting = deletionTimestamp === undefined ? {} : { deletionTimestamp }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: uid, uid, resourceVersion: String(resourceVersion), ...deleting },
  }
}

/** An informer as far as it matters: says what it is told to say. */
function source() {
  let handlers: Parameters<EventSource<KubeObject>['on']>[0] = {}
  return {
    on: (given: typeof handlers) => {
      handlers = given
    },
    added: (each: KubeObject) => handlers.added?.(each),
    updated: (each: KubeObject) => handlers.updated?.(each, each),
    deleted: (each: KubeObject) => handlers.deleted?.(each),
  }
}

const all = () => true
const uids = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.uid)

test('a created object shows before the watch brings it, and not twice after', () => {
  const events = source()
  const writes = new OwnWrites(events)
  const created = object('a', 5)
  writes.wrote(created)
  assert.deepEqual(uids(writes.view([], all)), ['a'])
  events.added(created)
  assert.deepEqual(uids(writes.view([created], all)), ['a'])
  events.deleted(object('a', 6))
  assert.deepEqual(writes.view([], all), [])
})

test('a write whose event came before its answer leaves no ghost, even if the object is gone by then', () => {
  const events = source()
  const writes = new OwnWrites(events)
  events.added(object('a', 5))
  events.deleted(object('a', 6))
  writes.wrote(object('a', 5))
  assert.deepEqual(writes.view([], all), [])
})

test('an updated object shows as written while the watch is behind', () => {
  const events = source()
  const writes = new OwnWrites(events)
  const old = object('a', 5)
  events.added(old)
  const next = object('a', 7)
  writes.wrote(next)
  assert.equal(writes.view([old], all)[0], next)
  assert.deepEqual(
    writes.view([old], () => false),
    [],
    'it belongs elsewhere now',
  )
})

test('a deleted object is hidden until the watch says so; graceful deletion shows it again', () => {
  const events = source()
  const writes = new OwnWrites(events)
  const pod = object('a', 5)
  events.added(pod)
  writes.deleting(pod)
  assert.deepEqual(writes.view([pod], all), [])
  const terminating = object('a', 6, '2026-01-01T00:00:00Z')
  events.updated(terminating)
  assert.deepEqual(uids(writes.view([terminating], all)), ['a'])
  writes.deleting(pod)
  writes.undelete(pod)
  assert.deepEqual(uids(writes.view([pod], all)), ['a'])
})

test('an object is hidden while its delete request is under way, and when that has succeeded', async () => {
  const events = source()
  const writes = new OwnWrites(events)
  const pod = object('a', 5)
  const shown: unknown[] = []
  const look = () => shown.push(uids(writes.view([pod], all)))
  const refused = (code: number, reason: string) => async () => {
    look()
    throw new ApiError({ code, reason } as never)
  }
  assert.equal(await writes.delete(pod, refused(404, 'NotFound')), false)
  look()
  await assert.rejects(writes.delete(pod, refused(409, 'Conflict')), ApiError)
  look()
  assert.equal(await writes.delete(pod, async () => look()), true)
  look()
  assert.deepEqual(shown, [[], ['a'], [], ['a'], [], []])
})
