import { FairleadError } from '../../base/error.ts'
import {
  applyPax,
  BLOCK,
  entryType,
  type PaxRecords,
  parsePax,
  parseTarHeader,
  type TarEntryType,
  type TarHeader,
} from './tar-header.ts'

/** A file of an archive. */
export interface TarEntry {
  readonly type: TarEntryType
  /** As it stands in the archive: it may be anything. */
  readonly path: string
  readonly linkPath: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** The content; what is not read of it is skipped. */
  readonly body: AsyncIterable<Buffer>
}

/** A PAX header or a long name that is larger than this is an attack. */
const MAX_EXTENSION = 1024 * 1024
const LARGEST_FILE = 2 ** 43

/**
 * Reads a tar archive (ustar, PAX, GNU long names) from a stream, entry by entry. Why our own: archives of strangers are
 * read, and the whole of what may happen is to be seen here.
 *
 * @throws FairleadError `IMAGE_INVALID` for what is no archive, or is cut off.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, undefined> {
  const bytes = new ByteReader(source)
  let extensions = new Map<string, string>()
  for (;;) {
    const block = await bytes.read(BLOCK)
    if (block.length === 0) return
    const header = parseTarHeader(block)
    if (header === undefined) return
    const extension = await readExtension(header, bytes)
    if (extension !== undefined) {
      // Global headers (g) count for all that follows; archives of images use them for comments only.
      if (header.flag !== 'g') extensions = new Map([...extensions, ...extension])
      continue
    }
    const whole = applyPax(header, extensions)
    extensions = new Map()
    checkSize(whole)
    const type = entryType(whole.flag, whole.path)
    const size = type === 'file' ? whole.size : 0
    const body = bytes.body(type === undefined || type === 'file' ? whole.size : 0)
    if (type !== undefined) yield { ...whole, type, size, body }
    await body.skip()
  }
}

async function readExtension(header: TarHeader, bytes: ByteReader): Promise<PaxRecords | undefined> {
  const { flag, size } = header
  if (!['x', 'g', 'L', 'K'].includes(flag)) return undefined
  if (size > MAX_EXTENSION) throw new FairleadError('IMAGE_INVALID', `The archive has a header of ${size} bytes`)
  const body = bytes.body(size)
  const data = await body.all()
  await body.skip()
  if (flag === 'x' || flag === 'g') return parsePax(data)
  const end = data.indexOf(0)
  return new Map([[flag === 'L' ? 'path' : 'linkpath', data.toString('utf8', 0, end < 0 ? data.length : end)]])
}

function checkSize({ size, path }: TarHeader): void {
  if (Number.isInteger(size) && size >= 0 && size <= LARGEST_FILE) return
  throw new FairleadError('IMAGE_INVALID', `The archive is damaged: ${path} has a size of ${size} bytes`)
}

/** Chunks of any size, read as blocks. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Exactly so many bytes, or none at the very end. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let missing = length
    while (missing > 0) {
      const part = await this.some(missing)
      if (part === undefined) break
      parts.push(part)
      missing -= part.length
    }
    if (missing > 0 && missing < length) throw cutOff()
    return Buffer.concat(parts)
  }

  /** At least one byte and at most so many; `undefined` at the end. */
  async some(length: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) return undefined
      this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength)
    }
    const part = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(part.length)
    return part
  }

  body(size: number): Body {
    return new Body(this, size)
  }
}

class Body implements AsyncIterable<Buffer> {
  readonly #bytes: ByteReader
  #left: number
  #padding: number

  constructor(bytes: ByteReader, size: number) {
    this.#bytes = bytes
    this.#left = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    while (this.#left > 0) yield await this.#next()
  }

  async all(): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this) parts.push(part)
    return Buffer.concat(parts)
  }

  /** Goes to the next header. */
  async skip(): Promise<void> {
    while (this.#left > 0) await this.#next()
    if (this.#padding > 0) await this.#bytes.read(this.#padding)
    this.#padding = 0
  }

  async #next(): Promise<Buffer> {
    const part = await this.#bytes.some(this.#left)
    if (part === undefined) throw cutOff()
    this.#left -= part.length
    return part
  }
}

function cutOff(): FairleadError {
  return new FairleadError('IMAGE_INVALID', 'The archive is cut off')
}
