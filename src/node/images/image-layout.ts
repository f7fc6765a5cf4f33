import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { arch } from 'node:os'
import { FairleadError } from '../../base/error.ts'
import { EMPTY_CONFIG, type ImageConfig } from './image.ts'
import { resolveInRoot } from './root-path.ts'

/** An image as it lies in a directory: what `docker save` writes, or an OCI image layout. */
export interface ImageLayout {
  /** Digest of the configuration, which names all of the image. */
  readonly id: string
  readonly config: ImageConfig
  /** Bottom first; each with the digest of its uncompressed content. */
  readonly layers: readonly { readonly path: string; readonly diffId: string }[]
}

interface Descriptor {
  readonly digest: string
  readonly mediaType?: string
  readonly platform?: { readonly architecture?: string; readonly os?: string }
}

interface DockerManifest {
  readonly Config: string
  readonly Layers: readonly string[]
}

interface ConfigFile {
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null
    readonly Cmd?: readonly string[] | null
    readonly Env?: readonly string[] | null
    readonly WorkingDir?: string
    readonly User?: string
    readonly StopSignal?: string
  }
  readonly rootfs?: { readonly diff_ids?: readonly string[] }
}

const MAX_JSON = 16 * 1024 * 1024
const MAX_NESTING = 4

/** Whether a directory is one of the two, rather than a root file system. */
export function isImageLayout(directory: string): boolean {
  return ['oci-layout', 'manifest.json'].some((name) => resolveInRoot(directory, name)?.kind === 'file')
}

/**
 * Reads manifest and configuration. Every digest that stands for a file is verified, the layers' own by who unpacks them.
 *
 * @throws FairleadError `IMAGE_INVALID`
 */
export function readImageLayout(directory: string): ImageLayout {
  if (resolveInRoot(directory, 'manifest.json')?.kind === 'file') return readDockerSave(directory)
  const index = parse<{ manifests?: readonly Descriptor[] }>(readBytes(directory, 'index.json'), 'index.json')
  return readManifest(directory, choose(index.manifests ?? []), 0)
}

function readDockerSave(directory: string): ImageLayout {
  const manifests = parse<readonly DockerManifest[]>(readBytes(directory, 'manifest.json'), 'manifest.json')
  const [manifest] = manifests
  if (manifest === undefined || manifests.length > 1) {
    throw invalid(`the archive holds ${manifests.length} images; wanted one, as docker save IMAGE writes it`)
  }
  const bytes = readBytes(directory, manifest.Config)
  const id = `sha256:${sha256(bytes)}`
  const named = /([0-9a-f]{64})(?:\.json)?$/.exec(manifest.Config)?.[1]
  if (named !== undefined && `sha256:${named}` !== id) throw invalid(`${manifest.Config} has another digest: ${id}`)
  return imageOf(directory, { id, config: parse(bytes, manifest.Config), layers: manifest.Layers })
}

function readManifest(directory: string, descriptor: Descriptor, depth: number): ImageLayout {
  if (depth > MAX_NESTING) throw invalid('its index leads in a circle')
  const file = parse<{
    manifests?: readonly Descriptor[]
    config?: Descriptor
    layers?: readonly Descriptor[]
  }>(readBlob(directory, descriptor.digest), descriptor.digest)
  if (file.manifests !== undefined) return readManifest(directory, choose(file.manifests), depth + 1)
  if (file.config === undefined) throw invalid(`${descriptor.digest} is no image manifest`)
  const config: ConfigFile = parse(readBlob(directory, file.config.digest), file.config.digest)
  const layers = (file.layers ?? []).map(({ digest }) => blobPath(digest))
  return imageOf(directory, { id: file.config.digest, config, layers })
}

interface RawImage {
  readonly id: string
  readonly config: ConfigFile
  readonly layers: readonly string[]
}

function imageOf(directory: string, { id, config, layers }: RawImage): ImageLayout {
  const diffIds = config.rootfs?.diff_ids ?? []
  if (diffIds.length !== layers.length) {
    throw invalid(`it has ${layers.length} layers and its configuration names ${diffIds.length}`)
  }
  const { Entrypoint, Cmd, Env, WorkingDir, User, StopSignal } = config.config ?? {}
  return {
    id,
    config: {
      entrypoint: Entrypoint ?? [],
      command: Cmd ?? [],
      env: (Env ?? []).filter((line) => line.includes('=')),
      workingDirectory: WorkingDir || EMPTY_CONFIG.workingDirectory,
      user: User ?? '',
      ...(StopSignal === undefined ? {} : { stopSignal: StopSignal }),
    },
    layers: layers.map((path, i) => ({ path: filePath(directory, path), diffId: diffIds[i] ?? '' })),
  }
}

/** The manifest for this machine; the only one, when no platform is said. */
function choose(manifests: readonly Descriptor[]): Descriptor {
  const architecture = arch() === 'x64' ? 'amd64' : arch()
  const fits = manifests.filter(({ platform }) => {
    if (platform?.architecture === undefined) return true
    return platform.os === 'linux' && platform.architecture === architecture
  })
  const [first] = fits
  if (first !== undefined) return first
  throw invalid(`it has no image for linux/${architecture}`)
}

function readBlob(directory: string, digest: string): Buffer {
  const bytes = readBytes(directory, blobPath(digest))
  const actual = `sha256:${sha256(bytes)}`
  if (actual !== digest) throw invalid(`the content of ${digest} has another digest: ${actual}`)
  return bytes
}

function blobPath(digest: string): string {
  const hash = /^sha256:([0-9a-f]{64})$/.exec(String(digest))?.[1]
  if (hash === undefined) throw invalid(`"${digest}" is no sha256 digest`)
  return `blobs/sha256/${hash}`
}

function readBytes(directory: string, path: string): Buffer {
  const file = filePath(directory, path)
  const { size } = statSync(file)
  if (size > MAX_JSON) throw invalid(`${path} has ${size} bytes`)
  return readFileSync(file)
}

function filePath(directory: string, path: string): string {
  const found = resolveInRoot(directory, path)
  if (found?.kind === 'file') return found.path
  throw invalid(`${path} is missing`)
}

function parse<T>(bytes: Buffer, what: string): T {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw invalid(`${what} is no JSON`, cause)
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function invalid(why: string, cause?: unknown): FairleadError {
  return new FairleadError('IMAGE_INVALID', `Cannot read the image: ${why}`, cause === undefined ? {} : { cause })
}
