import { PassThrough, type Readable, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { TerminalSize } from '../../linux/pty.ts'
import { type CommandStatus, type CommandStreams, parseTerminalSize, type WantedStreams } from './command-streams.ts'

/**
 * Newest first. Version 5 can end the input; those before version 4, and clients that name none, are told of failures by a
 * text, and of success by nothing. Source: kubelet pkg/cri/streaming/remotecommand/websocket.go
 */
export const CHANNEL_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
] as const

/** The first byte of each message says what it belongs to (KEP-4006, k8s.io/apimachinery/pkg/util/remotecommand). */
const DIGIT_ZERO = 0x30
const Channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** A command's streams as channels of one WebSocket. */
export class WebSocketStreams implements CommandStreams {
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  readonly #socket: WebSocket
  /** Messages are a digit and base64. */
  readonly #isText: boolean
  /** The end is told by a Status. */
  readonly #hasStatus: boolean
  readonly #gone = new AbortController()
  readonly #input: PassThrough | undefined
  #onResize: (size: TerminalSize) => void = () => {}
  /** The last size that came before anybody asked. */
  #size: TerminalSize | undefined

  constructor(socket: WebSocket, { wanted, protocol }: { readonly wanted: WantedStreams; readonly protocol: string }) {
    this.#socket = socket
    this.#isText = protocol.includes('base64')
    this.#hasStatus = /^v\d/.test(protocol)
    this.#input = wanted.stdin ? new PassThrough() : undefined
    this.stdin = this.#input
    this.stdout = wanted.stdout ? this.#channel(Channel.stdout) : undefined
    this.stderr = wanted.stderr ? this.#channel(Channel.stderr) : undefined
    socket.on('message', (data: Buffer) => this.#receive(data))
    // The end follows it and tells all that is to be known.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#input?.end()
      this.#gone.abort()
    })
    // As upstream: an empty message shows that the connection stands.
    const first = wanted.stdout ? Channel.stdout : wanted.stderr ? Channel.stderr : Channel.error
    this.#send(first, Buffer.alloc(0))
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#onResize = listener
    if (this.#size !== undefined) listener(this.#size)
  }

  finish(status: CommandStatus): void {
    const text = this.#hasStatus ? JSON.stringify(status) : status.message
    if (text !== undefined) this.#send(Channel.error, Buffer.from(text))
    this.#socket.close(1000)
  }

  #receive(data: Buffer): void {
    const payload = this.#isText ? Buffer.from(data.toString('latin1', 1), 'base64') : data.subarray(1)
    switch (this.#isText ? (data[0] ?? 0) - DIGIT_ZERO : data[0]) {
      case Channel.stdin:
        this.#takeInput(payload)
        break
      case Channel.resize:
        this.#resize(payload)
        break
      case Channel.close:
        if (payload[0] === Channel.stdin) this.#input?.end()
        break
      default:
      // Clients send nothing else that means anything.
    }
  }

  /** Sends what is written as messages of one channel; done when the kernel has taken them. */
  #channel(number: number): Writable {
    return new Writable({ write: (chunk: Buffer, _encoding, done) => this.#send(number, chunk, done) })
  }

  #send(number: number, bytes: Buffer, done: (error?: Error) => void = () => {}): void {
    const message = this.#isText ? `${number}${bytes.toString('base64')}` : Buffer.concat([Buffer.of(number), bytes])
    this.#socket.send(message, (error) => done(error))
  }

  #takeInput(bytes: Buffer): void {
    const input = this.#input
    if (input === undefined || input.writableEnded || input.write(bytes)) return
    this.#socket.pause()
    input.once('drain', () => this.#socket.resume())
  }

  #resize(payload: Buffer): void {
    const size = parseTerminalSize(payload.toString())
    if (size === undefined) return
    this.#size = size
    this.#onResize(size)
  }
}
