import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ranOutOfMemory, readKernelLog } from './kernel-log.ts'

const SAID = [
  'cni0: port 1(veth7c6b23c8) entered disabled state',
  'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=0,mems_allowed=0,oom_memcg=/x/f/node-1/u/main/0,task_memcg=/x/f/node-1/u/main/0,task=tail,pid=7,uid=0',
]

test('a control group that ran out of memory is known by what the kernel said, one beside it is not', () => {
  assert.equal(ranOutOfMemory('/f/node-1/u/main/0', SAID), true)
  assert.equal(ranOutOfMemory('/f/node-1/u/main/1', SAID), false)
  assert.equal(ranOutOfMemory('/f/node-1/u/main/0', SAID.slice(0, 1)), false)
})

test('a record is what stands behind its head, without what it says of a device', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-kmsg-'))
  try {
    writeFileSync(join(directory, 'kmsg'), '6,1,5,-;hello; you\n SUBSYSTEM=net\n')
    assert.deepEqual(readKernelLog(join(directory, 'kmsg')), ['hello; you'])
    assert.deepEqual(readKernelLog(join(directory, 'none')), [])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
