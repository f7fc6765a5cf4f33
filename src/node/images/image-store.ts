import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { writeFileAtomic } from '../../base/atomic-file.ts'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import { unless } from '../../base/unless.ts'
import { hostViewConfig } from './builtin-images.ts'
import { EMPTY_CONFIG, type Image, type ImageConfig } from './image.ts'
import { isImageLayout, sha256 } from './image-layout.ts'
import { mustParseReference, storedName } from './image-reference.ts'
import type { ImageSource } from './image-resolver.ts'
import { compressionOf, firstBytes, unpackImage } from './unpack-image.ts'

export interface StoredImage {
  /** As it is looked up: registry and repository, and the tag if it was given one. */
  readonly name: string
  readonly kind: 'binary' | 'rootfs' | 'archive'
  /** What it was added from. */
  readonly path: string
  readonly id: string
  readonly config: ImageConfig
  /** RFC 3339 */
  readonly addedAt: string
  /** Directory of the content below the store; a root file system is used where it is. */
  readonly content?: string
}

export interface AddImageOptions {
  /** The command in place of the image's own entrypoint. */
  readonly entrypoint?: readonly string[]
}

/** Images that a person has added: names and content, kept in one directory. */
export interface ImageStore extends ImageSource {
  /**
   * Adds a program (run over a view of the machine's system directories), a root file system, or an image archive under
   * a name; what the name stood for is replaced. Containers that run go on with what they have.
   *
   * @throws FairleadError `INVALID_INPUT` for a name or path that is none, `IMAGE_INVALID`, `DISK_FULL`.
   */
  add(name: string, path: string, options?: AddImageOptions): Promise<StoredImage>
  list(): readonly StoredImage[]
  /** @returns false when there was none. */
  remove(name: string): boolean
}

/** Opens the store in a directory, which is made when it is first written to. */
export function openImageStore({ directory }: { readonly directory: string }): ImageStore {
  return {
    add: (name, path, options = {}) => addImage(directory, { name, path, ...options }),
    list: () => listImages(directory),
    remove: (name) => removeImage(directory, storedName(mustParseReference(name))),
    find: (name) => {
      const stored = readImage(directory, name)
      return stored === undefined ? undefined : toImage(directory, stored)
    },
  }
}

interface Addition extends AddImageOptions {
  readonly name: string
  readonly path: string
}

async function addImage(directory: string, { name, path, entrypoint }: Addition): Promise<StoredImage> {
  const reference = storedName(mustParseReference(name))
  const source = existing(path)
  const found = await contentFrom(directory, source)
  const config = entrypoint === undefined ? found.config : { ...found.config, entrypoint, command: [] }
  const stored: StoredImage = { ...found, name: reference, path: source, config, addedAt: new Date().toISOString() }
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  writeFileAtomic(recordPath(directory, reference), `${JSON.stringify(stored, null, 2)}\n`, 0o644)
  return stored
}

type Content = Pick<StoredImage, 'kind' | 'id' | 'config' | 'content'>

function contentFrom(directory: string, path: string): Promise<Content> {
  if (statSync(path).isDirectory()) {
    return isImageLayout(path) ? addArchive(directory, path, true) : Promise.resolve(rootfsContent(path))
  }
  if (isArchive(path)) return addArchive(directory, path, false)
  if (isProgram(path)) return addProgram(directory, path)
  throw new FairleadError('IMAGE_INVALID', `Cannot add ${path}: it is no program, root file system or image archive`)
}

function rootfsContent(path: string): Content {
  return { kind: 'rootfs', id: `rootfs:${sha256(Buffer.from(path))}`, config: EMPTY_CONFIG }
}

async function addProgram(directory: string, path: string): Promise<Content> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  const content = join('content', randomUUID())
  mkdirSync(join(directory, content), { recursive: true, mode: 0o755 })
  const target = join(directory, content, basename(path))
  copyFileSync(path, target)
  chmodSync(target, 0o755)
  const config = hostViewConfig([`/${basename(path)}`], [])
  return { kind: 'binary', id: `sha256:${hash.digest('hex')}`, config, content }
}

async function addArchive(directory: string, path: string, isDirectory: boolean): Promise<Content> {
  const content = join('content', randomUUID())
  const root = join(directory, content)
  const draft = `${root}.tmp`
  try {
    const unpacked = await unpackImage(path, isDirectory, { root: draft, scratch: `${root}.scratch` })
    renameSync(draft, root)
    return { kind: 'archive', id: unpacked.id, config: unpacked.config, content }
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

/** The record goes; the content stays for containers that run on it, until {@link pruneImages}. */
function removeImage(directory: string, name: string): boolean {
  const path = recordPath(directory, name)
  if (!existsSync(path)) return false
  rmSync(path)
  return true
}

/** Removes content that no name stands for. No container may be running on it. */
export function pruneImages(directory: string): void {
  const used = new Set(listImages(directory).flatMap(({ content }) => content ?? []))
  for (const name of namesIn(join(directory, 'content'))) {
    const content = join('content', name)
    if (!used.has(content)) rmSync(join(directory, content), { recursive: true, force: true })
  }
}

function listImages(directory: string): readonly StoredImage[] {
  return namesIn(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as StoredImage)
    .sort((a, b) => a.name.localeCompare(b.name))
}

function readImage(directory: string, name: string): StoredImage | undefined {
  return unless(['ENOENT'], () => JSON.parse(readFileSync(recordPath(directory, name), 'utf8')))
}

function toImage(directory: string, { kind, name, id, config, content = '', path }: StoredImage): Image {
  if (kind === 'rootfs') return { kind, name, id, config, root: { kind: 'directory', path } }
  const place = join(directory, content)
  if (kind === 'archive') return { kind, name, id, config, root: { kind: 'directory', path: place } }
  const program = basename(path)
  const files = [{ source: join(place, program), destination: `/${program}`, readOnly: true }]
  return { kind, name, id, config, root: { kind: 'host-view', files } }
}

/** Readable, and different for different names. */
function recordPath(directory: string, name: string): string {
  const readable = name.replace(/[^a-zA-Z0-9.-]+/g, '_').slice(-80)
  return join(directory, `${readable}-${sha256(Buffer.from(name)).slice(0, 12)}.json`)
}

function existing(path: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot add ${path}: ${systemErrorCode(cause) ?? 'it cannot be read'}`, {
      cause,
    })
  }
}

function isArchive(path: string): boolean {
  return compressionOf(path) !== 'none' || firstBytes(path, 262).toString('latin1', 257, 262) === 'ustar'
}

/** An ELF file or a script. */
function isProgram(path: string): boolean {
  const magic = firstBytes(path, 4).toString('latin1')
  return magic === '\x7fELF' || magic.startsWith('#!')
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
