import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { decodeMessage, type Message } from '../wire/message.ts'

/** How a stream to an upstream is secured (RFC 7858). */
export interface UpstreamTls {
  /** Name that its certificate must have; its address without one. */
  readonly servername?: string
  /** PEM. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface UpstreamStreamOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tls?: UpstreamTls
  readonly sourceAddress?: string
  /** A connection that nothing was asked on for so long is closed. */
  readonly expireMs: number
  readonly clock: Clock
}

interface Waiting {
  readonly accepts: (message: Message) => boolean
  readonly resolve: (message: Message) => void
  readonly reject: (error: Error) => void
}

/** What is asked: framed by this class, told from others on the connection by its id. */
export interface StreamRequest {
  readonly id: number
  readonly bytes: Buffer
  /** Whether a message with that id is the answer. */
  readonly accepts: (message: Message) => boolean
}

/**
 * One connection to an upstream for many questions at a time (RFC 7766 §6.2.1), opened when first needed and again when
 * the other side has closed it.
 */
export class UpstreamStream implements Disposable {
  readonly #options: UpstreamStreamOptions
  #open: OpenStream | undefined
  #session: Buffer | undefined

  constructor(options: UpstreamStreamOptions) {
    this.#options = options
  }

  /**
   * Asks; a connection that was there before and turns out to be closed is opened once more.
   *
   * @throws FairleadError `API_UNREACHABLE`, or the system's error.
   */
  async ask(request: StreamRequest): Promise<Message> {
    const { stream, isFresh } = this.#take(request.id)
    try {
      return await stream.ask(request)
    } catch (error) {
      if (isFresh || !stream.isClosed) throw error
      return this.#take(request.id).stream.ask(request)
    }
  }

  /** Nobody waits for the answer with this id any more. */
  forget(id: number): void {
    this.#open?.forget(id)
  }

  [Symbol.dispose](): void {
    this.#open?.close()
  }

  #take(id: number): { readonly stream: OpenStream; readonly isFresh: boolean } {
    const known = this.#open
    if (known !== undefined && !known.isClosed && !known.has(id)) return { stream: known, isFresh: false }
    const stream = new OpenStream(this.#connect(), this.#options)
    // One that is still waiting for answers ends by itself.
    this.#open = stream
    return { stream, isFresh: true }
  }

  #connect(): Socket {
    const { host, port, tls, sourceAddress } = this.#options
    const from = sourceAddress === undefined ? {} : { localAddress: sourceAddress }
    if (tls === undefined) return connect({ host, port, noDelay: true, ...from })
    const session = this.#session === undefined ? {} : { session: this.#session }
    const socket = connectTls({ host, port, minVersion: 'TLSv1.2', ...tls, ...session, ...from })
    socket.setNoDelay(true)
    socket.on('session', (ticket) => {
      this.#session = ticket
    })
    return socket
  }
}

class OpenStream {
  isClosed = false
  readonly #socket: Socket
  readonly #options: UpstreamStreamOptions
  readonly #waiting = new Map<number, Waiting>()
  #received: Buffer = Buffer.alloc(0)
  #cancelExpiry = () => {}

  constructor(socket: Socket, options: UpstreamStreamOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new FairleadError('API_UNREACHABLE', `${options.name} closed the connection`)))
  }

  has(id: number): boolean {
    return this.#waiting.has(id)
  }

  ask({ id, bytes, accepts }: StreamRequest): Promise<Message> {
    this.#cancelExpiry()
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { accepts, resolve, reject })
      const framed = Buffer.alloc(2 + bytes.length)
      framed.writeUInt16BE(bytes.length)
      bytes.copy(framed, 2)
      this.#socket.write(framed)
      this.#socket.ref()
    })
  }

  forget(id: number): void {
    if (this.#waiting.delete(id) && this.#waiting.size === 0) this.#rest()
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data])
    while (this.#received.length >= 2) {
      const end = 2 + this.#received.readUInt16BE(0)
      if (this.#received.length < end) break
      this.#hear(this.#received.subarray(2, end))
      this.#received = this.#received.subarray(end)
    }
    if (this.#waiting.size === 0) this.#rest()
  }

  #hear(bytes: Buffer): void {
    const message = decodeMessage(bytes)
    const waiting = message === undefined ? undefined : this.#waiting.get(message.id)
    // The answer to a question that nobody waits for any more.
    if (message === undefined || waiting === undefined) return
    this.#waiting.delete(message.id)
    if (waiting.accepts(message)) waiting.resolve(message)
    else
      waiting.reject(new FairleadError('INVALID_INPUT', `${this.#options.name} answered something else than was asked`))
  }

  /** Kept for the next question for a while; it does not keep the process. */
  #rest(): void {
    this.#socket.unref()
    this.#cancelExpiry()
    this.#cancelExpiry = this.#options.clock.after(this.#options.expireMs, () => this.close())
  }

  #end(error: Error): void {
    this.isClosed = true
    this.#cancelExpiry()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#socket.destroy()
  }
}
