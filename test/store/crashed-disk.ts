import type { TraceStep } from './write-trace.ts'

/** A disk writes this much wholly or not at all. */
const SECTOR = 512

export interface DiskOptions {
  /** Whether a sector got to the disk that was written and not synced. */
  readonly keep: () => boolean
  /** Take O_DSYNC for nothing. */
  readonly forgetful?: boolean
}

export interface CrashedDisk {
  /** What is in the file. */
  readonly bytes: Buffer
  /** Numbers that had been printed. */
  readonly acknowledged: readonly number[]
}

type Write = Extract<TraceStep, { do: 'write' }>

/** What is left of a file when the power goes before the step `at`, which is under way. */
export function diskAfter(steps: readonly TraceStep[], at: number, options: DiskOptions): CrashedDisk {
  const file = new SparseFile()
  const acknowledged: number[] = []
  let waiting: Write[] = []
  const settle = () => {
    for (const { at: start, bytes } of waiting) file.write(start, bytes)
    waiting = []
  }
  for (const step of steps.slice(0, at)) {
    switch (step.do) {
      case 'print':
        acknowledged.push(...step.text.trim().split('\n').map(Number))
        break
      case 'size':
        file.resize(step.bytes)
        break
      case 'sync':
        settle()
        break
      case 'write':
        if (step.synchronous && options.forgetful !== true) file.write(step.at, step.bytes)
        else waiting.push(step)
        break
      default:
        step satisfies never
    }
  }
  const underWay = steps[at]
  if (underWay?.do === 'write') waiting.push(underWay)
  for (const write of waiting) keepSome(file, write, options)
  return { bytes: file.bytes(), acknowledged }
}

function keepSome(file: SparseFile, { at, bytes }: Write, { keep }: DiskOptions): void {
  for (let from = 0; from < bytes.byteLength; ) {
    const to = Math.min(bytes.byteLength, (Math.floor((at + from) / SECTOR) + 1) * SECTOR - at)
    if (keep()) file.write(at + from, bytes.subarray(from, to))
    from = to
  }
}

/** Bytes that grow as they are written; what was never written is zero. */
class SparseFile {
  #content = Buffer.alloc(1 << 20)
  #size = 0

  write(at: number, bytes: Uint8Array): void {
    this.resize(Math.max(this.#size, at + bytes.byteLength))
    this.#content.set(bytes, at)
  }

  resize(size: number): void {
    while (size > this.#content.byteLength) this.#content = Buffer.concat([this.#content], this.#content.byteLength * 2)
    this.#size = size
  }

  bytes(): Buffer {
    return this.#content.subarray(0, this.#size)
  }
}
