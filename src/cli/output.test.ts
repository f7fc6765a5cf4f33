import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable, paint } from './output.ts'

test('formatTable() pads columns and leaves no space at the end of a line', () => {
  const text = formatTable(
    ['NAME', 'AGE'],
    [
      ['a-long-name', '1s'],
      ['b', ''],
    ],
  )
  assert.equal(text, 'NAME          AGE\na-long-name   1s\nb')
})

test('paint() leaves text alone where there is no terminal', () => {
  const stream = { isTTY: false } as NodeJS.WriteStream
  const { FORCE_COLOR } = process.env
  delete process.env.FORCE_COLOR
  try {
    assert.equal(paint('red', 'x', stream), 'x')
  } finally {
    if (FORCE_COLOR !== undefined) process.env.FORCE_COLOR = FORCE_COLOR
  }
})
