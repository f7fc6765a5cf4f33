import { statSync } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LogKeeper } from '../logs/log-keeper.ts'
import { readLog } from '../logs/log-reader.ts'
import type { ContainerInput } from '../runtime/container-input.ts'
import { type CommandStreams, SUCCESS } from './command-streams.ts'

/** A running container as a client joins it. */
export interface Attached {
  readonly log: { readonly path: string; readonly keeper: LogKeeper }
  /** `undefined` when it has ended meanwhile. */
  readonly input: ContainerInput | undefined
  /** Its input ends with the first client that wrote to it (`stdinOnce`). */
  readonly once: boolean
}

/**
 * Joins a container with a client until the container ends: shows what it writes, and writes to it what the client
 * sends. Its two outputs are one, as in its log. Who is the first at a container that was started for one client sees
 * what it wrote before.
 */
export async function serveAttach({ log, input, once }: Attached, streams: CommandStreams): Promise<void> {
  const fromStart = once && input?.isFirst() === true
  // Before anything is typed: the answer to that is to be shown.
  const from = fromStart ? 0 : statSync(log.path).size
  streams.onResize((size) => input?.resize(size))
  type(streams, input, once)
  // The end of the log is the end of the container, also for a client that does not look.
  const output = streams.stdout ?? streams.stderr ?? new Writable({ write: (_chunk, _encoding, done) => done() })
  const selection = { follow: true, timestamps: false, from }
  const written = Readable.from(readLog({ ...log, signal: streams.gone }, selection), { objectMode: false })
  try {
    await pipeline(written, output)
  } catch (error) {
    if (!streams.gone.aborted) throw error
  }
  if (!streams.gone.aborted) streams.finish(SUCCESS)
}

function type({ stdin, gone }: CommandStreams, input: ContainerInput | undefined, once: boolean): void {
  if (stdin === undefined) return
  const to = input?.open()
  if (to === undefined) {
    stdin.resume()
    return
  }
  stdin.pipe(to)
  // A program that reads no more breaks the pipe, as it may.
  to.on('error', () => stdin.resume())
  to.on('close', () => {
    if (once) input?.end()
  })
  gone.addEventListener('abort', () => to.end(), { once: true })
  if (gone.aborted) to.end()
}
