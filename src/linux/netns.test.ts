import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { isErrno } from './libc.ts'
import { createNetns, deleteNetns, inNetns, listNetns, netnsPath } from './netns.ts'
import { TestNamespaces } from './test-namespaces.ts'

const current = () => readlinkSync('/proc/thread-self/ns/net')

test('a namespace is entered for one call and left again, also when the call throws', () => {
  using spaces = new TestNamespaces()
  const [a, b] = [spaces.create('a'), spaces.create('b')]
  const home = current()
  const inside = inNetns(a, current)
  assert.notEqual(inside, home)
  assert.equal(current(), home)
  assert.equal(
    inNetns(a, () => inNetns(b, current) !== inside && current() === inside),
    true,
    'nested',
  )
  assert.throws(
    () =>
      inNetns(a, () => {
        throw new RangeError('inside')
      }),
    RangeError,
  )
  assert.equal(current(), home)
  assert.throws(() => inNetns(a, () => Promise.resolve()), /is not synchronous/)
  assert.equal(current(), home)
  assert.throws(
    () => inNetns(netnsPath(spaces.name('missing')), current),
    (error) => isErrno(error, 'ENOENT'),
  )
  assert.throws(
    () => inNetns('/dev/null', current),
    (error) => isErrno(error, 'EINVAL'),
  )
  assert.equal(current(), home)
  const child = inNetns(a, () => spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }))
  assert.equal(child.stdout.trim(), inside, 'children stay inside')
})

test('names are taken once, and gone after deleting', () => {
  const name = `fl-t${process.pid}-x`
  createNetns(name)
  try {
    assert.throws(() => createNetns(name))
    assert.deepEqual(listNetns(name), [name])
  } finally {
    deleteNetns(name)
  }
  assert.ok(!existsSync(netnsPath(name)))
  assert.deepEqual(listNetns(name), [])
  deleteNetns(name)
})
