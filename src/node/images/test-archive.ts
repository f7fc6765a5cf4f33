/** For tests: writes tar archives and images, also such as no honest program would write. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export interface TestEntry {
  readonly path: string
  /** '0' file, '1' hard link, '2' link, '3' device, '5' directory, ... */
  readonly flag?: string
  readonly content?: string | Buffer
  readonly linkPath?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
}

/** A tar archive (ustar, with a PAX header for what does not fit). */
export function tar(entries: readonly TestEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBlocks), Buffer.alloc(1024)])
}

function entryBlocks(entry: TestEntry): Buffer[] {
  const { path, linkPath = '' } = entry
  const records = [
    ...(Buffer.byteLength(path) > 100 ? [paxRecord('path', path)] : []),
    ...(Buffer.byteLength(linkPath) > 100 ? [paxRecord('linkpath', linkPath)] : []),
  ]
  const pax = records.length === 0 ? [] : plainBlocks({ path: 'pax', flag: 'x', content: records.join('') })
  return [...pax, ...plainBlocks({ ...entry, path: cut(path), linkPath: cut(linkPath) })]
}

function cut(text: string): string {
  return Buffer.from(text).toString('latin1', 0, 100)
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest) + 1
  while (String(length).length + Buffer.byteLength(rest) !== length) length++
  return `${length}${rest}`
}

function plainBlocks({
  path,
  flag = '0',
  content = '',
  linkPath = '',
  mode = 0o644,
  uid = 0,
  gid = 0,
}: TestEntry): Buffer[] {
  const data = Buffer.from(content as string)
  const header = Buffer.alloc(512)
  header.write(path, 0, 100, 'latin1')
  header.write(octal(mode, 7), 100)
  header.write(octal(uid, 7), 108)
  header.write(octal(gid, 7), 116)
  header.write(octal(data.length, 11), 124)
  header.write(octal(0, 11), 136)
  header.write('        ', 148)
  header.write(flag, 156)
  header.write(linkPath, 157, 100, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
    'latin1',
  )
  return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

export interface TestImage {
  readonly layers: readonly Buffer[]
  readonly config?: object
  readonly gzip?: boolean
}

/** What `docker save` writes, as the entries of its archive. */
export function dockerSave({ layers, config = {}, gzip = false }: TestImage): TestEntry[] {
  const json = configJson(layers, config)
  const configName = `${digest(json)}.json`
  const files = layers.map((layer, i) => ({ path: `${i}/layer.tar`, content: gzip ? gzipSync(layer) : layer }))
  const manifest = [{ Config: configName, RepoTags: ['test:latest'], Layers: files.map(({ path }) => path) }]
  return [{ path: 'manifest.json', content: JSON.stringify(manifest) }, { path: configName, content: json }, ...files]
}

/** An OCI image layout, as the entries of its archive. */
export function ociLayout({ layers, config = {}, gzip = true }: TestImage): TestEntry[] {
  const blobs: TestEntry[] = []
  const blob = (content: string | Buffer) => {
    const hash = digest(content)
    blobs.push({ path: `blobs/sha256/${hash}`, content })
    return { digest: `sha256:${hash}`, size: content.length }
  }
  const manifest = {
    schemaVersion: 2,
    config: blob(configJson(layers, config)),
    layers: layers.map((layer) => blob(gzip ? gzipSync(layer) : layer)),
  }
  const index = { schemaVersion: 2, manifests: [blob(JSON.stringify(manifest))] }
  return [
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify(index) },
    ...blobs,
  ]
}

/** Writes the files of an archive into a directory. */
export function writeEntries(directory: string, entries: readonly TestEntry[]): void {
  for (const { path, content = '' } of entries) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
}

function configJson(layers: readonly Buffer[], config: object): string {
  const diffIds = layers.map((layer) => `sha256:${digest(layer)}`)
  return JSON.stringify({ os: 'linux', config, rootfs: { type: 'layers', diff_ids: diffIds } })
}

export function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
