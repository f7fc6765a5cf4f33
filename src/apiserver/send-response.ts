import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.ts'
import type { ApiResponse } from './request.ts'

/** A client that takes nothing for so long while something waits for it is cut off. */
const STALL_MS = 30_000
/** A large answer must be taken within this time; what is smaller than the limit the kernel takes at once. */
const ANSWER_MS = 5 * 60_000
const LARGE_BYTES = 256 * 1024

/** Sends an answer, as fast as the client takes it; a client that stops taking is cut off. */
export async function sendResponse(answer: ApiResponse, response: ServerResponse, clock: Clock): Promise<void> {
  const { status, headers, body } = answer
  if (body instanceof Uint8Array) {
    response.writeHead(status, { ...headers, 'content-length': body.byteLength })
    response.end(body)
    if (body.byteLength > LARGE_BYTES) response.once('close', cutAfter(response, ANSWER_MS, clock))
    return
  }
  response.writeHead(status, headers)
  response.flushHeaders()
  for await (const chunk of body) {
    if (response.destroyed) return
    if (!response.write(chunk)) await drained(response, clock)
  }
  response.end()
}

/** @returns What keeps it from happening. */
function cutAfter(response: ServerResponse, ms: number, clock: Clock): () => void {
  return clock.after(ms, () => response.destroy())
}

async function drained(response: ServerResponse, clock: Clock): Promise<void> {
  const gone = new AbortController()
  const onClose = () => gone.abort()
  response.once('close', onClose)
  const keep = cutAfter(response, STALL_MS, clock)
  try {
    await once(response, 'drain', { signal: gone.signal })
  } catch (error) {
    if (!gone.signal.aborted) throw error
  } finally {
    keep()
    response.off('close', onClose)
  }
}
