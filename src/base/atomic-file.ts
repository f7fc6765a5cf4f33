import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { FairleadError, systemErrorCode } from './error.ts'

/**
 * Replaces a file in one step: a reader sees the old content or the new, never a part, also after a crash.
 *
 * @throws FairleadError `DISK_FULL` when there is no room; the old content stays.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o600): void {
  replaceFile(path, content, { mode, durable: true })
}

/** The same without waiting for the disk: for what is worth nothing after a restart of the machine. */
export function writeRunFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  replaceFile(path, content, { mode, durable: false })
}

function replaceFile(
  path: string,
  content: string | Uint8Array,
  { mode, durable }: { readonly mode: number; readonly durable: boolean },
): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const fd = openSync(temporary, 'w', mode)
    try {
      writeSync(fd, typeof content === 'string' ? Buffer.from(content) : content)
      if (durable) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    if (systemErrorCode(cause) === 'ENOSPC') {
      throw new FairleadError('DISK_FULL', `Cannot write ${path}: no space left on the device`, { cause })
    }
    throw cause
  }
}
