import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inMountNamespace, inNewMountNamespace, inNewProcessNamespace } from './mount-namespace.ts'

test('file systems in memory are where they were mounted, and nowhere else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-mounts-'))
  const [here, mounts] = [readdirSync('.'), readlinkSync('/proc/thread-self/ns/mnt')]
  const files = [{ target: directory, bytes: 64 << 10, mode: 0o2770, gid: 12 }]
  const holder = inNewMountNamespace(files, () => spawn('/bin/cat', { stdio: ['pipe', 'ignore', 'inherit'] }))
  try {
    const inside = `/proc/${holder.pid}/root${directory}`
    const { mode, gid } = statSync(inside)
    assert.deepEqual([mode & 0o7777, gid], [0o2770, 12])
    writeFileSync(join(inside, 'a'), 'x')
    assert.throws(() => writeFileSync(join(inside, 'b'), Buffer.alloc(100_000)), { code: 'ENOSPC' })
    const look = () => spawnSync('/bin/cat', [join(directory, 'a')], { encoding: 'utf8' })
    assert.equal(inMountNamespace(`/proc/${holder.pid}/ns/mnt`, look).stdout, 'x')
    assert.equal(inMountNamespace(undefined, look).status, 1)
    assert.deepEqual(readdirSync(directory), [])
    // Back where it was, in every respect.
    assert.deepEqual([readdirSync('.'), readlinkSync('/proc/thread-self/ns/mnt')], [here, mounts])
    assert.throws(() => inMountNamespace('/proc/0/ns/mnt', look), { errno: 'ENOENT' })
    assert.throws(() =>
      inMountNamespace(`/proc/${holder.pid}/ns/mnt`, () => {
        throw new RangeError('x')
      }),
    )
    assert.equal(readlinkSync('/proc/thread-self/ns/mnt'), mounts)
  } finally {
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    rmSync(directory, { recursive: true })
  }
})

test('the first child of a process namespace has the number 1, later children of ours are in our own', () => {
  const first = inNewProcessNamespace(() => spawnSync('/bin/sh', ['-c', 'echo $$'], { encoding: 'utf8' }))
  assert.equal(first.stdout, '1\n')
  const own = spawnSync('/bin/readlink', ['/proc/self/ns/pid'], { encoding: 'utf8' })
  assert.equal(own.stdout.trim(), readlinkSync('/proc/self/ns/pid'))
})
