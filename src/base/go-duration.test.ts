import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoDuration } from './go-duration.ts'

test('durations as Go writes them', () => {
  for (const [text, milliseconds] of [
    ['0', 0],
    ['0s', 0],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['500ms', 500],
    ['-2s', -2000],
  ] as const)
    assert.equal(parseGoDuration(text), milliseconds, text)
  for (const text of ['', '5', 's', 'x', '1d', '1m 30s', '1..5s']) assert.equal(parseGoDuration(text), undefined, text)
})
