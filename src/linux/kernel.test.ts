import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../base/error.ts'
import { parseKernelVersion, requireKernel } from './kernel.ts'

test('kernel releases', () => {
  assert.deepEqual(parseKernelVersion('6.18.44-generic'), [6, 18])
  assert.deepEqual(parseKernelVersion('5.4.0-1029-aws'), [5, 4])
  assert.throws(
    () => parseKernelVersion('Darwin'),
    (error) => isFairleadError(error, 'INVALID_INPUT'),
  )
})

test('a kernel that is too old is refused with both versions', () => {
  requireKernel()
  requireKernel('5.15.0')
  requireKernel('6.1.0')
  for (const old of ['5.14.21', '4.19.0']) {
    assert.throws(
      () => requireKernel(old),
      (error) =>
        isFairleadError(error, 'KERNEL_TOO_OLD') && error.message.includes(old) && error.message.includes('5.15'),
    )
  }
})
