import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Duplex, PassThrough, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { constants, createDeflate, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { SPDY_DICTIONARY } from './dictionary.ts'
import { controlFrame, dataFrame, FrameType, readFrames } from './frame.ts'
import { decodeHeaders, encodeHeaders, HeaderReader, HeaderWriter } from './header-block.ts'
import { SpdySession, type SpdyStream } from './session.ts'

const hex = (bytes: Buffer) => bytes.toString('hex')
const DATA_STREAM = new Map([
  ['streamtype', 'data'],
  ['port', '80'],
  ['requestid', '0'],
])
/** What zlib makes of `DATA_STREAM` with the dictionary, as every client sends it first. */
const GOLDEN_BLOCK = '78bbe3c6a7c202253a703a2b294a4dcc452a4a1221a572112805335918303030701641e2301394b6190d00000000ffff'

/** Compresses as clients do: one stream, flushed after each block. */
function compressor(): (plain: Buffer) => Promise<Buffer> {
  const deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  return async (plain) => {
    deflate.write(plain)
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
    return deflate.read() as Buffer
  }
}

describe('headers', () => {
  test('the dictionary is the one whose checksum is in every first block', () => {
    assert.equal(SPDY_DICTIONARY.length, 1423)
    // FDICT is set, and the Adler-32 of the dictionary follows.
    assert.equal(GOLDEN_BLOCK.slice(4, 12), 'e3c6a7c2')
  })
  test('golden bytes', async () => {
    using reader = new HeaderReader()
    assert.deepEqual(await reader.read(Buffer.from(GOLDEN_BLOCK, 'hex')), DATA_STREAM)
    assert.equal(hex(encodeHeaders(new Map([['a', 'bc']]))), '00000001' + '0000000161' + '000000026263')
    const writer = new HeaderWriter()
    assert.equal(hex(writer.write(new Map())), '7801' + '000400fbff' + '00000000' + '000000ffff')
    assert.equal(hex(writer.write(new Map())), '000400fbff' + '00000000' + '000000ffff')
  })
  test('any headers come through, block after block', async () => {
    const headers = fc.dictionary(
      fc.string().map((name) => name.toLowerCase()),
      fc.string({ unit: 'grapheme' }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(headers, { maxLength: 5 }), async (blocks) => {
        const compress = compressor()
        const writer = new HeaderWriter()
        using reader = new HeaderReader()
        using back = new HeaderReader()
        for (const block of blocks) {
          const map = new Map(Object.entries(block))
          if ([...map.keys()].some((name) => name !== name.toLowerCase())) return
          assert.deepEqual(await reader.read(await compress(encodeHeaders(map))), map)
          assert.deepEqual(await back.read(writer.write(map)), map)
        }
      }),
      { numRuns: 50 },
    )
  })
  test('what is cut off, no zlib, or a bomb is refused', async () => {
    const whole = encodeHeaders(DATA_STREAM)
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => decodeHeaders(whole.subarray(0, length)), { code: 'INVALID_INPUT' }, String(length))
    }
    using reader = new HeaderReader()
    await assert.rejects(reader.read(Buffer.from('nonsense')), { code: 'INVALID_INPUT' })
    using bombed = new HeaderReader()
    const bomb = await compressor()(encodeHeaders(new Map([['a', 'x'.repeat(1_000_000)]])))
    await assert.rejects(bombed.read(bomb), { code: 'INVALID_INPUT' })
  })
})

