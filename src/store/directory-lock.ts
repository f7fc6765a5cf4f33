import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { errorMessage, FairleadError, systemErrorCode } from '../base/error.ts'

/**
 * Makes this process the only one that has a directory open, until disposed or dead: the lock is a socket with an
 * abstract name (no file, so nothing can be left behind) that the kernel gives to one process at a time.
 *
 * @throws FairleadError `ALREADY_RUNNING` when another process has it.
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const { dev, ino } = statSync(directory)
  const server = createServer()
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(lockError(directory, cause)))
    server.listen(`\0fairlead-store-${dev}-${ino}`, resolve)
  })
  return {
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function lockError(directory: string, cause: Error): FairleadError {
  if (systemErrorCode(cause) === 'EADDRINUSE') {
    const hint = 'Stop the other one first, or choose another directory'
    return new FairleadError('ALREADY_RUNNING', `Cannot open the store in ${directory}: a process has it open`, {
      hint,
    })
  }
  return new FairleadError('STORE_FAILED', `Cannot lock the store in ${directory}: ${errorMessage(cause)}`, { cause })
}
