/** Pseudo-terminals. Source: ioctl_tty(2), pts(4). */
import { close, ioctl, O_NOCTTY, O_RDWR, open } from './libc.ts'

const TIOCSPTLCK = 0x40045431
const TIOCGPTPEER = 0x5441
const TIOCSWINSZ = 0x5414

/** Both ends of a pseudo-terminal, as descriptors; their closing is the caller's. */
export interface Pty {
  /** What is written here is typed, what is read here was shown. */
  readonly master: number
  /** The terminal, for a program's standard streams. */
  readonly slave: number
}

/** In characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

export function openPty(): Pty {
  const master = open('/dev/ptmx', O_RDWR | O_NOCTTY)
  try {
    ioctl(master, TIOCSPTLCK, Buffer.alloc(4), '/dev/ptmx')
    return { master, slave: ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY, '/dev/ptmx') }
  } catch (error) {
    close(master)
    throw error
  }
}

/** Sets the size that programs on the terminal see; they are told only if it is their controlling terminal. */
export function setTerminalSize(fd: number, { columns, rows }: TerminalSize): void {
  const size = Buffer.alloc(8)
  size.writeUInt16LE(rows, 0)
  size.writeUInt16LE(columns, 2)
  ioctl(fd, TIOCSWINSZ, size, 'a terminal')
}
