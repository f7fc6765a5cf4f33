import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { TCP_SIZE } from '../wire/codes.ts'
import { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import type { Responder } from './responder.ts'

export interface TcpServerOptions {
  readonly host: string
  readonly port: number
  readonly responder: Responder
  readonly log: Log
  /** A connection that asks nothing for so long is closed. @default 10_000 */
  readonly idleMs?: number
  /** More connections than this close the one that has been idle for longest. @default 1_000 */
  readonly maxConnections?: number
}

const DEFAULT_IDLE_MS = 10_000
const DEFAULT_CONNECTIONS = 1_000
/** Questions of one connection that wait for an answer; then it is not read on. */
const MAX_PENDING = 128
/** Unsent bytes of one connection; then it is not read on. */
const MAX_UNSENT = 4 * TCP_SIZE

/** Answers by TCP (RFC 7766): many questions on one connection, answered in the order in which answers are there. */
export class TcpServer implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  /** The one that asked last is the last. */
  readonly #connections = new Set<Connection>()
  readonly #options: TcpServerOptions

  private constructor(options: TcpServerOptions, server: Server) {
    this.#options = options
    this.#server = server
    this.port = (server.address() as { port: number }).port
    server.on('connection', (socket) => this.#accept(socket))
    server.on('error', (error) => options.log.warn({ err: error }, 'TCP listener failed'))
  }

  /** @throws FairleadError `PORT_TAKEN` */
  static async open(options: TcpServerOptions): Promise<TcpServer> {
    const { host, port } = options
    const server = createServer({ noDelay: true })
    server.listen({ host, port, ipv6Only: true, backlog: 4096 })
    try {
      await once(server, 'listening')
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
      throw new FairleadError('PORT_TAKEN', `Cannot listen on ${host}:${port}/tcp: the port is in use`, { cause })
    }
    return new TcpServer(options, server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const connection of this.#connections) connection.close()
    await closed
  }

  #accept(socket: Socket): void {
    const { responder, log, idleMs = DEFAULT_IDLE_MS, maxConnections = DEFAULT_CONNECTIONS } = this.#options
    const connection = new Connection(socket, {
      responder,
      log,
      idleMs,
      onAsked: () => {
        this.#connections.delete(connection)
        this.#connections.add(connection)
      },
    })
    this.#connections.add(connection)
    socket.once('close', () => this.#connections.delete(connection))
    if (this.#connections.size <= maxConnections) return
    const [oldest] = this.#connections
    oldest?.close()
  }
}

interface ConnectionOptions {
  readonly responder: Responder
  readonly log: Log
  readonly idleMs: number
  readonly onAsked: () => void
}

class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #asker: Asker
  readonly #question = new Question()
  #unread: Buffer = Buffer.alloc(0)
  #pending = 0

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    const { remoteAddress = '', remotePort = 0, remoteFamily } = socket
    const family = remoteFamily === 'IPv6' ? 6 : 4
    this.#asker = { address: remoteAddress, port: remotePort, protocol: 'tcp', family }
    socket.setTimeout(options.idleMs, () => socket.destroy())
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.on('drain', () => this.#readOn())
    // A peer that breaks off has lost its answers; nobody else has.
    socket.on('error', () => socket.destroy())
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data])
    this.#socket.cork()
    this.#answerAll()
    this.#socket.uncork()
  }

  #answerAll(): void {
    let at = 0
    while (this.#unread.length - at >= 2 && !this.#isFull()) {
      const length = this.#unread.readUInt16BE(at)
      if (this.#unread.length - at - 2 < length) break
      this.#answer(this.#unread, at + 2, length)
      at += 2 + length
    }
    this.#unread = this.#unread.subarray(at)
    if (this.#isFull()) this.#socket.pause()
  }

  #answer(bytes: Buffer, start: number, length: number): void {
    this.#options.onAsked()
    const state = this.#question.read(bytes, start, length)
    // Who speaks another protocol is not answered for ever.
    if (state === 'drop') {
      this.#socket.destroy()
      return
    }
    const answered = this.#options.responder.respond(state, this.#question, this.#asker, { out: RESPONSE, at: 2 })
    if (answered instanceof Promise) this.#later(answered)
    else if (answered > 0) this.#write(RESPONSE, answered)
  }

  #later(coming: Promise<Buffer>): void {
    this.#pending++
    coming
      .then((bytes) => {
        bytes.copy(RESPONSE, 2)
        this.#write(RESPONSE, bytes.length)
      })
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'Cannot send an answer'))
      .finally(() => {
        this.#pending--
        this.#readOn()
      })
  }

  /** @param framed The response from its third byte on. */
  #write(framed: Buffer, length: number): void {
    if (this.#socket.destroyed) return
    framed.writeUInt16BE(length, 0)
    this.#socket.write(Buffer.from(framed.subarray(0, length + 2)))
  }

  #isFull(): boolean {
    return this.#pending >= MAX_PENDING || this.#socket.writableLength > MAX_UNSENT
  }

  #readOn(): void {
    if (this.#socket.destroyed || !this.#socket.isPaused() || this.#isFull()) return
    this.#answerAll()
    if (!this.#isFull()) this.#socket.resume()
  }
}

/** Written and copied within one call, so that all connections share it. */
const RESPONSE = Buffer.alloc(TCP_SIZE + 64)
