import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { createEventRecorder, type EventRecorder } from './event-recorder.ts'
import { FakeTransport, status } from './fake-transport.ts'
import { ManualClock } from './manual-clock.ts'
import { createClient } from './rest-client.ts'
import type { CoreEvent } from './types/core.ts'
import type { KubeObject } from './types/meta.ts'

const web: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'x', uid: 'u' } }

describe('createEventRecorder()', () => {
  let api: FakeTransport
  let clock: ManualClock
  let recorder: EventRecorder
  const events = () => api.objects() as CoreEvent[]

  beforeEach(() => {
    api = new FakeTransport()
    clock = new ManualClock(1_000_000)
    recorder = createEventRecorder({
      client: createClient(api),
      component: 'tester',
      host: 'n1',
      clock,
      log: silentLog,
    })
  })

  it('writes an event about the object', async () => {
    recorder.event(web, 'Warning', 'Pending', 'no address')
    await recorder.flush()
    const [{ metadata, ...event } = assert.fail('no event')] = events()
    assert.match(metadata.name, /^web\.[0-9a-f]+$/)
    assert.equal(metadata.namespace, 'x')
    assert.deepEqual(event, {
      apiVersion: 'v1',
      kind: 'Event',
      involvedObject: { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'x', uid: 'u' },
      type: 'Warning',
      reason: 'Pending',
      message: 'no address',
      source: { component: 'tester', host: 'n1' },
      reportingComponent: 'tester',
      reportingInstance: 'n1',
      firstTimestamp: '1970-01-01T00:16:40Z',
      lastTimestamp: '1970-01-01T00:16:40Z',
      count: 1,
    })
  })

  it('counts repeats in one event, and writes a new one when that is gone', async () => {
    recorder.event(web, 'Normal', 'Synced', 'done')
    clock.pass(60_000)
    recorder.event(web, 'Normal', 'Synced', 'done')
    recorder.event(web, 'Normal', 'Synced', 'done')
    recorder.event(web, 'Normal', 'Synced', 'done differently')
    await recorder.flush()
    assert.deepEqual(
      events().map(({ count, message }) => [count, message]),
      [
        [3, 'done'],
        [1, 'done differently'],
      ],
    )
    assert.equal(events()[0]?.lastTimestamp, '1970-01-01T00:17:40Z')
    for (const { metadata } of events()) api.delete(`x/${metadata.name}`)
    recorder.event(web, 'Normal', 'Synced', 'done')
    await recorder.flush()
    assert.deepEqual(
      events().map(({ count }) => count),
      [1],
    )
  })

  it('combines events that differ in their text only', async () => {
    for (let i = 0; i < 20; i++) recorder.event(web, 'Normal', 'Synced', `attempt ${i}`)
    await recorder.flush()
    assert.equal(events().length, 10)
    const combined = events().find(({ message }) => message?.startsWith('(combined from similar events): '))
    assert.equal(combined?.count, 11)
    assert.equal(combined?.message, '(combined from similar events): attempt 19')
  })

  it('drops what is too much about one object, and not what is about others', async () => {
    for (let i = 0; i < 40; i++) recorder.event(web, 'Normal', 'Synced', 'done')
    recorder.event({ ...web, metadata: { name: 'other', namespace: 'x' } }, 'Normal', 'Synced', 'done')
    await recorder.flush()
    assert.deepEqual(
      events().map(({ count }) => count),
      [25, 1],
    )
    clock.pass(300_000)
    recorder.event(web, 'Normal', 'Synced', 'done')
    await recorder.flush()
    assert.equal(events()[0]?.count, 26)
  })

  it('puts events about objects without a namespace into default', async () => {
    recorder.event({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }, 'Normal', 'Ready', 'is ready')
    await recorder.flush()
    assert.equal(events()[0]?.metadata.namespace, 'default')
    assert.equal(events()[0]?.involvedObject.namespace, undefined)
  })

  it('waits for a server that is away, and gives up on a refusal', async () => {
    let tries = 0
    api.intercept = () => (++tries < 3 ? new FairleadError('API_UNREACHABLE', 'connection refused') : undefined)
    recorder.event(web, 'Normal', 'Synced', 'done')
    while (events().length === 0) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.pass(1_000)
    }
    assert.equal(tries, 3)
    api.intercept = () => status(403, 'Forbidden', 'namespace x is being terminated')
    recorder.event(web, 'Normal', 'Gone', 'over')
    await recorder.flush()
    assert.equal(events().length, 1)
  })
})
