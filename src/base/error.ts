/**
 * The one root error of Fairlead and the table of its codes.
 *
 * A failure is thrown as a {@link FairleadError} with a stable `code`; an outcome with a reason (no endpoints, quota
 * exceeded, dropped) is a value and never thrown. Callers match on `code`, never on the message.
 */

/** Whose fault a failure is: the caller's input, the machine it runs on, or ours. */
export type Fault = 'user' | 'environment' | 'bug'

export interface ErrorKind {
  readonly fault: Fault
  /** Exit code of the command line: 1 expected negative, 2 usage, 3 environment, 4 timeout, 70 our own bug. */
  readonly exit: number
  /** What the person can do about it; `undefined` where the message already says. */
  readonly hint?: string
}

/** Every code there is. Adding a failure means adding a row. */
export const ERROR_KINDS = {
  USAGE: { fault: 'user', exit: 2 },
  INVALID_INPUT: { fault: 'user', exit: 2 },
  NOT_FOUND: { fault: 'user', exit: 1 },
  NOT_ROOT: { fault: 'environment', exit: 3, hint: 'Run the command as root, for example with sudo' },
  MISSING_TOOL: { fault: 'environment', exit: 3 },
  KERNEL_TOO_OLD: { fault: 'environment', exit: 3, hint: 'Use Linux 5.15 or newer' },
  KERNEL_FEATURE: { fault: 'environment', exit: 3 },
  KERNEL_REFUSED: { fault: 'environment', exit: 3 },
  SYSCALL_FAILED: { fault: 'environment', exit: 3 },
  PORT_TAKEN: { fault: 'environment', exit: 3 },
  ALREADY_RUNNING: { fault: 'environment', exit: 3 },
  NOT_RUNNING: { fault: 'environment', exit: 3 },
  DISK_FULL: { fault: 'environment', exit: 3, hint: 'Free some disk space and run the command again' },
  PROCESS_FAILED: { fault: 'environment', exit: 3 },
  STORE_FAILED: { fault: 'environment', exit: 3 },
  STORE_COMPACTED: { fault: 'environment', exit: 3 },
  STORE_WATCH_OVERFLOW: { fault: 'environment', exit: 3 },
  API_REFUSED: { fault: 'user', exit: 1 },
  CLOUD_REFUSED: { fault: 'user', exit: 1 },
  API_UNREACHABLE: { fault: 'environment', exit: 3 },
  IMAGE_INVALID: { fault: 'user', exit: 2 },
  RUNTIME_FAILED: { fault: 'environment', exit: 3 },
  CHECK_FAILED: { fault: 'user', exit: 1 },
  TIMEOUT: { fault: 'environment', exit: 4 },
  BUG: { fault: 'bug', exit: 70, hint: 'This is a bug in Fairlead; please report it' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR_KINDS

export interface FairleadErrorOptions {
  readonly cause?: unknown
  /** What would mend it; overrides the hint of the code. */
  readonly hint?: string
}

/**
 * A failure with a stable code. The message says what was attempted, the value given and the value wanted.
 *
 * @example
 * throw new FairleadError('PORT_TAKEN', 'Cannot listen on 127.0.0.1:6443: the port is in use', { hint: 'Choose another with --api-port' })
 */
export class FairleadError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: FairleadErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'FairleadError'
    this.code = code
    const kind: ErrorKind = ERROR_KINDS[code]
    this.hint = options.hint ?? kind.hint
  }
}

/** Whether `error` is a {@link FairleadError} with one of the given codes (with any code when none is given). */
export function isFairleadError(error: unknown, ...codes: ErrorCode[]): error is FairleadError {
  return error instanceof FairleadError && (codes.length === 0 || codes.includes(error.code))
}

/** The system's own code (`ENOENT`, `EADDRINUSE`, ...) of a Node.js system error, if it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The text of anything thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** For the `default` of a switch over a closed union: fails to compile when a case is missing. */
export function unreachable(value: never): never {
  throw new FairleadError('BUG', `Reached a case that cannot exist: ${JSON.stringify(value)}`)
}
