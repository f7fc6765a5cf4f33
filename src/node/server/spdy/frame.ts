import { FairleadError } from '../../../base/error.ts'

/** Source: draft-mbelshe-httpbis-spdy-00, 2.2 and 2.6, as SPDY/3.1 has it. */
export const FrameType = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7 } as const

export const FLAG_FIN = 1
const VERSION = 3
const HEAD = 8
/** No peer sends more at once than this. */
const LONGEST_FRAME = 4 * 1024 * 1024

export type Frame =
  | { readonly kind: 'data'; readonly stream: number; readonly fin: boolean; readonly payload: Buffer }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly payload: Buffer }

export function dataFrame(stream: number, payload: Uint8Array, fin: boolean): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32BE(stream, 0)
  head.writeUInt32BE(payload.length, 4)
  head[4] = fin ? FLAG_FIN : 0
  return Buffer.concat([head, payload])
}

export function controlFrame(type: number, payload: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt16BE(0x8000 | VERSION, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt32BE(payload.length, 4)
  head[4] = flags
  return Buffer.concat([head, payload])
}

/** Cuts a stream of bytes into frames. @throws FairleadError `INVALID_INPUT` for another version or a frame too long. */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame, void, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= HEAD) {
      const end = HEAD + rest.readUIntBE(5, 3)
      if (end > LONGEST_FRAME) throw new FairleadError('INVALID_INPUT', `Cannot read a SPDY frame of ${end} bytes`)
      if (rest.length < end) break
      yield decodeFrame(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}

function decodeFrame(bytes: Buffer): Frame {
  const payload = bytes.subarray(HEAD)
  const flags = bytes.readUInt8(4)
  const first = bytes.readUInt32BE(0)
  if (first < 0x8000_0000) return { kind: 'data', stream: first, fin: (flags & FLAG_FIN) !== 0, payload }
  const version = bytes.readUInt16BE(0) & 0x7fff
  if (version !== VERSION) {
    throw new FairleadError('INVALID_INPUT', `Cannot read a frame of SPDY version ${version}: give ${VERSION}`)
  }
  return { kind: 'control', type: bytes.readUInt16BE(2), flags, payload }
}
