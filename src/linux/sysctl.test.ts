import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../base/error.ts'
import { readSysctl, writeSysctls } from './sysctl.ts'
import { TestNamespaces } from './test-namespaces.ts'

test('settings belong to the namespace', () => {
  using spaces = new TestNamespaces()
  const a = spaces.create('a')
  const before = readSysctl(undefined, 'net/ipv4/ip_forward')
  const changed = before === '1' ? 0 : 1
  writeSysctls(a, { 'net/ipv4/ip_forward': changed, 'net/ipv4/conf/lo/rp_filter': 2 })
  assert.equal(readSysctl(a, 'net/ipv4/ip_forward'), String(changed))
  assert.equal(readSysctl(a, 'net/ipv4/conf/lo/rp_filter'), '2')
  assert.equal(spaces.run('a', 'sysctl -n net.ipv4.ip_forward').trim(), String(changed))
  assert.equal(readSysctl(undefined, 'net/ipv4/ip_forward'), before)
})

test('settings that are not there', () => {
  assert.equal(readSysctl(undefined, 'net/ipv4/nope'), undefined)
  assert.throws(
    () => writeSysctls(undefined, { 'net/ipv4/nope': 1 }),
    (error) => isFairleadError(error, 'KERNEL_FEATURE'),
  )
})
