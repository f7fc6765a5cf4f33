import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Image } from './image.ts'
import { createImages } from './image-resolver.ts'
import { type ImageStore, openImageStore, pruneImages } from './image-store.ts'
import { digest, dockerSave, ociLayout, type TestEntry, tar, writeEntries } from './test-archive.ts'

const layers = [tar([{ path: 'app', content: 'v1', mode: 0o755 }, { path: 'old' }]), tar([{ path: '.wh.old' }])]
const config = { Entrypoint: ['/app'], Cmd: ['serve'], Env: ['A=1'], WorkingDir: '/srv', User: 'web:web' }

describe('the image store', () => {
  let directory: string
  let store: ImageStore
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'fl-images-'))
    store = openImageStore({ directory: join(directory, 'store') })
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  function resolve(name: string): Image | undefined {
    const found = createImages([store], { builtinDirectory: '/none' }).resolve(name)
    return found.kind === 'found' ? found.image : undefined
  }
  function write(name: string, content: string | Buffer): string {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }

  test('a program runs over the view of the host under its own name', async () => {
    const path = write('web', '\x7fELF...')
    await store.add('team/web', path)
    rmSync(path)
    const image = resolve('docker.io/team/web:1.0')
    assert.ok(image?.root.kind === 'host-view')
    const [file] = image.root.files
    assert.deepEqual([image.kind, file?.destination, image.config.entrypoint], ['binary', '/web', ['/web']])
    assert.equal(readFileSync(file?.source ?? '', 'latin1'), '\x7fELF...')
  })

  test('a root file system stays where it is; its command is the one given', async () => {
    mkdirSync(join(directory, 'root'))
    await store.add('web:2', join(directory, 'root'), { entrypoint: ['/bin/web', '--x'] })
    const image = resolve('web:2')
    assert.deepEqual(image?.root, { kind: 'directory', path: join(directory, 'root') })
    assert.deepEqual(image?.config.entrypoint, ['/bin/web', '--x'])
    assert.equal(resolve('web:3'), undefined)
  })

  const forms: readonly [string, (place: string) => string][] = [
    ['docker save', (place) => file(place, tar(dockerSave({ layers, config })))],
    ['docker save, compressed', (place) => file(place, gzipSync(tar(dockerSave({ layers, config, gzip: true }))))],
    ['an OCI layout in an archive', (place) => file(place, tar(ociLayout({ layers, config })))],
    ['an OCI layout in a directory', (place) => folder(place, ociLayout({ layers, config, gzip: false }))],
  ]
  for (const [what, make] of forms) {
    test(`${what} is unpacked with its configuration`, async () => {
      await store.add('nginx', make(join(directory, 'image')))
      const image = resolve('nginx')
      assert.ok(image?.root.kind === 'directory')
      assert.equal(image.kind, 'archive')
      assert.match(image.id, /^sha256:[0-9a-f]{64}$/)
      assert.deepEqual(image.config, {
        entrypoint: ['/app'],
        command: ['serve'],
        env: ['A=1'],
        workingDirectory: '/srv',
        user: 'web:web',
      })
      assert.equal(readFileSync(join(image.root.path, 'app'), 'utf8'), 'v1')
      assert.equal(existsSync(join(image.root.path, 'old')), false)
    })
  }

  const save = dockerSave({ layers, config })
  const oci = ociLayout({ layers, config })
  const bad: readonly [string, readonly TestEntry[]][] = [
    ['a layer that was changed', change(save, '0/layer.tar', tar([{ path: 'app', content: 'evil' }]))],
    ['a configuration that was changed', change(save, `${save[1]?.path}`, '{}')],
    ['a missing layer', save.slice(0, -1)],
    ['a layer outside', change(save, 'manifest.json', String(save[0]?.content).replace('0/layer.tar', '../../secret'))],
    [
      'a blob that was changed',
      oci.map((entry) => (entry.path === manifestOf(oci) ? { ...entry, content: '{}' } : entry)),
    ],
    ['a digest that is a path', change(oci, 'index.json', '{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}')],
    ['an index that leads to itself', selfIndex()],
    [
      'another machine',
      change(
        oci,
        'index.json',
        '{"manifests":[{"digest":"sha256:0","platform":{"architecture":"s390x","os":"linux"}}]}',
      ),
    ],
    ['no JSON', change(save, 'manifest.json', 'x')],
    ['no image', [{ path: 'readme', content: 'x' }]],
    ['a path that leads out', [...save, { path: '../evil', content: 'x' }]],
  ]
  for (const [what, entries] of bad) {
    test(`${what} is refused and leaves nothing`, async () => {
      const path = write('image.tar', tar(entries))
      await assert.rejects(store.add('web', path), { code: 'IMAGE_INVALID' })
      assert.deepEqual(store.list(), [])
      assert.deepEqual(
        existsSync(join(directory, 'store/content')) ? readdirSync(join(directory, 'store/content')) : [],
        [],
      )
      assert.deepEqual(
        readdirSync(directory).filter((name) => name === 'evil'),
        [],
      )
    })
  }

  test('what is neither program nor image is refused', async () => {
    await assert.rejects(store.add('web', write('text', 'hello')), { code: 'IMAGE_INVALID' })
    await assert.rejects(store.add('web', join(directory, 'none')), { code: 'INVALID_INPUT' })
    await assert.rejects(store.add('No Name', write('web', '#!/bin/sh')), { code: 'INVALID_INPUT' })
    await assert.rejects(store.add('web', write('z', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]))), /zstd/)
  })

  test('a name is replaced, listed and removed; unused content goes when asked for', async () => {
    await store.add('web', write('web', '#!/bin/sh\n'))
    await store.add('docker.io/library/web', write('web', '#!/bin/bash\n'))
    assert.deepEqual(
      store.list().map(({ name }) => name),
      ['docker.io/library/web'],
    )
    assert.equal(readdirSync(join(directory, 'store/content')).length, 2)
    pruneImages(join(directory, 'store'))
    assert.equal(readdirSync(join(directory, 'store/content')).length, 1)
    assert.ok(resolve('web'))
    assert.equal(store.remove('web'), true)
    assert.equal(store.remove('web'), false)
    assert.equal(resolve('web'), undefined)
  })
})

function file(path: string, content: Buffer): string {
  writeFileSync(path, content)
  return path
}

function folder(path: string, entries: readonly TestEntry[]): string {
  writeEntries(path, entries)
  return path
}

function change(entries: readonly TestEntry[], path: string, content: string | Buffer): readonly TestEntry[] {
  return entries.map((entry) => (entry.path === path ? { ...entry, content } : entry))
}

function manifestOf(entries: readonly TestEntry[]): string {
  const index = JSON.parse(String(entries.find(({ path }) => path === 'index.json')?.content))
  return `blobs/sha256/${index.manifests[0].digest.slice(7)}`
}

/** No digest can be of itself; the nearest is an index of an index of ... beyond all sense. */
function selfIndex(): readonly TestEntry[] {
  const blobs: TestEntry[] = []
  let content = '{"manifests":[]}'
  for (let i = 0; i < 10; i++) {
    const hash = digest(content)
    blobs.push({ path: `blobs/sha256/${hash}`, content })
    content = JSON.stringify({ manifests: [{ digest: `sha256:${hash}` }] })
  }
  return [{ path: 'oci-layout', content: '{}' }, { path: 'index.json', content }, ...blobs]
}
