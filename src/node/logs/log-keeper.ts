import { closeSync, type FSWatcher, fstatSync, openSync, renameSync, watch, writeFileSync, writeSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isErrno, punchHole } from '../../linux/libc.ts'
import { encodeMarks, type LogMark, logBegin, marksPath, readMarks } from './log-times.ts'

export interface LogKeeperOptions {
  readonly clock: Clock
  readonly log: Log
  /** Bytes of a log that are kept at least, once there are so many. @default 10 MiB */
  readonly keptBytes?: number
}

const KEPT_BYTES = 10 * 1024 * 1024
/** A log may exceed what is kept by this share before the rest is given up. */
const SLACK = 0.25
const PAGE = 4096
const MAXIMUM_MARKS = 100_000
/** Looks at a log that grows all the time at most so often; it is how exact times are then. */
const PERIOD_MS = 10

interface KeptLog {
  readonly fd: number
  readonly watcher: FSWatcher
  marks: LogMark[]
  marksFd: number
  /** A look is due. */
  cancelLook: (() => void) | undefined
  readonly followers: Set<() => void>
}

/**
 * Watches over the logs of running containers: notes when they grow, and bounds what they take of the disk. The beginning
 * of a long log is cut out as a hole, so that offsets stay what they are and nothing that is written meanwhile gets lost.
 */
export class LogKeeper implements Disposable {
  readonly #options: LogKeeperOptions
  readonly #logs = new Map<string, KeptLog>()

  constructor(options: LogKeeperOptions) {
    this.#options = options
  }

  /** Begins to watch over a log, which exists; what was written before the agent looked has the file's time. */
  keep(path: string): void {
    if (this.#logs.has(path)) return
    const fd = openSync(path, 'r+')
    const { mtimeMs, birthtimeMs } = fstatSync(fd)
    const marks = readMarks(path)
    const kept: KeptLog = {
      fd,
      watcher: watch(path, () => this.#changed(kept, path)),
      marks,
      marksFd: openSync(marksPath(path), 'a', 0o640),
      cancelLook: undefined,
      followers: new Set(),
    }
    kept.watcher.on('error', (error) => this.#options.log.warn({ err: error, path }, 'A log cannot be watched'))
    this.#logs.set(path, kept)
    if (marks.length === 0) this.#mark(kept, { offset: 0, time: Math.floor(birthtimeMs) })
    this.#look(kept, path, Math.floor(mtimeMs))
  }

  /** The program that writes a log has ended. */
  release(path: string): void {
    const kept = this.#logs.get(path)
    if (kept === undefined) return
    this.#look(kept, path, this.#options.clock.now())
    this.#close(kept)
    this.#logs.delete(path)
    for (const follower of [...kept.followers]) follower()
  }

  /** The times of a log, as exact as they are known. */
  marks(path: string): readonly LogMark[] {
    return this.#logs.get(path)?.marks ?? readMarks(path)
  }

  /** Whether a program still writes the log. */
  isLive(path: string): boolean {
    return this.#logs.has(path)
  }

  /** Calls back whenever a log has grown, and when it has ended; returns how to stop that. */
  follow(path: string, listener: () => void): () => void {
    const followers = this.#logs.get(path)?.followers
    followers?.add(listener)
    return () => followers?.delete(listener)
  }

  [Symbol.dispose](): void {
    for (const kept of this.#logs.values()) this.#close(kept)
    const followers = [...this.#logs.values()].flatMap((kept) => [...kept.followers])
    this.#logs.clear()
    for (const follower of followers) follower()
  }

  #close(kept: KeptLog): void {
    kept.cancelLook?.()
    kept.watcher.close()
    closeSync(kept.fd)
    closeSync(kept.marksFd)
  }

  #changed(kept: KeptLog, path: string): void {
    if (kept.cancelLook !== undefined || this.#logs.get(path) !== kept) return
    const { clock } = this.#options
    this.#look(kept, path, clock.now())
    kept.cancelLook = clock.after(PERIOD_MS, () => {
      kept.cancelLook = undefined
      this.#look(kept, path, clock.now())
    })
  }

  #look(kept: KeptLog, path: string, time: number): void {
    const { size } = fstatSync(kept.fd)
    if (size <= (kept.marks.at(-1)?.offset ?? 0)) return
    this.#mark(kept, { offset: size, time })
    this.#shorten(kept, path, size)
    for (const follower of [...kept.followers]) follower()
  }

  #mark(kept: KeptLog, mark: LogMark): void {
    kept.marks.push(mark)
    writeSync(kept.marksFd, encodeMarks([mark]))
  }

  #shorten(kept: KeptLog, path: string, size: number): void {
    const { keptBytes = KEPT_BYTES } = this.#options
    const tooLong = size - logBegin(kept.marks) > keptBytes * (1 + SLACK)
    if (!tooLong && kept.marks.length <= MAXIMUM_MARKS) return
    const wanted = tooLong ? size - keptBytes : (kept.marks[MAXIMUM_MARKS / 2]?.offset ?? 0)
    const begin = Math.floor(wanted / PAGE) * PAGE
    try {
      if (begin > 0) punchHole(kept.fd, 0, begin)
    } catch (error) {
      if (!isErrno(error, 'EOPNOTSUPP')) throw error
      this.#options.log.warn({ path }, 'A log cannot be shortened: its file system cannot give space back')
    }
    const later = kept.marks.filter(({ offset }) => offset > begin)
    kept.marks = [{ offset: begin, time: later[0]?.time ?? this.#options.clock.now() }, ...later]
    this.#rewriteMarks(kept, path)
  }

  #rewriteMarks(kept: KeptLog, path: string): void {
    const target = marksPath(path)
    writeFileSync(`${target}.tmp`, encodeMarks(kept.marks), { mode: 0o640 })
    renameSync(`${target}.tmp`, target)
    closeSync(kept.marksFd)
    kept.marksFd = openSync(target, 'a', 0o640)
  }
}
