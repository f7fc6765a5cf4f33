import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyncPace } from './sync-pace.ts'

/** Changes come all the time: each sync begins as soon as it may. Returns when they began. */
function flood(tookMs: number, syncs: number): number[] {
  const pace = new SyncPace()
  let now = 1000
  return Array.from({ length: syncs }, () => {
    now += Math.max(pace.restMs(now), 0)
    const begun = now
    pace.begin(now)
    pace.took(tookMs)
    now += tookMs
    return begun
  })
}

test('changes one after another need not wait', () => {
  const pace = new SyncPace()
  for (let now = 0; now < 1000; now += 3) {
    assert.ok(pace.restMs(now) <= 0, `at ${now}`)
    pace.begin(now)
    pace.took(0.9)
  }
})

test('a sync that takes long for once is no reason to wait', () => {
  const pace = new SyncPace()
  pace.begin(0)
  pace.took(25)
  assert.ok(pace.restMs(25) <= 0)
})

test('a flood is gathered: a third of the time, and no change waits for longer than 10 ms', () => {
  const begun = flood(2, 1000)
  const rests = begun.slice(1).map((at, i) => at - begun[i]!)
  assert.equal(rests[0], 2, 'at first at once')
  assert.ok(Math.abs(rests.at(-1)! - 6) < 0.01, 'later two of six')
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 50, noNaN: true }), (tookMs) => {
      const all = flood(tookMs, 200)
      for (const [i, at] of all.slice(1).entries()) assert.ok(at - all[i]! <= Math.max(10, tookMs) + 0.001)
    }),
  )
})