describe('frames', () => {
  test('golden bytes', () => {
    assert.equal(hex(dataFrame(5, Buffer.from('hi'), true)), '00000005' + '01000002' + '6869')
    assert.equal(hex(controlFrame(FrameType.ping, Buffer.of(0, 0, 0, 1))), '80030006' + '00000004' + '00000001')
  })
  test('frames are the same however they are cut', async () => {
    const bytes = Buffer.concat([
      dataFrame(1, Buffer.from('one'), false),
      controlFrame(FrameType.synStream, Buffer.alloc(12, 7), 1),
      dataFrame(3, Buffer.alloc(0), true),
    ])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
        const source = async function* () {
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1
            yield bytes.subarray(at, at + size)
            at += size
          }
        }
        const seen: string[] = []
        for await (const frame of readFrames(source())) {
          const fin = frame.kind === 'data' ? frame.fin : frame.flags === 1
          seen.push(`${frame.kind === 'data' ? frame.stream : `type ${frame.type}`} ${fin} ${frame.payload.length}`)
        }
        assert.deepEqual(seen, ['1 false 3', 'type 1 true 12', '3 true 0'])
      }),
    )
  })
  test('another version and a frame that is too long are refused', async () => {
    const read = async (text: string) => {
      for await (const _ of readFrames(PassThrough.from([Buffer.from(text, 'hex')]))) return
    }
    await assert.rejects(read('80020006' + '00000000'), { code: 'INVALID_INPUT' })
    await assert.rejects(read('00000001' + '00ffffff'), { code: 'INVALID_INPUT' })
  })
})

/** A client's end of a session, by hand. */
function client() {
  const toServer = new PassThrough()
  const toClient = new PassThrough()
  // To stop reading frames ends what carries them.
  toClient.on('error', () => {})
  const connection = { [Symbol.asyncIterator]: () => toServer[Symbol.asyncIterator](), destroyed: false }
  const duplex = Object.assign(connection, {
    write: (chunk: Buffer, done: () => void) => toClient.write(chunk, done),
    end: () => toClient.end(),
  })
  const compress = compressor()
  return {
    session: new SpdySession(duplex as unknown as Duplex),
    toServer,
    frames: readFrames(toClient),
    async open(id: number, headers: ReadonlyMap<string, string>) {
      const ids = Buffer.alloc(10)
      ids.writeUInt32BE(id)
      toServer.write(controlFrame(FrameType.synStream, Buffer.concat([ids, await compress(encodeHeaders(headers))])))
    },
  }
}

describe('a session', () => {
  test('a stream is answered, read to its end, and written', async () => {
    const { session, toServer, frames, open } = client()
    let arrived: (stream: SpdyStream) => void = () => {}
    const first = new Promise<SpdyStream>((resolve) => {
      arrived = resolve
    })
    const running = session.run((stream) => arrived(stream))
    await open(1, DATA_STREAM)
    toServer.write(dataFrame(1, Buffer.from('ab'), false))
    toServer.write(dataFrame(1, Buffer.from('c'), true))
    toServer.write(controlFrame(FrameType.ping, Buffer.of(0, 0, 0, 9)))
    const stream = await first
    assert.deepEqual(stream.headers, DATA_STREAM)
    assert.equal(await text(stream.iterator({ destroyOnReturn: false }) as unknown as Readable), 'abc')
    stream.end('answer')
    await once(stream, 'finish')
    const seen: string[] = []
    for await (const frame of frames) {
      seen.push(frame.kind === 'data' ? `${frame.payload}${frame.fin ? '.' : ''}` : `type ${frame.type}`)
      if (frame.kind === 'control' && frame.type === FrameType.synReply) {
        assert.deepEqual(
          inflateSync(frame.payload.subarray(4), { finishFlush: constants.Z_SYNC_FLUSH }),
          Buffer.alloc(4),
        )
      }
      if (seen.at(-1) === '.') break
    }
    assert.deepEqual(seen, [`type ${FrameType.synReply}`, `type ${FrameType.ping}`, 'answer', '.'])
    toServer.end()
    await running
  })
  test('its end is the end of its streams', async () => {
    const { session, toServer, open } = client()
    let arrived: (stream: SpdyStream) => void = () => {}
    const first = new Promise<SpdyStream>((resolve) => {
      arrived = resolve
    })
    const running = session.run((stream) => arrived(stream))
    await open(1, DATA_STREAM)
    const stream = await first
    toServer.write(controlFrame(FrameType.goAway, Buffer.alloc(8)))
    await running
    assert.ok(stream.destroyed)
  })
})
