import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { ReadStream } from 'node:tty'
import type { Clock } from '../../base/clock.ts'
import { errorMessage, systemErrorCode } from '../../base/error.ts'
import { close } from '../../linux/libc.ts'
import { makeRaw, openPty, setTerminalSize, type TerminalSize } from '../../linux/pty.ts'
import { lastRuncError } from './container-directory.ts'
import { RUNC_ENVIRONMENT, type Runc } from './runc-command.ts'

/** runc starts a command within this time, or never will. */
const KILL_TRIES = 500
const KILL_RETRY_MS = 20

export interface StreamingExecOptions {
  /** The command gets a terminal, and with it one stream of output only. */
  readonly tty: boolean
  /** The command can read what is written to `stdin`; otherwise there is nothing to read. */
  readonly stdin: boolean
}

export type ExecEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'not-started'; readonly message: string }

/** A command inside a container. */
export interface ExecProcess {
  /** Its end is the end of the command's input, except on a terminal. */
  readonly stdin: Writable
  readonly stdout: Readable
  /** Left out on a terminal. */
  readonly stderr?: Readable
  /** Resolves when the command has ended and all its output is there to be read. */
  readonly ended: Promise<ExecEnd>
  resize(size: TerminalSize): void
  kill(): void
}

/** A command for `runc exec`. */
export interface ExecCommand {
  readonly runc: Runc
  readonly id: string
  /** Path that the command's own files begin with. */
  readonly files: string
  readonly command: readonly string[]
  readonly clock: Clock
}

/** Starts `runc exec`; failures are told by `ended`. */
export function startExec(command: ExecCommand, options: StreamingExecOptions): ExecProcess {
  return options.tty ? execOnTerminal(command, options) : execOnPipes(command, options)
}

function execOnPipes(command: ExecCommand, { stdin }: StreamingExecOptions): ExecProcess {
  const child = spawn(command.runc.path, runcArguments(command, []), {
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...RUNC_ENVIRONMENT },
  })
  const input = child.stdin ?? new Writable({ write: (_chunk, _encoding, done) => done() })
  // Whoever does not read its input to the end breaks the pipe, as it may.
  input.on('error', () => {})
  return {
    stdin: input,
    stdout: child.stdout ?? new PassThrough().end(),
    stderr: child.stderr ?? new PassThrough().end(),
    ended: endOf(command, child),
    resize: () => {},
    kill: () => killExec(command, child),
  }
}

/**
 * runc wants its own standard streams to be a terminal, makes another inside the container, and copies between the two;
 * it takes the size over when it is told of a change.
 */
function execOnTerminal(command: ExecCommand, { stdin }: StreamingExecOptions): ExecProcess {
  const { master, slave } = openPty()
  // Until runc has done so itself: what is typed early must not be echoed, nor what is shown early be changed.
  makeRaw(slave)
  const terminal = new ReadStream(master)
  const child = spawn(command.runc.path, runcArguments(command, ['--tty', '--env', 'TERM=xterm']), {
    stdio: [slave, slave, slave],
    env: { ...process.env, ...RUNC_ENVIRONMENT },
  })
  close(slave)
  const shown = terminal.pipe(new PassThrough())
  // An error (EIO) is the kernel's way to say that nobody has the terminal open any more.
  terminal.on('error', () => terminal.destroy())
  const closed = new Promise<void>((resolve) => {
    terminal.once('close', () => {
      shown.end()
      resolve()
    })
  })
  return {
    stdin: stdin ? typing(terminal) : new Writable({ write: (_chunk, _encoding, done) => done() }),
    stdout: shown,
    ended: endOf(command, child, closed),
    resize(size) {
      if (terminal.destroyed) return
      setTerminalSize(master, size)
      child.kill('SIGWINCH')
    },
    kill: () => killExec(command, child),
  }
}

/** The input of a terminal; that nothing more is typed does not end what is shown. */
function typing(terminal: ReadStream): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      if (terminal.destroyed) done()
      else terminal.write(chunk, () => done())
    },
  })
}

function runcArguments({ runc, id, files, command }: ExecCommand, options: readonly string[]): string[] {
  const log = ['--log', `${files}.log`, '--log-format', 'json']
  return ['--root', runc.root, ...log, 'exec', '--pid-file', `${files}.pid`, ...options, id, ...command]
}

function endOf(command: ExecCommand, child: ChildProcess, shown = Promise.resolve()): Promise<ExecEnd> {
  const { files, runc } = command
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve({ kind: 'not-started', message: `cannot start ${runc.path}: ${errorMessage(error)}` })
    })
    child.on('close', async (code) => {
      await shown
      // runc writes the number once the command runs.
      const ran = existsSync(`${files}.pid`)
      const log = existsSync(`${files}.log`) ? readFileSync(`${files}.log`, 'utf8') : ''
      for (const suffix of ['pid', 'log']) rmSync(`${files}.${suffix}`, { force: true })
      if (ran) resolve({ kind: 'exited', exitCode: code ?? 137 })
      else resolve({ kind: 'not-started', message: lastRuncError(log) })
    })
  })
}

/**
 * Kills the command, not runc, without which nobody would. A command that has begun may even have written something
 * before runc writes down its number, so that is waited for.
 */
function killExec(
  { files, clock }: Pick<ExecCommand, 'files' | 'clock'>,
  child: ChildProcess,
  tries = KILL_TRIES,
): void {
  if (child.exitCode !== null || child.signalCode !== null || killByFile(`${files}.pid`)) return
  if (tries === 0) child.kill('SIGKILL')
  else clock.after(KILL_RETRY_MS, () => killExec({ files, clock }, child, tries - 1))
}

/** Kills the process whose number a file has; false when there is no such file. */
export function killByFile(pidFile: string): boolean {
  if (!existsSync(pidFile)) return false
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return true
    throw error
  }
}
