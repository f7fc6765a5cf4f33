import { type FileHandle, open } from 'node:fs/promises'
import type { LogKeeper } from './log-keeper.ts'
import { logBegin, offsetSince, timeAt } from './log-times.ts'

/** Which part of a log is wanted, and how; as core/v1 PodLogOptions. */
export interface LogSelection {
  /** Goes on until the program ends. */
  readonly follow: boolean
  /** Each line begins with its time. */
  readonly timestamps: boolean
  /** So many lines at the end; all when left out. */
  readonly tailLines?: number
  /** What stands at this offset in bytes and later. */
  readonly from?: number
  /** Lines of this time (milliseconds since the epoch) and later. */
  readonly since?: number
  /** At most so many bytes. */
  readonly limitBytes?: number
}

export interface LogSource {
  readonly path: string
  readonly keeper: LogKeeper
  /** Aborts when nobody wants more. */
  readonly signal: AbortSignal
}

const CHUNK = 64 * 1024
const LINE_FEED = 10

/** Reads a container's log as `kubectl logs` wants it. */
export async function* readLog(source: LogSource, selection: LogSelection): AsyncGenerator<Buffer, void, void> {
  await using file = closing(await open(source.path, 'r'))
  let left = selection.limitBytes ?? Number.POSITIVE_INFINITY
  for await (const chunk of shapedLog(source, selection, file.handle)) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left)
      return
    }
    left -= chunk.length
    yield chunk
  }
}

async function* shapedLog(source: LogSource, selection: LogSelection, file: FileHandle): AsyncGenerator<Buffer> {
  const stamps = selection.timestamps ? new LineStamps(source) : undefined
  for await (const { offset, bytes } of rawLog(source, selection, file)) {
    if (stamps === undefined) yield bytes
    else yield* stamps.stamped(bytes, offset)
  }
}

interface Piece {
  readonly offset: number
  readonly bytes: Buffer
}

async function* rawLog(source: LogSource, selection: LogSelection, file: FileHandle): AsyncGenerator<Piece> {
  const { keeper, path, signal } = source
  let position = await firstOffset(source, selection, file)
  const growth = new Growth(source)
  try {
    while (!signal.aborted) {
      // Asked before reading: what is written after the answer is read in the next round.
      const live = selection.follow && keeper.isLive(path)
      growth.forget()
      const bytes = await readAt(file, position, CHUNK)
      const begin = logBegin(keeper.marks(path))
      if (position < begin) {
        // The beginning was given up while this reader was behind.
        position = await lineStart(file, begin)
        continue
      }
      if (bytes.length > 0) {
        yield { offset: position, bytes }
        position += bytes.length
      } else if (live) await growth.next()
      else return
    }
  } finally {
    growth.stop()
  }
}

/** Tells when a log has grown since it was last asked. */
class Growth {
  readonly stop: () => void
  #grown = false
  #wake = () => {}

  constructor({ keeper, path, signal }: LogSource) {
    const changed = () => {
      this.#grown = true
      this.#wake()
    }
    const stopFollowing = keeper.follow(path, changed)
    signal.addEventListener('abort', changed, { once: true })
    this.stop = () => {
      stopFollowing()
      signal.removeEventListener('abort', changed)
    }
  }

  forget(): void {
    this.#grown = false
  }

  async next(): Promise<void> {
    if (this.#grown) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }
}

async function firstOffset(source: LogSource, selection: LogSelection, file: FileHandle): Promise<number> {
  const marks = source.keeper.marks(source.path)
  const begin = await lineStart(file, logBegin(marks))
  const { tailLines, since, from = begin } = selection
  const bySince = since === undefined ? begin : await lineStart(file, offsetSince(marks, since))
  const byTail = tailLines === undefined ? begin : await tailOffset(file, tailLines, begin)
  return Math.max(begin, bySince, byTail, from)
}

/** The first offset at or after this one that begins a line. */
async function lineStart(file: FileHandle, offset: number): Promise<number> {
  if (offset === 0) return 0
  for (let at = offset - 1; ; ) {
    const bytes = await readAt(file, at, CHUNK)
    const found = bytes.indexOf(LINE_FEED)
    if (found >= 0) return at + found + 1
    at += bytes.length
    if (bytes.length === 0) return at
  }
}

/** Where the last lines begin; a last line without its line feed counts as one. */
async function tailOffset(file: FileHandle, lines: number, begin: number): Promise<number> {
  const { size } = await file.stat()
  if (lines <= 0) return size
  let missing = lines
  // The line feed at the very end ends the last line and begins none.
  let end = size - 1
  while (end > begin) {
    const from = Math.max(begin, end - CHUNK)
    const bytes = await readAt(file, from, end - from)
    for (let at = bytes.lastIndexOf(LINE_FEED); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(LINE_FEED, at - 1)) {
      if (--missing === 0) return from + at + 1
    }
    end = from
  }
  return begin
}

/** Puts its time before each line; a long line may come in pieces. */
class LineStamps {
  readonly #source: LogSource
  #atStart = true

  constructor(source: LogSource) {
    this.#source = source
  }

  *stamped(bytes: Buffer, offset: number): Generator<Buffer> {
    const marks = this.#source.keeper.marks(this.#source.path)
    const parts: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      if (this.#atStart) parts.push(Buffer.from(`${formatLogTime(timeAt(marks, offset + at) ?? 0)} `))
      const feed = bytes.indexOf(LINE_FEED, at)
      const end = feed < 0 ? bytes.length : feed + 1
      parts.push(bytes.subarray(at, end))
      this.#atStart = feed >= 0
      at = end
    }
    yield Buffer.concat(parts)
  }
}

/** RFC 3339 with nanoseconds, of which only milliseconds are known. */
export function formatLogTime(time: number): string {
  return new Date(time).toISOString().replace('Z', '000000Z')
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

function closing(handle: FileHandle): AsyncDisposable & { readonly handle: FileHandle } {
  return { handle, [Symbol.asyncDispose]: () => handle.close() }
}
