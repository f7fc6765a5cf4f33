import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readTar } from './tar-reader.ts'
import { type TestEntry, tar } from './test-archive.ts'

async function* chunks(data: Buffer, size: number) {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size)
}

async function read(data: Buffer, size = 1 << 16) {
  const found: { path: string; type: string; linkPath: string; content: string }[] = []
  for await (const { path, type, linkPath, body } of readTar(chunks(data, size))) {
    const parts: Buffer[] = []
    for await (const part of body) parts.push(part)
    found.push({ path, type, linkPath, content: Buffer.concat(parts).toString('latin1') })
  }
  return found
}

describe('reading tar archives', () => {
  test('what was written is read, however it arrives', async () => {
    const path = fc.stringMatching(/^[a-z][a-z/]{0,140}[a-z]$/)
    const entry = fc.record({ path, content: fc.stringMatching(/^[a-z]{0,1500}$/) }, { noNullPrototype: true })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 5 }), fc.integer({ min: 1, max: 1024 }), async (entries, size) => {
        const found = await read(tar(entries), size)
        assert.deepEqual(
          found.map(({ path, content }) => ({ path, content })),
          entries,
        )
      }),
      { numRuns: 60 },
    )
  })

  test('entries whose content nobody reads are skipped', async () => {
    const paths: string[] = []
    const entries = [
      { path: 'a', content: 'x'.repeat(5000) },
      { path: 'b', content: 'y' },
    ]
    for await (const { path } of readTar(chunks(tar(entries), 700))) paths.push(path)
    assert.deepEqual(paths, ['a', 'b'])
  })

  for (const format of ['ustar', 'gnu', 'pax', 'v7']) {
    test(`GNU tar's ${format} archives are read`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'fl-tar-'))
      try {
        const long = format === 'v7' ? 'long' : `${'long-'.repeat(18)}/${'name-'.repeat(15)}`
        spawnSync('mkdir', ['-p', join(directory, long)])
        writeFileSync(join(directory, long, 'file'), 'content')
        spawnSync('ln', ['-s', '/somewhere', join(directory, 'link')])
        spawnSync('ln', [join(directory, long, 'file'), join(directory, 'zhard')])
        const { stdout } = spawnSync('tar', ['-c', '--sort=name', `--format=${format}`, '-C', directory, '.'])
        const found = await read(stdout)
        const file = found.find(({ type }) => type === 'file')
        assert.deepEqual([file?.path, file?.content], [`./${long}/file`, 'content'])
        assert.equal(found.find(({ type }) => type === 'link')?.linkPath, '/somewhere')
        // ustar has 100 bytes for the target of a link, whatever happens.
        const target = found.find(({ type }) => type === 'hard-link')?.linkPath
        if (format !== 'ustar') assert.equal(target, `./${long}/file`)
        assert.ok(found.some(({ type, path }) => type === 'directory' && path === `./${long}/`))
      } finally {
        rmSync(directory, { recursive: true })
      }
    })
  }

  const file: TestEntry = { path: 'a', content: 'x'.repeat(2000) }
  const damaged: readonly [string, Buffer][] = [
    ['a cut-off header', tar([file]).subarray(0, 300)],
    ['a cut-off content', tar([file]).subarray(0, 1000)],
    ['a wrong checksum', Buffer.concat([Buffer.from('z'), tar([file]).subarray(1)])],
    ['a PAX record of a wrong length', tar([{ path: 'pax', flag: 'x', content: '999 path=x\n' }, file])],
    ['a PAX record without an end', tar([{ path: 'pax', flag: 'x', content: 'nonsense' }, file])],
    ['a negative size', tar([{ path: 'pax', flag: 'x', content: '11 size=-5\n' }, file])],
    ['a size beyond everything', tar([{ path: 'pax', flag: 'x', content: '28 size=99999999999999999999\n' }, file])],
    ['no archive at all', Buffer.alloc(2048, 'text ')],
  ]
  for (const [what, data] of damaged) {
    test(`${what} is refused`, () => assert.rejects(read(data), { code: 'IMAGE_INVALID' }))
  }

  test('any bytes are read or refused, and nothing else happens', async () => {
    const data = tar([file, { path: 'b', flag: '5' }])
    await fc.assert(
      fc.asyncProperty(fc.nat(data.length - 1), fc.nat(255), async (at, byte) => {
        const changed = Buffer.from(data)
        changed[at] = byte
        await read(changed).catch((error) => assert.equal(error.code, 'IMAGE_INVALID'))
      }),
    )
  })
})
