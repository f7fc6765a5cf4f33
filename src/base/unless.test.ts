import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { unless } from './unless.ts'

test('a refusal that was foreseen is no value', () => {
  assert.equal(
    unless(['ENOENT'], () => readFileSync('/nowhere/at/all')),
    undefined,
  )
  assert.equal(
    unless(['ENOENT'], () => 'something'),
    'something',
  )
})

test('every other failure is thrown', () => {
  assert.throws(
    () => unless(['EACCES'], () => readFileSync('/nowhere/at/all')),
    (error) => (error as NodeJS.ErrnoException).code === 'ENOENT',
  )
  const failure = new TypeError('no refusal of the system')
  assert.throws(
    () =>
      unless(['ENOENT'], () => {
        throw failure
      }),
    failure,
  )
})
