import { chmodSync, closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unless } from '../../base/unless.ts'
import { ranOutOfMemory, readKernelLog } from '../../linux/kernel-log.ts'
import type { ContainerDirectory } from './container-directory.ts'
import type { BindMount, ContainerConfig } from './oci-spec.ts'
import type { ExitedState } from './runtime.ts'

/** Upstream's limits: bytes of a termination message, and of the end of a log in its place. */
const MAX_MESSAGE = 4096
const MAX_LOG_TAIL = 2048
const MAX_LOG_LINES = 80

/**
 * Writes down what the end of a run needs: its stop signal, and a file for its last words (`termination-log`), which
 * becomes a mount of the container.
 */
export function prepareRun(
  { path }: ContainerDirectory,
  { stopSignal, lastWords }: Pick<ContainerConfig, 'stopSignal' | 'lastWords'>,
): readonly BindMount[] {
  if (stopSignal !== undefined) writeFileSync(join(path, 'stop-signal'), stopSignal)
  if (lastWords === undefined) return []
  const source = join(path, 'termination-log')
  writeFileSync(source, '')
  // Whoever the container runs as may write it, whatever this process' umask says.
  chmodSync(source, 0o666)
  if (lastWords.elseFromLog) writeFileSync(join(path, 'message-from-log'), '')
  return [{ source, destination: lastWords.path, readOnly: false }]
}

export function readStopSignal({ path }: ContainerDirectory): string {
  return readHead(join(path, 'stop-signal'), 32)?.trim() || 'SIGTERM'
}

/** Adds what the program has said at its end: its termination message, or the end of its log where that was asked for. */
export function withLastWords(state: ExitedState, { path }: ContainerDirectory, logPath: string): ExitedState {
  if (state.message !== undefined) return state
  const said = readHead(join(path, 'termination-log'), MAX_MESSAGE) ?? ''
  const fromLog = said === '' && state.exitCode !== 0 && existsSync(join(path, 'message-from-log'))
  const message = fromLog ? readTail(logPath) : said
  return message === '' ? state : { ...state, message }
}

/** Says of a run that ended with a failure whether the kernel killed of it for want of memory. Its control group is gone. */
export function withMemoryFailure(state: ExitedState, { path }: ContainerDirectory): ExitedState {
  if (state.reason !== undefined || state.exitCode === 0) return state
  const [noted, bundle] = [join(path, 'out-of-memory'), join(path, 'config.json')]
  if (existsSync(noted)) return { ...state, reason: 'OOMKilled' }
  if (!existsSync(bundle)) return state
  const { linux } = JSON.parse(readFileSync(bundle, 'utf8')) as Bundle
  if (linux.resources.memory?.limit === undefined) return state
  if (!ranOutOfMemory(linux.cgroupsPath, readKernelLog())) return state
  // The kernel forgets what it has said; the next agent reads it here.
  writeFileSync(noted, '')
  return { ...state, reason: 'OOMKilled' }
}

/** What is asked of a bundle's `config.json`. */
interface Bundle {
  readonly linux: {
    readonly cgroupsPath: string
    readonly resources: { readonly memory?: { readonly limit?: number } }
  }
}

function readHead(path: string, limit: number): string | undefined {
  return readPart(path, () => ({ from: 0, length: limit }))
}

function readTail(path: string): string {
  const part = (size: number) => ({ from: Math.max(0, size - MAX_LOG_TAIL), length: MAX_LOG_TAIL })
  const text = readPart(path, part) ?? ''
  const lines = text.split('\n')
  const end = lines.at(-1) === '' ? lines.length - 1 : lines.length
  return lines.slice(Math.max(0, end - MAX_LOG_LINES)).join('\n')
}

function readPart(path: string, part: (size: number) => { from: number; length: number }): string | undefined {
  const fd = unless(['ENOENT'], () => openSync(path, 'r'))
  if (fd === undefined) return undefined
  try {
    const { from, length } = part(fstatSync(fd).size)
    const bytes = Buffer.alloc(length)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, length, from))
  } finally {
    closeSync(fd)
  }
}
