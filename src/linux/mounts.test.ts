import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { close, MS_BIND, mount, O_RDONLY, open } from './libc.ts'
import { listMounts, mountsBelow, parseMountInfo, unmountTree } from './mounts.ts'

test('lines of mountinfo', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
    '40 35 0:40 / /a\\040b\\134c rw shared:3 propagate_from:2 - overlay overlay rw,lowerdir=/x',
    '41 36 0:3 net:[4026532] /run/netns/x rw - nsfs nsfs rw',
    '',
  ].join('\n')
  const [first, second, third, ...rest] = parseMountInfo(text)
  assert.deepEqual(first, {
    id: 36,
    parent: 35,
    root: '/mnt1',
    target: '/mnt2',
    type: 'ext3',
    source: '/dev/root',
    options: ['rw', 'errors=continue'],
  })
  assert.deepEqual([second?.target, second?.type], ['/a b\\c', 'overlay'])
  assert.deepEqual([third?.type, third?.root], ['nsfs', 'net:[4026532]'])
  assert.deepEqual(rest, [])
})

test('a tree of mounts is unmounted, the deepest first, also when it is in use or stacked', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl mounts-'))
  const root = join(directory, 'root')
  mkdirSync(root)
  let held: number | undefined
  try {
    const tmpfs = (target: string) => mount({ source: 'tmpfs', target, type: 'tmpfs', data: 'size=64k' })
    tmpfs(root)
    mkdirSync(join(root, 'inner'))
    tmpfs(join(root, 'inner'))
    tmpfs(join(root, 'inner'))
    writeFileSync(join(root, 'inner', 'file'), 'x')
    mkdirSync(join(directory, 'root2'))
    mount({ source: join(root, 'inner'), target: join(directory, 'root2'), flags: MS_BIND })
    held = open(join(root, 'inner', 'file'), O_RDONLY)
    assert.deepEqual(
      mountsBelow(root).map((mount) => mount.target),
      [join(root, 'inner'), join(root, 'inner'), root],
    )
    assert.equal(unmountTree(root), 3)
    assert.deepEqual(mountsBelow(root), [])
    assert.equal(mountsBelow(directory).length, 1, 'a name that begins alike is another tree')
    assert.equal(unmountTree(directory), 1)
    assert.equal(unmountTree(directory), 0)
    assert.ok(listMounts().some((mount) => mount.target === '/'))
  } finally {
    if (held !== undefined) close(held)
    unmountTree(directory)
    rmSync(directory, { recursive: true })
  }
})
