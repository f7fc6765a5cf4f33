import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { applyLayer } from './layer.ts'
import { resolveInRoot } from './root-path.ts'
import { type TestEntry, tar } from './test-archive.ts'

const limits = { maxEntries: 1000, maxBytes: 1_000_000 }

describe('unpacking layers', () => {
  let top: string
  let root: string
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'fl-layer-'))
    root = join(top, 'root')
    mkdirSync(root)
    writeFileSync(join(top, 'secret'), 'secret')
  })
  // Whatever the archive was, nothing beside the root has changed.
  afterEach(() => {
    assert.deepEqual(readdirSync(top).sort(), ['root', 'secret'])
    assert.equal(readFileSync(join(top, 'secret'), 'utf8'), 'secret')
    assert.equal(lstatSync(join(top, 'secret')).nlink, 1)
    rmSync(top, { recursive: true })
  })

  async function apply(...layers: TestEntry[][]): Promise<void> {
    const unpacked = { entries: 0, bytes: 0, skipped: 0 }
    for (const layer of layers) await applyLayer(root, source(tar(layer)), { unpacked, limits })
  }
  const refused = (...layers: TestEntry[][]) => assert.rejects(apply(...layers), { code: 'IMAGE_INVALID' })
  const read = (path: string) => readFileSync(join(root, path), 'utf8')

  test('files, directories and links with owners and modes', async () => {
    await apply([
      { path: './bin/', flag: '5', mode: 0o750, uid: 5, gid: 6 },
      { path: 'bin/tool', content: '#!', mode: 0o4755, uid: 1, gid: 2 },
      { path: 'bin/same', flag: '1', linkPath: 'bin/tool' },
      { path: '/abs/deep/file', content: 'x' },
      { path: 'sh', flag: '2', linkPath: '/bin/tool' },
    ])
    const tool = lstatSync(join(root, 'bin/tool'))
    assert.deepEqual([tool.mode & 0o7777, tool.uid, tool.gid, tool.nlink], [0o4755, 1, 2, 2])
    const bin = lstatSync(join(root, 'bin'))
    assert.deepEqual([bin.mode & 0o7777, bin.uid], [0o750, 5])
    assert.equal(read('abs/deep/file'), 'x')
    assert.equal(readlinkSync(join(root, 'sh')), '/bin/tool')
  })

  test('a later layer goes through links of an earlier one, inside of the root', async () => {
    await apply(
      [
        { path: 'lib', flag: '2', linkPath: '/usr/lib' },
        { path: 'usr/lib', flag: '5' },
      ],
      [{ path: 'lib/x', content: 'x' }],
    )
    assert.equal(read('usr/lib/x'), 'x')
  })

  test('whiteouts remove what earlier layers made, and nothing of their own', async () => {
    await apply(
      [
        { path: 'd/a', content: 'a' },
        { path: 'd/b', content: 'b' },
        { path: 'e/old', content: 'o' },
        { path: 'e/sub/old', content: 'o' },
      ],
      [
        { path: 'd/.wh.a' },
        { path: 'e/new', content: 'n' },
        { path: 'e/sub/new', content: 'n' },
        { path: 'e/.wh..wh..opq' },
      ],
    )
    assert.deepEqual(readdirSync(join(root, 'd')), ['b'])
    assert.deepEqual(readdirSync(join(root, 'e')).sort(), ['new', 'sub'])
    assert.deepEqual(readdirSync(join(root, 'e/sub')), ['new'])
  })

  test('files take the place of directories and the other way round', async () => {
    await apply(
      [
        { path: 'a/b', content: '1' },
        { path: 'c', content: '2' },
      ],
      [
        { path: 'a', content: '3' },
        { path: 'c/', flag: '5' },
      ],
    )
    assert.equal(read('a'), '3')
    assert.ok(lstatSync(join(root, 'c')).isDirectory())
  })

  test('devices and pipes are left out', async () => {
    await apply([
      { path: 'dev/sda', flag: '4' },
      { path: 'dev/null', flag: '3' },
      { path: 'pipe', flag: '6' },
      { path: 'x' },
    ])
    assert.deepEqual(readdirSync(root).sort(), ['dev', 'x'])
    assert.deepEqual(readdirSync(join(root, 'dev')), [])
  })

  describe('nothing leaves the root', () => {
    test('by ..', async () => {
      await refused([{ path: '../evil', content: 'x' }])
      await refused([{ path: 'a/../../evil', content: 'x' }])
      await refused([{ path: '/../evil', content: 'x' }])
      await refused([{ path: 'a/..', flag: '5' }])
    })
    test('by an absolute path', async () => {
      await apply([{ path: join(top, 'evil'), content: 'x' }])
      assert.ok(existsSync(join(root, top, 'evil')))
    })
    test('through a link that leads out', async () => {
      await apply([
        { path: 'out', flag: '2', linkPath: '../..' },
        { path: 'out/evil', content: 'x' },
      ])
      assert.ok(existsSync(join(root, 'evil')))
      await apply([
        { path: 'top', flag: '2', linkPath: top },
        { path: 'top/evil', content: 'x' },
      ]).catch(() => undefined)
    })
    test('by writing to a link that leads out', async () => {
      await apply([
        { path: 's', flag: '2', linkPath: join(top, 'secret') },
        { path: 's', content: 'overwritten' },
      ])
      assert.equal(read('s'), 'overwritten')
    })
    test('by a hard link', async () => {
      await refused([{ path: 'h', flag: '1', linkPath: '../secret' }])
      await refused([{ path: 'h', flag: '1', linkPath: join(top, 'secret') }])
      await refused([
        { path: 's', flag: '2', linkPath: join(top, 'secret') },
        { path: 'h', flag: '1', linkPath: 's' },
      ])
      await refused([
        { path: 'd', flag: '2', linkPath: '..' },
        { path: 'h', flag: '1', linkPath: 'd/secret' },
      ])
    })
    test('by a whiteout', async () => {
      await refused([{ path: '.wh...' }])
      await refused([{ path: '.wh..' }])
      await refused([{ path: '.wh.' }])
      await apply([{ path: 'out', flag: '2', linkPath: '..' }, { path: 'out/.wh.secret' }])
      await apply([{ path: 'o', flag: '2', linkPath: '..' }, { path: 'o/.wh..wh..opq' }])
    })
    test('by links in a circle', async () => {
      await refused([{ path: 'a', flag: '2', linkPath: 'b' }, { path: 'b', flag: '2', linkPath: 'a' }, { path: 'a/x' }])
    })
  })

  test('limits hold for all layers together', async () => {
    const many = Array.from({ length: 600 }, (_, i) => ({ path: `f${i}` }))
    await refused(many, many)
    await refused([{ path: 'big', content: 'x'.repeat(600_000) }], [{ path: 'big', content: 'x'.repeat(600_000) }])
    await refused([{ path: 'x/'.repeat(3000) }])
  })

  test('a path is found as from inside', async () => {
    await apply([
      { path: 'etc/passwd', content: 'p' },
      { path: 'up', flag: '2', linkPath: '../../../etc' },
    ])
    assert.deepEqual(resolveInRoot(root, '/up/../up/passwd'), { kind: 'file', path: join(root, 'etc/passwd') })
    assert.deepEqual(resolveInRoot(root, '../../secret'), { kind: 'missing', path: join(root, 'secret') })
    assert.equal(resolveInRoot(root, 'etc/passwd/x'), undefined)
  })
})

async function* source(data: Buffer) {
  yield data
}
