import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { errorMessage, FairleadError } from '../base/error.ts'

/** As client-go: a token that was renewed in its file is used after a minute at most. */
const REREAD_MS = 60_000

/**
 * The token in a file that somebody renews, such as the kubelet for a pod's service account. When the file cannot be
 * read later on, the last token is used on: the server knows best whether it still counts.
 *
 * @throws FairleadError `INVALID_INPUT` when there is no token to begin with.
 */
export function tokenFromFile(path: string, clock: Clock): () => string {
  let token = read(path)
  let readAt = clock.now()
  return () => {
    if (clock.now() - readAt < REREAD_MS) return token
    readAt = clock.now()
    try {
      token = read(path)
    } catch {
      // Its renewal may be under way.
    }
    return token
  }
}

function read(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot read the token file ${path}: ${errorMessage(cause)}`, { cause })
  }
  if (text === '') throw new FairleadError('INVALID_INPUT', `Cannot use the token file ${path}: it is empty`)
  return text
}
