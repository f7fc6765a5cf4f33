import { closeSync, openSync, writeSync } from 'node:fs'
import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'

/** Takes finished lines of the audit log, without line ends. */
export interface AuditSink extends Disposable {
  write(line: string): void
}

/**
 * Appends lines to a file that only its owner can read. Each line is with the kernel before its request is answered, so
 * the log survives a crash of the process. A full disk costs lines, never requests; the first lost one is told.
 *
 * @throws What opening the file throws.
 */
export function openAuditFile(path: string, log: Log): AuditSink {
  const fd = openSync(path, 'a', 0o600)
  let failing = false
  return {
    write(line) {
      try {
        writeSync(fd, `${line}\n`)
        failing = false
      } catch (error) {
        if (!failing) log.error({ path, reason: errorMessage(error) }, 'Audit events are lost')
        failing = true
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}
