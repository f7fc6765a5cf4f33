import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  cgroupControllers,
  cgroupHierarchies,
  cgroupProcesses,
  joinCgroup,
  killCgroup,
  removeCgroup,
} from './cgroup.ts'
import { parseMountInfo } from './mounts.ts'

test('hierarchies of a hybrid and of a version-2 machine', () => {
  const hybrid = parseMountInfo(
    [
      '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
      '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
      '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      '42 31 0:38 /docker/x /elsewhere rw,relatime - cgroup2 cgroup2 rw',
    ].join('\n'),
  )
  assert.deepEqual(cgroupHierarchies(hybrid), [
    { version: 1, directory: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu', 'cpuacct'] },
    { version: 1, directory: '/sys/fs/cgroup/systemd', controllers: ['name=systemd'] },
    { version: 2, directory: '/sys/fs/cgroup/unified', controllers: [] },
  ])
  const unified = parseMountInfo('30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate')
  assert.deepEqual(cgroupHierarchies(unified), [{ version: 2, directory: '/sys/fs/cgroup', controllers: [] }])
})

test('controllers are those of version 1, and what version 2 says it has', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-cgroup-'))
  try {
    writeFileSync(join(directory, 'cgroup.controllers'), 'cpuset cpu pids\n')
    const unified = { version: 2, directory, controllers: [] } as const
    const memory = { version: 1, directory: '/nowhere', controllers: ['memory'] } as const
    assert.deepEqual([...cgroupControllers([unified])], ['cpuset', 'cpu', 'pids'])
    assert.deepEqual([...cgroupControllers([memory, unified])], ['memory', 'cpuset', 'cpu', 'pids'])
    assert.ok(!cgroupControllers([{ ...unified, directory: '/nowhere' }]).has('cpu'))
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a group is removed in every hierarchy, with what runs in it', async () => {
  const path = `fl-t${process.pid}`
  const directories = cgroupHierarchies().map((hierarchy) => join(hierarchy.directory, path))
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  try {
    joinCgroup(`${path}/pods/a`, child.pid!)
    mkdirSync(join(directories[0]!, 'other'), { recursive: true })
    assert.deepEqual(cgroupProcesses(path), [child.pid])
    assert.deepEqual(cgroupProcesses(`${path}/pods/b`), [])
    killCgroup(path)
    assert.deepEqual(await exited, [null, 'SIGKILL'])
  } finally {
    child.kill('SIGKILL')
    await removeCgroup(path)
  }
  assert.deepEqual(directories.filter(existsSync), [])
  await removeCgroup(path)
})
