import { ERROR_KINDS, errorMessage } from '../base/error.ts'
import { asFairleadError } from '../base/system-failure.ts'
import { paint, say } from './output.ts'

/** Exit code of a failure that no code of ours names. */
const BUG_EXIT = 70

/**
 * Tells a failure in one sentence with its mend, and returns the exit code. The stack is for `FAIRLEAD_DEBUG=1` only.
 */
export function reportFailure(error: unknown): number {
  const prefix = paint('red', 'error:')
  if (process.env.FAIRLEAD_DEBUG === '1' && error instanceof Error) say(error.stack ?? error.message)
  const failure = asFairleadError(error)
  if (failure === undefined) {
    say(`${prefix} ${errorMessage(error)}`)
    return BUG_EXIT
  }
  say(`${prefix} ${failure.message}.${failure.hint === undefined ? '' : ` ${failure.hint}.`}`)
  return ERROR_KINDS[failure.code].exit
}
