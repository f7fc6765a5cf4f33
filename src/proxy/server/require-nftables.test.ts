import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetlinkError } from '../../linux/netlink/socket.ts'
import { readGeneration, requireNftables } from './require-nftables.ts'

test('this machine can program Services', () => {
  requireNftables()
})

test('a machine that cannot is told what to do', () => {
  const refusing = (errno: string) => () =>
    readGeneration(() => {
      throw new NetlinkError('read the generation', { errno, kernelText: '', sequence: 1 })
    })
  assert.throws(refusing('EPERM'), { code: 'NOT_ROOT', hint: /CAP_NET_ADMIN/ })
  assert.throws(refusing('EINVAL'), { code: 'KERNEL_FEATURE', hint: /modprobe nf_tables/ })
  assert.throws(refusing('ENOBUFS'), { code: 'KERNEL_REFUSED' })
})
