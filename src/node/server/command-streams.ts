import type { Readable, Writable } from 'node:stream'
import type { TerminalSize } from '../../linux/pty.ts'

/** The streams that a client wants, as the query says. */
export interface WantedStreams {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** A command's outcome as the client reads it: a part of meta/v1 Status. */
export interface CommandStatus {
  readonly metadata: Readonly<Record<string, never>>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] }
}

/** The client's end of a command's streams, whatever protocol carries them. */
export interface CommandStreams {
  /** Ends when the client says so or goes. */
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal
  onResize(listener: (size: TerminalSize) => void): void
  /** Tells how the command ended, and ends the connection. */
  finish(status: CommandStatus): void
}

export const SUCCESS: CommandStatus = { metadata: {}, status: 'Success' }

/** A command that ended by itself, with this exit code. */
export function exitStatus(exitCode: number): CommandStatus {
  if (exitCode === 0) return SUCCESS
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }
}

/** What was wanted could not be done. */
export function failureStatus(message: string): CommandStatus {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ reason: '', message }] },
  }
}

/**
 * Reads `{"Width":80,"Height":24}`, the names in any case, as Go reads them: some clients write `width` and `height`.
 * `undefined` for what is no size.
 */
export function parseTerminalSize(text: string): TerminalSize | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof value !== 'object' || value === null) return undefined
  const lengths = new Map(Object.entries(value).map(([name, length]) => [name.toLowerCase(), Number(length)]))
  const [columns = 0, rows = 0] = [lengths.get('width'), lengths.get('height')]
  const isLength = (length: number) => Number.isInteger(length) && length > 0 && length < 65_536
  return isLength(columns) && isLength(rows) ? { columns, rows } : undefined
}
