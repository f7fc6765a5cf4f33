import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { CompactionSchedule } from './compaction-schedule.ts'
import { History } from './history.ts'

const LIMITS = { ageMs: 1_000, changes: 100, bytes: 1_000 }

function historyOf(count: number, valueBytes: number): History {
  const history = new History(1)
  const entry = { key: '/a', value: new Uint8Array(valueBytes), createRevision: 1, modRevision: 1 }
  for (let i = 0; i < count; i++) {
    history.append([{ type: 'put', key: '/a', revision: i + 2, entry, previous: entry }])
  }
  return history
}

describe('compaction schedule', () => {
  it('compacts to where the store was an age ago', () => {
    const ticks: (() => void)[] = []
    const compacted: number[] = []
    let revision = 1
    const clock = {
      ...systemClock,
      after: (ms: number, callback: () => void) => {
        assert.equal(ms, 100)
        ticks.push(callback)
        return () => ticks.splice(0)
      },
    }
    const schedule = new CompactionSchedule(
      LIMITS,
      clock,
      () => revision,
      (to) => compacted.push(to),
    )
    for (let i = 0; i < 13; i++, revision += 10) ticks.shift()?.()
    assert.deepEqual(compacted, [1, 11, 21])
    schedule[Symbol.dispose]()
    assert.equal(ticks.length, 0)
  })

  it('compacts a quarter when there are too many changes or bytes, and more when far too many', () => {
    using schedule = new CompactionSchedule(
      LIMITS,
      systemClock,
      () => 1,
      () => {},
    )
    assert.equal(schedule.due(historyOf(100, 0)), undefined)
    const history = historyOf(104, 0)
    history.forget(schedule.due(history) ?? 0)
    assert.ok(history.length > 70 && history.length < 80, `${history.length} changes are left`)
    const heavy = historyOf(90, 100)
    heavy.forget(schedule.due(heavy) ?? 0)
    assert.ok(heavy.bytes <= 1_000, `${heavy.bytes} bytes are left`)
  })
})
