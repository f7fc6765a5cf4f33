import { pipeline } from 'node:stream/promises'
import type { ExecEnd, ExecProcess } from '../runtime/exec-process.ts'
import { type CommandStatus, type CommandStreams, exitStatus, failureStatus } from './command-streams.ts'

/** Joins a command with its client until the command ends; a client that goes takes the command with it. */
export async function serveExec(process: ExecProcess, streams: CommandStreams): Promise<void> {
  const kill = () => process.kill()
  streams.gone.addEventListener('abort', kill, { once: true })
  if (streams.gone.aborted) kill()
  streams.onResize((size) => process.resize(size))
  streams.stdin?.pipe(process.stdin)
  const outputs = [
    [process.stdout, streams.stdout],
    [process.stderr, streams.stderr],
  ] as const
  // What cannot be sent has nobody who waits for it.
  const sent = Promise.allSettled(
    outputs.map(async ([from, to]) => {
      if (to === undefined) from?.resume()
      else if (from !== undefined) await pipeline(from, to)
    }),
  )
  const end = await process.ended
  await sent
  streams.gone.removeEventListener('abort', kill)
  if (!streams.gone.aborted) streams.finish(statusOf(end))
}

function statusOf(end: ExecEnd): CommandStatus {
  if (end.kind === 'exited') return exitStatus(end.exitCode)
  return failureStatus(`error executing command in container: ${end.message}`)
}
