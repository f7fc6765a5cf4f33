/** Pseudo-terminals. Source: ioctl_tty(2), pts(4). */
import { close, ioctl, O_CLOEXEC, O_NOCTTY, O_RDWR, open } from './libc.ts'

const TCGETS = 0x5401
const TCSETS = 0x5402
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
    // A child that had it open by accident would keep the terminal from ever ending.
    return { master, slave: ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC, '/dev/ptmx') }
  } catch (error) {
    close(master)
    throw error
  }
}

/** struct termios begins with four words of flags: input, output, control, local. */
const TERMIOS_SIZE = 60
const INPUT_FLAGS = 0
const OUTPUT_FLAGS = 4
const LOCAL_FLAGS = 12
const OPOST = 1
/** ISIG, ICANON, ECHO, ECHONL, IEXTEN. */
const COOKED = 0x1 | 0x2 | 0x8 | 0x40 | 0x8000
/** IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON. */
const TRANSLATED = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x400

/** Lets a terminal carry bytes as they are: no echo, no signals, nothing translated (cfmakeraw(3)). */
export function makeRaw(fd: number): void {
  const settings = Buffer.alloc(TERMIOS_SIZE)
  ioctl(fd, TCGETS, settings, 'a terminal')
  const clear = (at: number, flags: number) => settings.writeUInt32LE((settings.readUInt32LE(at) & ~flags) >>> 0, at)
  clear(INPUT_FLAGS, TRANSLATED)
  clear(OUTPUT_FLAGS, OPOST)
  clear(LOCAL_FLAGS, COOKED)
  ioctl(fd, TCSETS, settings, 'a terminal')
}

/** Sets the size that programs on the terminal see; they are told only if it is their controlling terminal. */
export function setTerminalSize(fd: number, { columns, rows }: TerminalSize): void {
  const size = Buffer.alloc(8)
  size.writeUInt16LE(rows, 0)
  size.writeUInt16LE(columns, 2)
  ioctl(fd, TIOCSWINSZ, size, 'a terminal')
}
