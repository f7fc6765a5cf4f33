import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { systemErrorCode } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { authenticate, type VerifyToken } from './authentication.ts'
import { compressed } from './compress.ts'
import type { HandleRequest } from './handler.ts'
import { type ApiRequest, type ApiResponse, jsonResponse, type User } from './request.ts'
import { sendResponse } from './send-response.ts'
import { badRequest, tooLarge, unauthorized } from './status-error.ts'

/** As kube-apiserver. */
export const BODY_LIMIT = 3 * 1024 * 1024

export interface ExchangeOptions {
  readonly handle: HandleRequest
  readonly verifyToken: VerifyToken | undefined
  readonly log: Log
  readonly clock: Clock
}

/** A request as the connection brought it, and when whoever asks has gone. */
export interface Asked {
  readonly message: IncomingMessage
  readonly signal: AbortSignal
}

/** Answers one HTTP request. */
export async function exchange(
  options: ExchangeOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ended = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) ended.abort()
  })
  try {
    const plain = await answer(options, { message, signal: ended.signal })
    const sent = await compressed(plain, String(message.headers['accept-encoding'] ?? ''))
    await sendResponse(sent, response, options.clock)
  } catch (error) {
    // Only the connection can fail here: the handler turns everything else into a Status.
    if (!ended.signal.aborted) options.log.warn({ err: error, url: message.url }, 'A response could not be sent')
    response.destroy()
  } finally {
    // Without this a body that nobody read would keep the connection from being used again.
    message.resume()
  }
}

/** Finds out who asks, and lets the API answer. */
export async function answer(options: ExchangeOptions, { message, signal }: Asked): Promise<ApiResponse> {
  const { socket, headers } = message
  const identity = await authenticate(socket as TLSSocket, headers.authorization, options.verifyToken)
  if (identity.kind === 'rejected') {
    const { status } = unauthorized()
    return jsonResponse(status.code, status)
  }
  return options.handle(requestOf(message, identity.kind === 'user' ? identity.user : undefined, signal))
}

function requestOf(message: IncomingMessage, user: User | undefined, signal: AbortSignal): ApiRequest {
  const { remoteAddress: source } = message.socket
  return {
    ...(source === undefined ? {} : { source }),
    stream: message,
    upgrade: message.headers.upgrade !== undefined,
    method: message.method ?? 'GET',
    url: message.url ?? '/',
    headers: message.headers as Readonly<Record<string, string | undefined>>,
    user,
    body: () => readBody(message),
    signal,
  }
}

async function readBody(message: IncomingMessage): Promise<Uint8Array> {
  if (Number(message.headers['content-length'] ?? 0) > BODY_LIMIT) throw tooLarge(BODY_LIMIT)
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer
      size += bytes.byteLength
      if (size > BODY_LIMIT) throw tooLarge(BODY_LIMIT)
      chunks.push(bytes)
    }
  } catch (error) {
    // The client went, or was sent away because it took too long; nobody is there to be told.
    if (systemErrorCode(error) === 'ECONNRESET') throw badRequest('the request ended before its body did')
    throw error
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)
}
