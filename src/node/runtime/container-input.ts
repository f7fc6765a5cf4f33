import { closeSync, existsSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { systemErrorCode } from '../../base/error.ts'
import { close, isErrno, O_NOCTTY, O_NONBLOCK, O_RDWR, open } from '../../linux/libc.ts'
import { killProcess } from '../../linux/process.ts'
import { setTerminalSize, type TerminalSize } from '../../linux/pty.ts'
import { type ContainerDirectory, readIdentity } from './container-directory.ts'

const O_WRONLY = 1

/** What a client can do to a running container beside reading what it writes. */
export interface ContainerInput {
  /** The program's standard input; `undefined` when it has none, or has ended. Its end is not the program's. */
  open(): Writable | undefined
  /** The program sees the end of its input once nobody writes any more; a terminal has no end. */
  end(): void
  /** Sets the size of the terminal that is the program's standard input, and tells it. */
  resize(size: TerminalSize): void
  /** True for the first who asks. */
  isFirst(): boolean
}

/** The input of a container whose program has this process number. */
export function containerInput(directory: ContainerDirectory, pid: number): ContainerInput {
  return {
    open: () => openInput(directory.stdin),
    end: () => endInput(directory),
    resize: (size) => resize(pid, size),
    isFirst: () => isFirst(directory.attached),
  }
}

function openInput(path: string): Writable | undefined {
  if (!existsSync(path)) return undefined
  try {
    // A socket writes when there is room, and no thread waits for it as for a file.
    return new Socket({ fd: openSync(path, O_WRONLY | O_NONBLOCK), readable: false, writable: true })
  } catch (error) {
    // Nobody reads.
    if (systemErrorCode(error) === 'ENXIO') return undefined
    throw error
  }
}

/** Ends the process that keeps a container's input open; where there is none, nothing happens. */
export function endInput({ holder }: ContainerDirectory): void {
  const identity = readIdentity(holder)
  if (identity !== undefined) killProcess(identity, 'SIGTERM')
}

/** The kernel tells the programs on it, since it is their controlling terminal. */
function resize(pid: number, size: TerminalSize): void {
  try {
    const fd = open(`/proc/${pid}/fd/0`, O_RDWR | O_NOCTTY | O_NONBLOCK)
    try {
      setTerminalSize(fd, size)
    } finally {
      close(fd)
    }
  } catch (error) {
    // It has ended, or reads something else than its terminal.
    if (!isErrno(error, 'ENOENT', 'ESRCH', 'ENOTTY', 'ENXIO', 'EIO', 'EACCES', 'EINVAL', 'ENODEV')) throw error
  }
}

function isFirst(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(systemErrorCode(error) ?? '')) return false
    throw error
  }
}
