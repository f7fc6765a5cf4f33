import { createHash, type Hash } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { errorMessage, FairleadError, isFairleadError } from '../../base/error.ts'
import type { ImageConfig } from './image.ts'
import { isImageLayout, readImageLayout } from './image-layout.ts'
import { applyLayer, type LayerLimits, type Unpacked } from './layer.ts'

export interface UnpackedImage {
  readonly id: string
  readonly config: ImageConfig
  /** Devices and pipes that were left out. */
  readonly skipped: number
}

export interface UnpackOptions {
  /** Where the root file system is made; it must not exist. */
  readonly root: string
  /** For what is needed in between; removed at the end. */
  readonly scratch: string
  readonly limits?: LayerLimits
}

/**
 * Unpacks an image archive (`docker save`, or an OCI layout as tar or directory; compressed or not) into a root file
 * system.
 *
 * @throws FairleadError `IMAGE_INVALID` for what is none, is damaged, or tries to write elsewhere; `DISK_FULL`.
 */
export async function unpackImage(path: string, isDirectory: boolean, options: UnpackOptions): Promise<UnpackedImage> {
  try {
    if (isDirectory) return await unpackLayout(path, options)
    mkdirSync(options.scratch, { recursive: true })
    await withContent(path, undefined, (source) =>
      applyLayer(options.scratch, source, layerOptions(options, { entries: 0, bytes: 0, skipped: 0 })),
    )
    if (!isImageLayout(options.scratch)) {
      throw new FairleadError('IMAGE_INVALID', `${path} holds neither manifest.json nor oci-layout`, {
        hint: 'Give what docker save or an OCI layout has, or unpack a root file system and give its directory',
      })
    }
    return await unpackLayout(options.scratch, options)
  } catch (cause) {
    if (isFairleadError(cause)) throw cause
    throw new FairleadError('IMAGE_INVALID', `Cannot unpack ${path}: ${errorMessage(cause)}`, { cause })
  } finally {
    rmSync(options.scratch, { recursive: true, force: true })
  }
}

async function unpackLayout(directory: string, options: UnpackOptions): Promise<UnpackedImage> {
  const layout = readImageLayout(directory)
  const unpacked: Unpacked = { entries: 0, bytes: 0, skipped: 0 }
  mkdirSync(options.root, { recursive: true })
  for (const { path, diffId } of layout.layers) {
    const hash = createHash('sha256')
    await withContent(path, hash, (source) => applyLayer(options.root, source, layerOptions(options, unpacked)))
    const actual = `sha256:${hash.digest('hex')}`
    if (actual === diffId) continue
    throw new FairleadError('IMAGE_INVALID', `Cannot unpack the image: a layer has digest ${actual}; wanted ${diffId}`)
  }
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(options.root, name), { recursive: true })
  return { id: layout.id, config: layout.config, skipped: unpacked.skipped }
}

function layerOptions({ limits }: UnpackOptions, unpacked: Unpacked) {
  return limits === undefined ? { unpacked } : { unpacked, limits }
}

/** Reads a file's uncompressed content, and what the reader leaves of it too, so that the digest is of all. */
async function withContent(
  path: string,
  hash: Hash | undefined,
  read: (source: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const compression = compressionOf(path)
  if (compression === 'zstd') {
    throw new FairleadError('IMAGE_INVALID', `${path} is compressed with zstd; wanted gzip or no compression`)
  }
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash?.update(chunk)
      done(null, chunk)
    },
  })
  // A failure on the way reaches the reader as the failure of the last stage.
  const flow = pipeline(createReadStream(path), compression === 'gzip' ? createGunzip() : new PassThrough(), tap)
  flow.catch((error) => tap.destroy(error))
  try {
    await read(tap)
    // What follows the end of a tar archive is part of the digest.
    for await (const _ of tap);
  } finally {
    tap.destroy()
  }
}

export function compressionOf(path: string): 'gzip' | 'zstd' | 'none' {
  const magic = firstBytes(path, 4)
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip'
  return magic.length === 4 && magic.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none'
}

/** The beginning of a file. */
export function firstBytes(path: string, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  const fd = openSync(path, 'r')
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, length, 0))
  } finally {
    closeSync(fd)
  }
}
