import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Disposables } from './disposables.ts'

test('Disposables stops in reverse order, and once', async () => {
  const stopped: string[] = []
  const stack = new Disposables()
  stack.use({ [Symbol.dispose]: () => stopped.push('first') } as unknown as Disposable)
  stack.defer(async () => void stopped.push('second'))
  await stack[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
  assert.deepEqual(stopped, ['second', 'first'])
})

test('Disposables goes on after a failure and throws it', async () => {
  const stopped: string[] = []
  const stack = new Disposables()
  stack.defer(() => void stopped.push('first'))
  stack.defer(() => {
    throw new RangeError('no')
  })
  await assert.rejects(async () => stack[Symbol.asyncDispose](), RangeError)
  assert.deepEqual(stopped, ['first'])
})

test('Disposables.move() leaves the old owner empty', async () => {
  const stopped: string[] = []
  const stack = new Disposables()
  stack.defer(() => void stopped.push('x'))
  const moved = stack.move()
  await stack[Symbol.asyncDispose]()
  assert.deepEqual(stopped, [])
  await moved[Symbol.asyncDispose]()
  assert.deepEqual(stopped, ['x'])
})
