import { createInflate, type Inflate } from 'node:zlib'
import { FairleadError } from '../../../base/error.ts'
import { SPDY_DICTIONARY } from './dictionary.ts'

/** Names in lower case, without order. */
export type SpdyHeaders = ReadonlyMap<string, string>

const LONGEST_BLOCK = 64 * 1024
const INFLATE = { dictionary: SPDY_DICTIONARY, highWaterMark: LONGEST_BLOCK }
/** zlib's own header: no dictionary, no compression. */
const ZLIB_HEADER = Buffer.from([0x78, 0x01])
/** An empty stored block: readers hand out what they have when they come to it. */
const SYNC_MARK = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff])

/** Reads the header blocks of one direction of a session, in order: each is compressed against all before it. */
export class HeaderReader implements Disposable {
  readonly #inflate: Inflate = createInflate(INFLATE)

  /** @throws FairleadError `INVALID_INPUT` for what is no header block. */
  async read(block: Buffer): Promise<SpdyHeaders> {
    const parts: Buffer[] = []
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error) => {
        reject(new FairleadError('INVALID_INPUT', `Cannot read SPDY headers: ${cause.message}`, { cause }))
      }
      // What is longer would wait to be read before the rest is looked at.
      const onReadable = () => {
        if (this.#inflate.readableLength < LONGEST_BLOCK) return
        reject(new FairleadError('INVALID_INPUT', `Cannot read SPDY headers of more than ${LONGEST_BLOCK} bytes`))
      }
      this.#inflate.once('error', onError)
      this.#inflate.on('readable', onReadable)
      this.#inflate.write(block, () => {
        this.#inflate.off('error', onError)
        this.#inflate.off('readable', onReadable)
        resolve()
      })
    })
    for (let part: Buffer | null = this.#inflate.read(); part !== null; part = this.#inflate.read()) parts.push(part)
    return decodeHeaders(Buffer.concat(parts))
  }

  [Symbol.dispose](): void {
    this.#inflate.close()
  }
}

/**
 * Writes header blocks of one direction. They are stored, not compressed: that is a valid zlib stream too, needs no state,
 * and a session has a handful of them.
 */
export class HeaderWriter {
  #first = true

  write(headers: SpdyHeaders): Buffer {
    const plain = encodeHeaders(headers)
    const stored = Buffer.alloc(5)
    stored.writeUInt16LE(plain.length, 1)
    stored.writeUInt16LE(0xffff - plain.length, 3)
    const parts = [...(this.#first ? [ZLIB_HEADER] : []), stored, plain, SYNC_MARK]
    this.#first = false
    return Buffer.concat(parts)
  }
}

export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const texts = [...headers].flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value)])
  return Buffer.concat([uint32(headers.size), ...texts.flatMap((text) => [uint32(text.length), text])])
}

export function decodeHeaders(bytes: Buffer): Map<string, string> {
  let at = 0
  const number = () => {
    if (at + 4 > bytes.length) throw cutOff(bytes)
    at += 4
    return bytes.readUInt32BE(at - 4)
  }
  const text = () => {
    const length = number()
    if (length > bytes.length - at) throw cutOff(bytes)
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  const headers = new Map<string, string>()
  for (let left = number(); left > 0; left--) headers.set(text().toLowerCase(), text())
  return headers
}

function cutOff(bytes: Buffer): FairleadError {
  return new FairleadError('INVALID_INPUT', `Cannot read SPDY headers: ${bytes.length} bytes are not all of them`)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
