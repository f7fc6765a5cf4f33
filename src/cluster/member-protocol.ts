import { systemClock } from '../base/clock.ts'
import { type ErrorCode, errorMessage, FairleadError } from '../base/error.ts'
import { asFairleadError } from '../base/system-failure.ts'
import { trimMemoryAfterStart } from '../linux/trim-memory.ts'

/**
 * What a supervisor and the processes it keeps say to each other over the child's message channel. The start message
 * carries credentials, which therefore never stand in a file of the node or on a command line.
 */
export interface StartMessage<C> {
  readonly type: 'start'
  readonly config: C
}

export type MemberMessage<R> =
  | { readonly type: 'ready'; readonly result: R }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }

/**
 * The body of a member process: waits for its configuration, starts, says ready, and stops on SIGTERM or SIGINT. A
 * failure to start is told to the supervisor in one sentence. The end of the supervisor does not end the member.
 */
export function runMember<C, R>(start: (config: C) => Promise<{ result: R; stop: () => Promise<void> }>): void {
  process.once('message', (message: StartMessage<C>) => {
    start(message.config).then(
      ({ result, stop }) => {
        stopOnSignal(stop)
        trimMemoryAfterStart(systemClock)
        void tellParent({ type: 'ready', result })
      },
      (error: unknown) => {
        process.stderr.write(
          `${JSON.stringify({ msg: 'start failed', error: String(error), stack: stackOf(error) })}\n`,
        )
        void tellParent(failureMessage(error)).then(() => process.exit(1))
      },
    )
  })
  // Without a listener Node.js would exit on a closed channel's error; the member must outlive its supervisor.
  process.on('disconnect', () => {})
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false
  const onSignal = () => {
    if (stopping) return
    stopping = true
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${JSON.stringify({ msg: 'stop failed', error: errorMessage(error) })}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  // Ctrl-C reaches the whole foreground group; the supervisor decides the order in which members stop.
  process.on('SIGINT', () => {})
}

/** Sends a message to the process that started this one; resolves when it is sent, or nobody listens. */
export function tellParent<R>(message: MemberMessage<R>): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, undefined, undefined, () => resolve())
  })
}

/** A failure as it is told to another process. */
export function failureMessage(error: unknown): Extract<MemberMessage<never>, { type: 'failed' }> {
  const failure = asFairleadError(error)
  if (failure === undefined) return { type: 'failed', code: 'BUG', message: errorMessage(error), hint: undefined }
  return { type: 'failed', code: failure.code, message: failure.message, hint: failure.hint }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** The error that a `failed` message stands for. What nobody foresaw is told with the name of the process. */
export function memberError(name: string, message: Extract<MemberMessage<never>, { type: 'failed' }>): FairleadError {
  const options = message.hint === undefined ? {} : { hint: message.hint }
  const text = message.code === 'BUG' ? `Cannot start ${name}: ${message.message}` : message.message
  return new FairleadError(message.code, text, options)
}
