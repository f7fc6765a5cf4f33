import type { IncomingMessage } from 'node:http'
import { systemErrorCode } from '../base/error.ts'
import { badRequest, tooLarge } from './status-error.ts'

/** As kube-apiserver. */
export const BODY_LIMIT = 3 * 1024 * 1024

/**
 * Reads the body of a request, once. By events: an async iterator takes several times as long as all else here, most of
 * it for its own sake.
 *
 * @throws StatusError 413 when it is too large, 400 when it ends before its end.
 */
export async function readBody(message: IncomingMessage): Promise<Uint8Array> {
  if (Number(message.headers['content-length'] ?? 0) > BODY_LIMIT) throw tooLarge(BODY_LIMIT)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const leave = () => {
      message.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
    }
    const fail = (error: unknown) => {
      leave()
      reject(error)
    }
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength
      chunks.push(chunk)
      if (size > BODY_LIMIT) fail(tooLarge(BODY_LIMIT))
    }
    const onEnd = () => {
      leave()
      resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks))
    }
    // The client went, or was sent away because it took too long; nobody is there to be told.
    const onError = (error: Error) => fail(systemErrorCode(error) === 'ECONNRESET' ? cutShort() : error)
    const onClose = () => fail(cutShort())
    message.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
    if (message.destroyed || message.readableEnded) onClose()
  })
}

function cutShort(): Error {
  return badRequest('the request ended before its body did')
}
