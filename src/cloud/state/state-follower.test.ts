import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { silentLog } from '../../base/log.ts'
import { CloudState } from './cloud-state.ts'
import { collection } from './collection.ts'
import { StateFollower } from './state-follower.ts'

const NUMBERS = collection<{ readonly n: number }>('test.numbers')

test('follows the state at the start, and every change, many at once where they come together', async () => {
  await using state = CloudState.open()
  const seen: number[] = []
  await using follower = new StateFollower(state, silentLog, async () => {
    seen.push(state.list(NUMBERS).length)
  })
  await follower.settled()
  for (let n = 0; n < 10; n++) state.transact((transaction) => transaction.put(NUMBERS, String(n), { n }))
  await follower.settled()
  assert.deepEqual(seen, [0, 10])
})

test('a change during a call makes another call', async () => {
  await using state = CloudState.open()
  const seen: number[] = []
  await using follower = new StateFollower(state, silentLog, async () => {
    const before = state.list(NUMBERS).length
    seen.push(before)
    if (before < 3) state.transact((transaction) => transaction.put(NUMBERS, String(before), { n: before }))
    await Promise.resolve()
  })
  await follower.settled()
  assert.deepEqual(seen, [0, 1, 2, 3])
})

test('a call that fails is made again', async () => {
  await using state = CloudState.open()
  let calls = 0
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  await using _follower = new StateFollower(state, silentLog, async () => {
    calls += 1
    if (calls === 1) throw new RangeError('not now')
    resolve()
  })
  const keepAlive = setInterval(() => {}, 1_000)
  await promise
  clearInterval(keepAlive)
  assert.equal(calls, 2)
})

test('who waits for it sleeps until a call that failed is made again', async () => {
  await using state = CloudState.open()
  let calls = 0
  await using follower = new StateFollower(state, silentLog, async () => {
    calls += 1
    if (calls === 1) throw new RangeError('not now')
  })
  let turns = 0
  const hook = createHook({
    init(_, type) {
      if (type === 'Immediate') turns += 1
    },
  }).enable()
  await follower.settled()
  hook.disable()
  assert.equal(calls, 2)
  assert.ok(turns < 100, `${turns} turns of the event loop`)
})

test('a change in the moment when a call ends makes another call', async () => {
  await using state = CloudState.open()
  const seen: number[] = []
  await new Promise<void>((resolve) => {
    const follower = new StateFollower(state, silentLog, async () => {
      const before = state.list(NUMBERS).length
      seen.push(before)
      if (before === MOMENTS) resolve(follower[Symbol.asyncDispose]())
      else afterMicrotasks(before, () => state.transact((t) => t.put(NUMBERS, String(before), { n: before })))
    })
  })
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('it rests for as long as a call took: changes that come meanwhile share the next one', async () => {
  await using state = CloudState.open()
  const calls: { begun: number; ended: number }[] = []
  await using follower = new StateFollower(state, silentLog, async () => {
    const begun = performance.now()
    while (performance.now() < begun + SPIN_MS);
    calls.push({ begun, ended: performance.now() })
  })
  for (let n = 0; n < 200; n++) {
    state.transact((transaction) => transaction.put(NUMBERS, String(n), { n }))
    await nextTurn()
  }
  await follower.settled()
  for (const [i, { begun }] of calls.entries()) {
    const before = calls[i - 1]
    if (before === undefined) continue
    // Node's timers look at the time in whole milliseconds.
    assert.ok(begun - before.ended >= before.ended - before.begun - 1, JSON.stringify(calls))
  }
  assert.ok(calls.length > 1)
})

test('who waits for it is told when it stops', async () => {
  await using state = CloudState.open()
  const follower = new StateFollower(state, silentLog, async () => {
    throw new RangeError('never')
  })
  const settled = follower.settled()
  await follower[Symbol.asyncDispose]()
  await settled
})

const MOMENTS = 8
const SPIN_MS = 5

function afterMicrotasks(count: number, change: () => void): void {
  if (count === 0) change()
  else queueMicrotask(() => afterMicrotasks(count - 1, change))
}
