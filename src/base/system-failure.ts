import { errorMessage, FairleadError, isFairleadError, systemErrorCode } from './error.ts'

/**
 * What a failure means to the person who ran the command: our own failures as they are; a full disk and missing rights,
 * wherever the system reports them, with what to do about them; undefined for what nobody foresaw.
 */
export function asFairleadError(
  error: unknown,
  uid: number | undefined = process.geteuid?.(),
): FairleadError | undefined {
  if (isFairleadError(error)) {
    const cause = error.cause === undefined ? undefined : asFairleadError(error.cause, uid)
    // A kubeconfig that cannot be read for lack of rights is no broken kubeconfig.
    return cause?.code === 'NOT_ROOT' ? cause : error
  }
  switch (systemErrorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FairleadError('DISK_FULL', `${attempt(error)}: no space left on the device`, { cause: error })
    case 'EACCES':
    case 'EPERM':
      if (uid === 0) return undefined
      return new FairleadError('NOT_ROOT', `${attempt(error)} as an ordinary user`, { cause: error })
    default:
      return undefined
  }
}

/** `Cannot open /run/fairlead`: Node.js keeps the system call and the path beside the message. */
function attempt(error: unknown): string {
  const { syscall, path } = error as { readonly syscall?: unknown; readonly path?: unknown }
  if (typeof syscall !== 'string') return `Cannot do this (${errorMessage(error)})`
  return typeof path === 'string' ? `Cannot ${syscall} ${path}` : `Cannot ${syscall}`
}
