import { createHash } from 'node:crypto'
import { collection } from '../state/collection.ts'
import type { Action, Call } from './product.ts'
import { Refusal } from './refusal.ts'

/** The answer that a ClientToken stands for. */
interface TokenUse {
  readonly parameters: string
  readonly answer: object
  /** When it may be forgotten; milliseconds since the epoch. */
  readonly until: number
}

const TOKENS = collection<TokenUse>('openapi.client-tokens')
const KEPT_MS = 24 * 3_600_000
const MAXIMUM_LENGTH = 64
/** What differs between two sendings of the same call. */
const ENVELOPE = new Set(['signature', 'signaturenonce', 'timestamp', 'clienttoken'])

/**
 * Makes an action answer a repeated `ClientToken` with what it answered first, and change nothing then. The token is
 * written in the action's own transaction: also a call whose answer was lost is made once.
 */
export function idempotent(name: string, action: Action): Action {
  return (call) => {
    const token = call.parameters.string('ClientToken')
    if (token === undefined) return action(call)
    if (token.length > MAXIMUM_LENGTH || !/^[\x21-\x7e]+$/.test(token)) {
      throw new Refusal(
        'InvalidParameter.ClientToken',
        `Give a ClientToken of 1 to ${MAXIMUM_LENGTH} ASCII characters.`,
      )
    }
    forgetOld(call)
    const key = `${call.user.accessKeyId}/${name}/${token}`
    const parameters = digest(call)
    const use = call.transaction.get(TOKENS, key)
    if (use !== undefined) return repeated(use, parameters)
    const answer = action(call)
    call.transaction.put(TOKENS, key, { parameters, answer, until: call.now + KEPT_MS })
    return answer
  }
}

function repeated(use: TokenUse, parameters: string): object {
  if (use.parameters === parameters) return use.answer
  throw new Refusal(
    'IdempotentParameterMismatch',
    'The request uses the same client token as a previous, but non-identical request.',
  )
}

function digest({ parameters }: Call): string {
  const sent = [...parameters.entries()].filter(([name]) => !ENVELOPE.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sent)).digest('hex')
}

function forgetOld({ transaction, now }: Call): void {
  for (const [key, use] of transaction.entries(TOKENS)) {
    if (use.until <= now) transaction.delete(TOKENS, key)
  }
}
