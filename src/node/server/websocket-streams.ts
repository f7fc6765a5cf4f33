import { PassThrough, type Readable, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import type { TerminalSize } from '../../linux/pty.ts'
import { type CommandStatus, type CommandStreams, parseTerminalSize, type WantedStreams } from './command-streams.ts'

/** Newest first. Version 5 can end the input. */
export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const

/** The first byte of each message says what it belongs to (KEP-4006, k8s.io/apimachinery/pkg/util/remotecommand). */
const Channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const

/** A command's streams as channels of one WebSocket. */
export class WebSocketStreams implements CommandStreams {
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  readonly #socket: WebSocket
  readonly #gone = new AbortController()
  readonly #input: PassThrough | undefined
  #onResize: (size: TerminalSize) => void = () => {}
  /** The last size that came before anybody asked. */
  #size: TerminalSize | undefined

  constructor(socket: WebSocket, wanted: WantedStreams) {
    this.#socket = socket
    this.#input = wanted.stdin ? new PassThrough() : undefined
    this.stdin = this.#input
    this.stdout = wanted.stdout ? channel(socket, Channel.stdout) : undefined
    this.stderr = wanted.stderr ? channel(socket, Channel.stderr) : undefined
    socket.on('message', (data: Buffer) => this.#receive(data))
    // The end follows it and tells all that is to be known.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#input?.end()
      this.#gone.abort()
    })
    // As upstream: an empty message shows that the connection stands.
    const first = wanted.stdout ? Channel.stdout : wanted.stderr ? Channel.stderr : Channel.error
    socket.send(Buffer.of(first))
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#onResize = listener
    if (this.#size !== undefined) listener(this.#size)
  }

  finish(status: CommandStatus): void {
    this.#socket.send(Buffer.concat([Buffer.of(Channel.error), Buffer.from(JSON.stringify(status))]))
    this.#socket.close(1000)
  }

  #receive(data: Buffer): void {
    const payload = data.subarray(1)
    switch (data[0]) {
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

/** Sends what is written as messages of one channel; done when the kernel has taken them. */
function channel(socket: WebSocket, number: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      socket.send(Buffer.concat([Buffer.of(number), chunk]), (error) => done(error))
    },
  })
}
