import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '../../linux/pty.ts'
import { type CommandStatus, type CommandStreams, parseTerminalSize, type WantedStreams } from './command-streams.ts'
import type { SpdySession, SpdyStream } from './spdy/session.ts'

/** A command's streams as streams of a SPDY session, each named by its header `streamtype`. */
export class SpdyStreams implements CommandStreams {
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  readonly gone: AbortSignal
  readonly #session: SpdySession
  readonly #streams: ReadonlyMap<string, SpdyStream>

  constructor(session: SpdySession, streams: ReadonlyMap<string, SpdyStream>, gone: AbortSignal) {
    this.#session = session
    this.#streams = streams
    this.gone = gone
    this.stdin = streams.get('stdin')
    this.stdout = streams.get('stdout')
    this.stderr = streams.get('stderr')
  }

  onResize(listener: (size: TerminalSize) => void): void {
    const stream = this.#streams.get('resize')
    let text = ''
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      // One size a line.
      const lines = text.split('\n')
      text = lines.pop()?.slice(0, 1024) ?? ''
      for (const line of lines) {
        const size = parseTerminalSize(line)
        if (size !== undefined) listener(size)
      }
    })
  }

  finish(status: CommandStatus): void {
    for (const stream of this.#streams.values()) if (stream !== this.#streams.get('error')) stream.end()
    const end = () => this.#session.end()
    const error = this.#streams.get('error')
    if (error === undefined || status.status === 'Success') {
      error?.end(end)
      if (error === undefined) end()
    } else error.end(JSON.stringify(status), end)
  }
}

/** Resolves when the client has opened all the streams that it said it wanted; `undefined` when it went before. */
export function openedStreams(session: SpdySession, wanted: WantedStreams): Promise<SpdyStreams | undefined> {
  const missing = new Set(['error'])
  for (const name of ['stdin', 'stdout', 'stderr'] as const) if (wanted[name]) missing.add(name)
  if (wanted.tty) missing.add('resize')
  const streams = new Map<string, SpdyStream>()
  const gone = new AbortController()
  return new Promise((resolve, reject) => {
    const running = session.run((stream) => {
      const type = stream.headers.get('streamtype') ?? ''
      if (!missing.delete(type)) return
      streams.set(type, stream)
      if (missing.size === 0) resolve(new SpdyStreams(session, streams, gone.signal))
    })
    running
      .finally(() => gone.abort())
      .then(() => resolve(undefined))
      .catch(reject)
  })
}
