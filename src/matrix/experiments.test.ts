import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FairleadError } from '../base/error.ts'
import { SyscallError } from '../linux/libc.ts'
import { countEach, howItFailed, isEven, tally } from './experiments.ts'

test('who answered is counted and told in order', () => {
  assert.equal(tally(['b', 'a', 'b']), 'a ×1, b ×2')
  assert.equal(tally([]), '')
})

test('even is when nobody has twice as much as another, and nobody is left out', () => {
  const of = (...counts: number[]) =>
    isEven(countEach(counts.flatMap((count, i) => Array(count).fill(`pod-${i}`))), ['pod-0', 'pod-1', 'pod-2'])
  assert.equal(of(12, 12, 12), true)
  assert.equal(of(10, 12, 15), true)
  assert.equal(of(6, 6, 12), false)
  assert.equal(of(12, 12, 0), false)
  assert.equal(of(0, 0, 0), false)
})

test('only the ways in which a network says no count as unreachable', () => {
  assert.equal(howItFailed(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), 'refused')
  assert.equal(howItFailed(new FairleadError('TIMEOUT', 'x')), 'no answer')
  assert.equal(howItFailed(new SyscallError('connect to', 'x', 'ENETUNREACH')), 'no route')
  for (const other of [
    new SyscallError('enter', 'a namespace', 'ENOENT'),
    new FairleadError('BUG', 'x'),
    new Error(),
  ]) {
    assert.throws(
      () => howItFailed(other),
      (thrown) => thrown === other,
    )
  }
})
