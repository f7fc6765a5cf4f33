import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { ManualClock } from './manual-clock.ts'
import { WorkQueue } from './work-queue.ts'
import { runWorkers } from './workers.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('WorkQueue', () => {
  let clock: ManualClock
  let queue: WorkQueue

  beforeEach(() => {
    clock = new ManualClock()
    queue = new WorkQueue({ clock })
  })

  it('holds a key once, in the order of first additions', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    assert.equal(queue.length, 3)
    assert.deepEqual([await queue.take(), await queue.take(), await queue.take()], ['a', 'b', 'c'])
  })

  it('gives a key that was added during the work once more, after it', async () => {
    queue.add('a')
    assert.equal(await queue.take(), 'a')
    queue.add('a')
    queue.add('a')
    assert.equal(queue.length, 0)
    queue.done('a')
    assert.equal(queue.length, 1)
    assert.equal(await queue.take(), 'a')
    queue.done('a')
    assert.equal(queue.length, 0)
  })

  it('wakes those who wait, one for each key', async () => {
    const taken = [queue.take(), queue.take()]
    queue.add('a')
    assert.equal(await taken[0], 'a')
    queue.add('b')
    assert.equal(await taken[1], 'b')
  })

  it('adds later, at the earliest of several times', () => {
    queue.addAfter('a', 100)
    queue.addAfter('a', 50)
    queue.addAfter('a', 200)
    queue.addAfter('b', 0)
    assert.equal(queue.length, 1)
    clock.pass(49)
    assert.equal(queue.length, 1)
    clock.pass(1)
    assert.equal(queue.length, 2)
    clock.pass(1000)
    assert.equal(clock.timers, 0)
  })

  it('doubles the delay of retries up to the longest, until the key is forgotten', async () => {
    const delays: number[] = []
    for (let i = 0; i < 20; i++) {
      const start = clock.now()
      queue.addRateLimited('a')
      while (queue.length === 0) clock.pass(5)
      delays.push(clock.now() - start)
      queue.done((await queue.take()) ?? '')
    }
    assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40])
    assert.deepEqual(delays.slice(-2), [1_000_000, 1_000_000])
    assert.equal(queue.retries('a'), 20)
    queue.forget('a')
    assert.equal(queue.retries('a'), 0)
    queue.addRateLimited('a')
    clock.pass(5)
    assert.equal(queue.length, 1)
  })

  it('gives out what is left when it is shut down, then nothing', async () => {
    queue.add('a')
    queue.addAfter('b', 10)
    queue.shutDown()
    queue.add('c')
    assert.equal(await queue.take(), 'a')
    assert.equal(await queue.take(), undefined)
    assert.equal(clock.timers, 0)
  })

  it('wakes those who wait when it is shut down', async () => {
    const taken = queue.take()
    queue.shutDown()
    assert.equal(await taken, undefined)
  })

  it('never loses an addition and never gives a key to two at a time', async () => {
    const step = fc.record({ do: fc.constantFrom('add', 'take', 'done'), key: fc.constantFrom(...'abc') })
    await fc.assert(
      fc.asyncProperty(fc.array(step), async (steps) => {
        const subject = new WorkQueue({ clock })
        const working = new Set<string>()
        const owed = new Set<string>()
        for (const { do: action, key } of steps) {
          if (action === 'add') {
            subject.add(key)
            owed.add(key)
          } else if (action === 'done') {
            if (working.delete(key)) subject.done(key)
          } else if (subject.length > 0) {
            const taken = (await subject.take()) ?? ''
            assert.ok(!working.has(taken))
            assert.ok(owed.delete(taken))
            working.add(taken)
          }
        }
        for (const key of working) subject.done(key)
        assert.equal(subject.length, owed.size)
      }),
    )
  })
})

describe('runWorkers()', () => {
  it('tries a failed key again, later each time, and forgets it after a success', async () => {
    const clock = new ManualClock()
    const queue = new WorkQueue({ clock })
    const stop = new AbortController()
    const times: number[] = []
    const run = runWorkers({
      queue,
      workers: 2,
      reconcile: async () => {
        times.push(clock.now())
        if (times.length < 4) throw new FairleadError('API_UNREACHABLE', 'on purpose')
      },
      log: silentLog,
      signal: stop.signal,
    })
    queue.add('default/a')
    for (let i = 0; i < 12; i++) {
      await turn()
      clock.pass(5)
    }
    assert.deepEqual(times, [0, 5, 15, 35])
    assert.equal(queue.retries('default/a'), 0)
    stop.abort()
    await run
  })

  it('works on as many keys at a time as there are workers, and finishes them when stopped', async () => {
    const queue = new WorkQueue()
    const stop = new AbortController()
    let now = 0
    let most = 0
    let finish = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    const reconcile = async () => {
      most = Math.max(most, ++now)
      await gate
      now--
    }
    const run = runWorkers({ queue, workers: 3, reconcile, log: silentLog, signal: stop.signal })
    for (const key of 'abcdef') queue.add(key)
    await turn()
    assert.equal(now, 3)
    stop.abort()
    finish()
    await run
    assert.equal(most, 3)
    assert.equal(now, 0)
  })
})

it('what is more urgent is taken before what came earlier', async () => {
  const urgency: Readonly<Record<string, number>> = { high: 10, higher: 20 }
  const queue = new WorkQueue({ priorityOf: (key) => urgency[key] ?? 0 })
  for (const key of ['low', 'high', 'other', 'higher']) queue.add(key)
  const taken: (string | undefined)[] = []
  for (let turn = 0; turn < 4; turn++) taken.push(await queue.take())
  assert.deepEqual(taken, ['higher', 'high', 'low', 'other'])
  queue.shutDown()
})
