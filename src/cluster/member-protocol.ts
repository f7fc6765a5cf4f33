import { type ErrorCode, errorMessage, FairleadError, isFairleadError } from '../base/error.ts'

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
        tell({ type: 'ready', result })
      },
      (error: unknown) => {
        tell(failure(error), () => process.exit(1))
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

function tell<R>(message: MemberMessage<R>, sent: () => void = () => {}): void {
  if (process.send === undefined || !process.connected) sent()
  else process.send(message, undefined, undefined, sent)
}

function failure(error: unknown): MemberMessage<never> {
  process.stderr.write(`${JSON.stringify({ msg: 'start failed', error: String(error), stack: stackOf(error) })}\n`)
  if (isFairleadError(error)) return { type: 'failed', code: error.code, message: error.message, hint: error.hint }
  return { type: 'failed', code: 'BUG', message: errorMessage(error), hint: undefined }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** The error that a `failed` message stands for. */
export function memberError(name: string, message: Extract<MemberMessage<never>, { type: 'failed' }>): FairleadError {
  const options = message.hint === undefined ? {} : { hint: message.hint }
  return new FairleadError(message.code, `Cannot start ${name}: ${message.message}`, options)
}
