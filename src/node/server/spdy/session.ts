import { Duplex } from 'node:stream'
import { FairleadError } from '../../../base/error.ts'
import { controlFrame, dataFrame, FLAG_FIN, FrameType, readFrames } from './frame.ts'
import { HeaderReader, HeaderWriter, type SpdyHeaders } from './header-block.ts'

const REFUSED = 3
const STREAM_MASK = 0x7fff_ffff
const MOST_STREAMS = 4096

/**
 * The server's side of a SPDY/3.1 session, as far as Kubernetes' clients use it: they open streams, and do not mind
 * windows. A stream that is not read holds up the whole session.
 */
export class SpdySession {
  readonly #connection: Duplex
  readonly #headers = new HeaderWriter()
  readonly #streams = new Map<number, SpdyStream>()

  constructor(connection: Duplex) {
    this.#connection = connection
  }

  /**
   * Reads until the client ends the session or the connection fails.
   *
   * @throws FairleadError `INVALID_INPUT` for what is not SPDY.
   */
  async run(onStream: (stream: SpdyStream) => void): Promise<void> {
    using reader = new HeaderReader()
    try {
      for await (const frame of readFrames(this.#connection)) {
        if (frame.kind === 'data') await this.#streams.get(frame.stream)?.receive(frame.payload, frame.fin)
        else if (frame.type === FrameType.synStream) await this.#open(await headersOf(frame, reader), onStream)
        else if (frame.type === FrameType.rstStream) this.#reset(frame.payload)
        else if (frame.type === FrameType.ping) this.send(controlFrame(FrameType.ping, frame.payload))
        else if (frame.type === FrameType.goAway) return
      }
    } finally {
      for (const stream of this.#streams.values()) stream.destroy()
      this.#streams.clear()
    }
  }

  /** Sends a frame; calls back when the connection has taken it. */
  send(frame: Buffer, done: (error?: Error | null) => void = () => {}): void {
    if (this.#connection.destroyed) done(new FairleadError('NOT_RUNNING', 'Cannot send: the client has gone'))
    else this.#connection.write(frame, done)
  }

  /** Ends the connection when all that was sent is on its way. */
  end(): void {
    this.#connection.end()
  }

  async #open({ id, fin, headers }: OpenedStream, onStream: (stream: SpdyStream) => void): Promise<void> {
    if (this.#streams.size >= MOST_STREAMS) {
      this.send(controlFrame(FrameType.rstStream, uint32s(id, REFUSED)))
      return
    }
    const stream = new SpdyStream(this, id, headers)
    this.#streams.set(id, stream)
    stream.once('close', () => this.#streams.delete(id))
    this.send(controlFrame(FrameType.synReply, Buffer.concat([uint32s(id), this.#headers.write(new Map())])))
    onStream(stream)
    if (fin) await stream.receive(Buffer.alloc(0), true)
  }

  #reset(payload: Buffer): void {
    if (payload.length >= 4) this.#streams.get(payload.readUInt32BE(0) & STREAM_MASK)?.destroy()
  }
}

/** One stream of a session: what the client sends is read, what is written goes to the client. */
export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: SpdyHeaders
  readonly #session: SpdySession
  #wanted = () => {}

  constructor(session: SpdySession, id: number, headers: SpdyHeaders) {
    super({ allowHalfOpen: true })
    this.#session = session
    this.id = id
    this.headers = headers
    // A stream that fails is one that ends; whoever uses it sees that.
    this.on('error', () => {})
  }

  /** Takes what came from the client; resolves when there is room for more. */
  async receive(payload: Buffer, fin: boolean): Promise<void> {
    if (this.destroyed || this.readableEnded) return
    const room = payload.length === 0 || this.push(payload)
    if (fin) this.push(null)
    else if (!room) {
      await new Promise<void>((resolve) => {
        this.#wanted = resolve
      })
    }
  }

  override _read(): void {
    this.#wanted()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#session.send(dataFrame(this.id, chunk, false), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.send(dataFrame(this.id, Buffer.alloc(0), true), done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wanted()
    done(error)
  }
}

interface OpenedStream {
  readonly id: number
  readonly fin: boolean
  readonly headers: SpdyHeaders
}

async function headersOf(
  { payload, flags }: { readonly payload: Buffer; readonly flags: number },
  reader: HeaderReader,
): Promise<OpenedStream> {
  if (payload.length < 10) throw new FairleadError('INVALID_INPUT', 'Cannot open a SPDY stream: its frame is cut off')
  const headers = await reader.read(payload.subarray(10))
  return { id: payload.readUInt32BE(0) & STREAM_MASK, fin: (flags & FLAG_FIN) !== 0, headers }
}

function uint32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}
