import { readFileSync } from 'node:fs'
import { unless } from '../../base/unless.ts'

/**
 * When a log was how long. A program's output is stored as it comes, so the time of a line is when the agent first saw
 * the log grow past the line's first byte.
 */
export interface LogMark {
  /** Bytes. */
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly time: number
}

/** Bytes of one mark in its file: offset and time, as little-endian doubles. */
export const MARK_SIZE = 16

/** Where the marks of a log are kept. */
export function marksPath(logPath: string): string {
  return `${logPath}.times`
}

export function encodeMarks(marks: readonly LogMark[]): Buffer {
  const bytes = Buffer.alloc(marks.length * MARK_SIZE)
  for (const [i, { offset, time }] of marks.entries()) {
    bytes.writeDoubleLE(offset, i * MARK_SIZE)
    bytes.writeDoubleLE(time, i * MARK_SIZE + 8)
  }
  return bytes
}

/** A mark that was not written to its end (the agent was killed) is left out. */
export function decodeMarks(bytes: Buffer): LogMark[] {
  return Array.from({ length: Math.floor(bytes.length / MARK_SIZE) }, (_, i) => ({
    offset: bytes.readDoubleLE(i * MARK_SIZE),
    time: bytes.readDoubleLE(i * MARK_SIZE + 8),
  }))
}

/** The marks of a log, the lowest first; none when the log never was watched. */
export function readMarks(logPath: string): LogMark[] {
  return unless(['ENOENT'], () => decodeMarks(readFileSync(marksPath(logPath)))) ?? []
}

/** The index of the first mark that fulfils a condition, which all after it fulfil too. */
function firstMark(marks: readonly LogMark[], condition: (mark: LogMark) => boolean): number {
  let [low, high] = [0, marks.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const mark = marks[middle]
    if (mark !== undefined && condition(mark)) high = middle
    else low = middle + 1
  }
  return low
}

/** When the byte at an offset was written; the last time known for what is not marked yet. */
export function timeAt(marks: readonly LogMark[], offset: number): number | undefined {
  const mark = marks[firstMark(marks, (one) => one.offset > offset)] ?? marks.at(-1)
  return mark?.time
}

/** Where the bytes begin that were written at `time` or later; the end of what is marked when there are none. */
export function offsetSince(marks: readonly LogMark[], time: number): number {
  const index = firstMark(marks, (one) => one.time >= time)
  return marks[index - 1]?.offset ?? marks[0]?.offset ?? 0
}

/** What is before was given up when the log grew too long. */
export function logBegin(marks: readonly LogMark[]): number {
  return marks[0]?.offset ?? 0
}
