import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LogKeeper } from '../logs/log-keeper.ts'
import { readLog } from '../logs/log-reader.ts'
import { type CommandStreams, SUCCESS } from './command-streams.ts'

/** Shows what a container writes from now on, until it ends. Its two outputs are one, as in its log. */
export async function serveAttach(log: { path: string; keeper: LogKeeper }, streams: CommandStreams): Promise<void> {
  streams.stdin?.resume()
  const output = streams.stdout ?? streams.stderr
  if (output !== undefined) {
    const selection = { follow: true, timestamps: false, tailLines: 0 }
    const written = Readable.from(readLog({ ...log, signal: streams.gone }, selection), { objectMode: false })
    try {
      await pipeline(written, output)
    } catch (error) {
      if (!streams.gone.aborted) throw error
    }
  }
  if (!streams.gone.aborted) streams.finish(SUCCESS)
}
