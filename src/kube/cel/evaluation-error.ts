import { FairleadError } from '../../base/error.ts'

/** A function was given what it cannot work with: the evaluation of the rule fails with this text. */
export function celError(text: string): FairleadError {
  return new FairleadError('INVALID_INPUT', text)
}
