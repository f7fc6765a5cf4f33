import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { unless } from '../../base/unless.ts'
import { isAlive, type ProcessIdentity, parseProcessStat } from '../../linux/process.ts'
import type { ContainerKey, ContainerState, ExitedState } from './runtime.ts'

/**
 * Where one run of a container keeps what is known of it:
 *
 * - `config.json`: the OCI bundle; `rootfs`, `upper`, `work`: its file system
 * - `shim`: the process that started runc, as `/proc/PID/stat` shows it; written first
 * - `pid`: written by runc once the container's own program runs
 * - `exit`: the exit code and a line feed; written last
 * - `runc.log`: what runc has to say
 * - `stdin`: the pipe that clients write the container's input to, where it has one; `holder`: the process that keeps its
 *   writing end open, as `/proc/PID/stat` shows it; `attached`: somebody has been there
 */
export interface ContainerDirectory {
  readonly path: string
  readonly shim: string
  readonly pid: string
  readonly exit: string
  readonly runcLog: string
  readonly stdin: string
  readonly holder: string
  readonly attached: string
}

const MISSING = ['ENOENT', 'ENOTDIR']
/** Exit code of a container that is gone and nobody saw how, as upstream writes it. */
const EXIT_UNKNOWN = 137
/** Exit code of a container that could not be started, as containerd writes it. */
const EXIT_NOT_STARTED = 128

export function containersDirectory(podsDirectory: string, podUid: string): string {
  return join(podsDirectory, podUid, 'containers')
}

export function containerDirectory(podsDirectory: string, key: ContainerKey): ContainerDirectory {
  const path = join(containersDirectory(podsDirectory, key.podUid), key.name, String(key.attempt))
  return {
    path,
    shim: join(path, 'shim'),
    pid: join(path, 'pid'),
    exit: join(path, 'exit'),
    runcLog: join(path, 'runc.log'),
    stdin: join(path, 'stdin'),
    holder: join(path, 'holder'),
    attached: join(path, 'attached'),
  }
}

/** The runs of one pod that are known, oldest first. */
export function listRuns(podsDirectory: string, podUid: string): ContainerKey[] {
  const directory = containersDirectory(podsDirectory, podUid)
  return entries(directory)
    .flatMap((name) =>
      entries(join(directory, name)).map((attempt) => ({ podUid, name, attempt: Number.parseInt(attempt, 10) })),
    )
    .sort((a, b) => a.attempt - b.attempt)
}

/** The entries of a directory; none when it is missing. */
export function entries(directory: string): string[] {
  return unless(MISSING, () => readdirSync(directory)) ?? []
}

/**
 * What has become of a run. `init` is the container's own first process as runc knows it, if it still does.
 *
 * The files tell all as long as the shim is there to write them. Without the shim (it was killed) the container may
 * live on; its end is then seen but not its exit code.
 */
export function readState(
  directory: ContainerDirectory,
  init: () => ProcessIdentity | undefined,
  now: number,
): ContainerState | undefined {
  const shim = readShim(directory)
  const exited = readExit(directory)
  if (exited !== undefined) return exited
  // The shim writes its line first of all, so without one the run was never tried, or only this instant.
  if (shim === undefined) return undefined
  const startedAt = modifiedAt(directory.pid)
  const pid = Number.parseInt(readText(directory.pid) ?? '', 10)
  if (isAlive(shim)) return startedAt === undefined ? { kind: 'starting' } : { kind: 'running', pid, startedAt }
  const orphan = init()
  if (orphan !== undefined && startedAt !== undefined && isAlive(orphan)) return { kind: 'running', pid, startedAt }
  return readExit(directory) ?? unknownEnd(startedAt, now)
}

/** The process that waits for the run; `undefined` when it has not written its line yet. */
export function readShim(directory: ContainerDirectory): ProcessIdentity | undefined {
  return readIdentity(directory.shim)
}

/** A process that has written down its own line of `/proc/PID/stat`; `undefined` when it has not yet. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  const line = readText(path)
  if (line === undefined || !line.endsWith('\n')) return undefined
  return { pid: Number.parseInt(line, 10), startTicks: parseProcessStat(line).startTicks }
}

function readExit(directory: ContainerDirectory): ExitedState | undefined {
  const text = readText(directory.exit)
  const finishedAt = modifiedAt(directory.exit)
  // Without the line feed the shim is just writing.
  if (text === undefined || finishedAt === undefined || !text.endsWith('\n')) return undefined
  const startedAt = modifiedAt(directory.pid)
  if (startedAt === undefined) {
    const message = lastRuncError(readText(directory.runcLog) ?? '')
    return { kind: 'exited', exitCode: EXIT_NOT_STARTED, finishedAt, reason: 'StartError', message }
  }
  return { kind: 'exited', exitCode: Number.parseInt(text, 10), startedAt, finishedAt }
}

function unknownEnd(startedAt: number | undefined, now: number): ExitedState {
  return {
    kind: 'exited',
    exitCode: EXIT_UNKNOWN,
    ...(startedAt === undefined ? {} : { startedAt }),
    finishedAt: now,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  }
}

/** The last error in runc's log (one JSON object per line), without the noise that surrounds it. */
export function lastRuncError(log: string): string {
  const messages = log.split('\n').flatMap((line) => {
    const message = /"level":"error".*?"msg":("(?:[^"\\]|\\.)*")/.exec(line)?.[1]
    return message === undefined ? [] : [String(JSON.parse(message))]
  })
  const last = messages.at(-1) ?? 'the container runtime gave no reason'
  return last.replace(/^runc (run|create) failed: /, '')
}

function modifiedAt(path: string): number | undefined {
  return unless(MISSING, () => statSync(path).mtimeMs)
}

function readText(path: string): string | undefined {
  return unless(MISSING, () => readFileSync(path, 'utf8'))
}
