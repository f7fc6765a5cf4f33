import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Complaint } from './complaints.ts'
import { ToldReasons } from './told-reasons.ts'

const MINUTE = 60_000

function complaint(reason: string, message = 'm', notBefore = 0): Complaint {
  return { type: 'Warning', reason, message, notBefore }
}

test('a reason is told when it is time, and again after a time that doubles, up to forty minutes', () => {
  const told = new ToldReasons()
  const late = [complaint('A', 'm', 10)]
  assert.deepEqual(told.due(late, 9), [])
  assert.equal(told.hasWarned, false)
  assert.equal(told.nextLook(late, 9), 10)
  let now = 10
  const gaps: number[] = []
  for (let times = 0; times < 9; times += 1) {
    assert.equal(told.due(late, now).length, 1)
    assert.equal(told.due(late, now).length, 0, 'once')
    gaps.push((told.nextLook(late, now) - now) / MINUTE)
    now = told.nextLook(late, now)
  }
  assert.deepEqual(gaps, [1, 2, 4, 8, 16, 32, 40, 40, 40])
  assert.equal(told.hasWarned, true)
})

test('another reason is told at once, another text of the same after a minute', () => {
  const told = new ToldReasons()
  told.due([complaint('A')], 0)
  assert.deepEqual(told.due([complaint('A'), complaint('B')], 1), [complaint('B')])
  const changed = [complaint('A', 'other'), complaint('B')]
  assert.deepEqual(told.due(changed, MINUTE - 1), [])
  assert.deepEqual(told.due(changed, MINUTE), [complaint('A', 'other')])
})

test('a reason that was over is told anew', () => {
  const told = new ToldReasons()
  told.due([complaint('A')], 0)
  told.due([complaint('B')], 1)
  assert.deepEqual(told.due([complaint('A'), complaint('B')], 2), [complaint('A')])
})
