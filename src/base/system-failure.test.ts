import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FairleadError } from './error.ts'
import { asFairleadError } from './system-failure.ts'

const failure = (code: string, fields: object = {}) =>
  Object.assign(new RangeError(`${code}: text`), { code, ...fields })

test('asFairleadError() leaves our own failures as they are', () => {
  const error = new FairleadError('PORT_TAKEN', 'x')
  assert.equal(asFairleadError(error), error)
})

test('asFairleadError() says what was attempted on a full disk', () => {
  const error = asFairleadError(failure('ENOSPC', { syscall: 'mkdir', path: '/x' }))
  assert.deepEqual([error?.code, error?.message], ['DISK_FULL', 'Cannot mkdir /x: no space left on the device'])
  assert.equal(
    asFairleadError(failure('ENOSPC', { syscall: 'write' }))?.message,
    'Cannot write: no space left on the device',
  )
})

test('asFairleadError() takes a refusal for a lack of rights, except for root', () => {
  const refused = failure('EACCES', { syscall: 'open', path: '/x' })
  assert.equal(asFairleadError(refused, 1000)?.code, 'NOT_ROOT')
  assert.equal(asFairleadError(refused, 0), undefined)
  const wrapped = new FairleadError('INVALID_INPUT', 'Cannot read the kubeconfig', { cause: refused })
  assert.equal(asFairleadError(wrapped, 1000)?.message, 'Cannot open /x as an ordinary user')
  assert.equal(asFairleadError(wrapped, 0), wrapped)
})

test('asFairleadError() has no opinion about the rest', () => {
  assert.equal(asFairleadError(new RangeError('x')), undefined)
  assert.equal(asFairleadError('x'), undefined)
  try {
    readFileSync('/does/not/exist')
  } catch (error) {
    assert.equal(asFairleadError(error), undefined)
  }
})
