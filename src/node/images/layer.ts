import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import { resolveInRoot } from './root-path.ts'
import { readTar, type TarEntry } from './tar-reader.ts'

export interface LayerLimits {
  readonly maxEntries: number
  /** Bytes of file content. */
  readonly maxBytes: number
}

export const DEFAULT_LIMITS: LayerLimits = { maxEntries: 500_000, maxBytes: 16 * 1024 ** 3 }

/** What has been unpacked into one root so far; shared by the layers of an image, so that limits hold for all. */
export interface Unpacked {
  entries: number
  bytes: number
  /** Entries of kinds that a container has no use for: devices, pipes. */
  skipped: number
}

const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const MAX_PATH = 4096

/**
 * Unpacks a layer over what earlier ones left in `root`, whiteouts included (OCI image specification, layer). Whatever
 * the archive says, nothing outside of `root` is read or written: `..` is refused, links on the way are followed inside
 * of it, links that lead out are stored and mean nothing out here, devices are left out.
 *
 * @throws FairleadError `IMAGE_INVALID` for an archive that tries, is damaged, or is beyond the limits.
 */
export async function applyLayer(
  root: string,
  source: AsyncIterable<Uint8Array>,
  { unpacked, limits = DEFAULT_LIMITS }: { readonly unpacked: Unpacked; readonly limits?: LayerLimits },
): Promise<void> {
  const layer = new Layer(root, unpacked, limits)
  for await (const entry of readTar(source)) await layer.apply(entry)
  layer.finish()
}

class Layer {
  readonly #root: string
  readonly #unpacked: Unpacked
  readonly #limits: LayerLimits
  /** What this layer has made, and the directories above it: its own whiteouts leave them alone. */
  readonly #made = new Set<string>()
  /** Directories that were looked up, by their path in the archive; forgotten when a link or a removal may change them. */
  readonly #directories = new Map<string, string>()
  /** Modes of directories, set last: a directory may be without the permission to write into it. */
  readonly #modes = new Map<string, number>()

  constructor(root: string, unpacked: Unpacked, limits: LayerLimits) {
    this.#root = root
    this.#unpacked = unpacked
    this.#limits = limits
  }

  async apply(entry: TarEntry): Promise<void> {
    this.#count(entry)
    const path = safePath(entry.path)
    if (path === '') {
      if (entry.type === 'directory') this.#modes.set(this.#root, entry.mode)
      return
    }
    const target = join(this.#directory(dirname(path)), basename(path))
    if (basename(path).startsWith(WHITEOUT)) this.#whiteOut(target)
    else await this.#make(entry, target)
  }

  finish(): void {
    for (const [path, mode] of this.#modes) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) chmodSync(path, mode)
    }
  }

  #count({ path, size }: TarEntry): void {
    this.#unpacked.entries++
    this.#unpacked.bytes += size
    const { maxEntries, maxBytes } = this.#limits
    if (this.#unpacked.entries > maxEntries) throw invalid(`it has more than ${maxEntries} entries`)
    if (this.#unpacked.bytes > maxBytes) throw invalid(`it has more than ${maxBytes} bytes`)
    if (path.length > MAX_PATH) throw invalid(`it has a path of ${path.length} characters`)
  }

  /** The directory of that path in the image, made when it is missing. */
  #directory(path: string): string {
    const known = this.#directories.get(path)
    if (known !== undefined) return known
    const found = this.#findDirectory(path)
    this.#directories.set(path, found)
    return found
  }

  #findDirectory(path: string): string {
    let here = this.#root
    let inside = ''
    for (const part of path === '.' ? [] : path.split('/')) {
      inside = `${inside}/${part}`
      const found = resolveInRoot(this.#root, inside)
      if (found === undefined || found.kind === 'file' || found.kind === 'other')
        throw invalid(`${inside} is no directory`)
      if (found.kind === 'missing') {
        mkdirSync(found.path, { mode: 0o755 })
        this.#remember(found.path)
      }
      here = found.path
    }
    return here
  }

  #remember(path: string): void {
    for (let at = path; at !== this.#root && !this.#made.has(at); at = dirname(at)) this.#made.add(at)
  }

  #whiteOut(target: string): void {
    this.#directories.clear()
    const directory = dirname(target)
    const name = basename(target)
    if (name !== OPAQUE) {
      const hidden = name.slice(WHITEOUT.length)
      if (hidden === '' || hidden === '.' || hidden === '..') throw invalid(`it has a whiteout ${name}`)
      this.#removeOlder(join(directory, hidden))
      return
    }
    for (const child of readdirSync(directory)) this.#removeOlder(join(directory, child))
  }

  /** Removes what earlier layers made, however deep; what this layer made stays. */
  #removeOlder(path: string): void {
    if (!this.#made.has(path)) rmSync(path, { recursive: true, force: true })
    else if (lstatSync(path).isDirectory()) {
      for (const child of readdirSync(path)) this.#removeOlder(join(path, child))
    }
  }

  async #make(entry: TarEntry, target: string): Promise<void> {
    if (entry.type === 'device' || entry.type === 'fifo') {
      this.#unpacked.skipped++
      return
    }
    const source = entry.type === 'hard-link' ? this.#linkSource(entry) : ''
    const keep = entry.type === 'directory' && lstatSync(target, { throwIfNoEntry: false })?.isDirectory() === true
    if (source === target) return
    if (!keep && lstatSync(target, { throwIfNoEntry: false }) !== undefined) {
      rmSync(target, { recursive: true, force: true })
      this.#directories.clear()
    }
    this.#remember(target)
    if (entry.type === 'hard-link') linkSync(source, target)
    else if (entry.type === 'link') symlinkSync(entry.linkPath, target)
    else if (entry.type === 'file') await writeContent(entry, target)
    else if (!keep) mkdirSync(target)
    if (entry.type !== 'hard-link') setOwner(entry, target)
    if (entry.type === 'directory') this.#modes.set(target, entry.mode)
  }

  /** A hard link may name a regular file of this image only. */
  #linkSource({ linkPath }: TarEntry): string {
    const found = resolveInRoot(this.#root, safePath(linkPath), false)
    if (found?.kind !== 'file') throw invalid(`a hard link leads to ${linkPath}, which is no file of it`)
    return found.path
  }
}

async function writeContent(entry: TarEntry, target: string): Promise<void> {
  // O_EXCL and O_NOFOLLOW: the place was just cleared, and nobody puts a link there behind our back.
  const fd = openSync(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    for await (const chunk of entry.body) writeAll(fd, chunk)
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOSPC') throw cause
    throw new FairleadError('DISK_FULL', `Cannot unpack ${entry.path}: no space left on the device`, { cause })
  } finally {
    closeSync(fd)
  }
}

function writeAll(fd: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at)
}

/** Before the mode: changing the owner takes set-user-id bits away. */
function setOwner({ type, uid, gid, mode }: TarEntry, target: string): void {
  lchownSync(target, uid, gid)
  if (type === 'file') chmodSync(target, mode)
}

/** The path without leading slash, `.` and empty parts. */
function safePath(path: string): string {
  if (path.includes('\0')) throw invalid('it has a path with a zero byte')
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw invalid(`its path ${JSON.stringify(path.slice(0, 200))} leads out of the image`)
  return parts.join('/')
}

function invalid(why: string): FairleadError {
  return new FairleadError('IMAGE_INVALID', `Cannot unpack the archive: ${why}`)
}
