import { closeSync, fstatSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'

/** Takes finished lines of the audit log, without line ends. */
export interface AuditSink extends Disposable {
  write(line: string): void
}

/** When a file is put aside and another begun, and how long those are kept (kube-apiserver's `--audit-log-max…`). */
export interface AuditRotation {
  /** Megabytes (2^20 bytes). @default 100 */
  readonly maxSize?: number
  /** Files put aside; 0: any number. @default 0 */
  readonly maxBackup?: number
  /** Days; 0: for ever. @default 0 */
  readonly maxAge?: number
}

export interface AuditFileOptions extends AuditRotation {
  /** `-` is the standard output. */
  readonly path: string
  readonly log: Log
  readonly clock: Pick<Clock, 'now'>
}

const MEGABYTE = 1024 * 1024
const DAY = 24 * 60 * 60 * 1000
const DEFAULT_SIZE = 100
const STANDARD_OUTPUT = 1

/**
 * Appends lines to a file that only its owner can read. Each line is with the kernel before its request is answered, so
 * the log survives a crash of the process. A full disk costs lines, never requests; the first lost one is told.
 *
 * @throws What opening the file throws.
 */
export function openAuditFile(options: AuditFileOptions): AuditSink {
  const { path, log } = options
  if (path === '-') return { write: (line) => void writeSync(STANDARD_OUTPUT, `${line}\n`), [Symbol.dispose]: () => {} }
  const file = new RotatingFile(options)
  let failing = false
  return {
    write(line) {
      try {
        file.append(`${line}\n`)
        failing = false
      } catch (error) {
        if (!failing) log.error({ path, reason: errorMessage(error) }, 'Audit events are lost')
        failing = true
      }
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  }
}

/** A file that is put aside when it is full: `audit.log` becomes `audit-2026-01-02T03-04-05.678.log`. */
class RotatingFile implements Disposable {
  readonly #options: AuditFileOptions
  readonly #limit: number
  #fd: number
  #size: number

  constructor(options: AuditFileOptions) {
    this.#options = options
    this.#limit = (options.maxSize || DEFAULT_SIZE) * MEGABYTE
    this.#fd = openSync(options.path, 'a', 0o600)
    this.#size = fstatSync(this.#fd).size
  }

  append(text: string): void {
    const length = Buffer.byteLength(text)
    if (this.#size > 0 && this.#size + length > this.#limit) this.#rotate()
    writeSync(this.#fd, text)
    this.#size += length
  }

  #rotate(): void {
    const { path, clock } = this.#options
    const time = new Date(clock.now()).toISOString().slice(0, -1).replaceAll(':', '-')
    const extension = extname(path)
    renameSync(path, join(dirname(path), `${basename(path, extension)}-${time}${extension}`))
    closeSync(this.#fd)
    this.#fd = openSync(path, 'a', 0o600)
    this.#size = 0
    this.#clean()
  }

  /** Removes what was put aside too long ago, or is too much. */
  #clean(): void {
    const { path, maxBackup = 0, maxAge = 0, clock } = this.#options
    const newestFirst = backupsOf(path).toReversed()
    const old = newestFirst.filter(
      ({ time }, index) => (maxBackup > 0 && index >= maxBackup) || (maxAge > 0 && clock.now() - time > maxAge * DAY),
    )
    for (const { name } of old) rmSync(join(dirname(path), name), { force: true })
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

/** Files that were put aside, the oldest first. */
function backupsOf(path: string): readonly { readonly name: string; readonly time: number }[] {
  const extension = extname(path)
  const start = `${basename(path, extension)}-`
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(start) && name.endsWith(extension))
    .flatMap((name) => {
      const text = name.slice(start.length, name.length - extension.length)
      const time = Date.parse(`${text.slice(0, 11)}${text.slice(11).replaceAll('-', ':')}Z`)
      return Number.isNaN(time) ? [] : [{ name, time }]
    })
    .sort((a, b) => a.time - b.time)
}
