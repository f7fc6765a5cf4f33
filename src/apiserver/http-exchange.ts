import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { authenticate, type VerifyToken } from './authentication.ts'
import { compressed } from './compress.ts'
import { Departure } from './departure.ts'
import type { HandleRequest } from './handler.ts'
import { readBody } from './read-body.ts'
import { type ApiRequest, type ApiResponse, jsonResponse, type User } from './request.ts'
import { sendResponse } from './send-response.ts'
import { unauthorized } from './status-error.ts'

export interface ExchangeOptions {
  readonly handle: HandleRequest
  readonly verifyToken: VerifyToken | undefined
  readonly log: Log
  readonly clock: Clock
}

/** A request as the connection brought it, and when whoever asks has gone. */
export interface Asked {
  readonly message: IncomingMessage
  readonly departure: Departure
}

/** Answers one HTTP request. */
export async function exchange(
  options: ExchangeOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const departure = new Departure()
  response.once('close', () => {
    if (!response.writableFinished) departure.happen()
  })
  try {
    const plain = await answer(options, { message, departure })
    const sent = await compressed(plain, String(message.headers['accept-encoding'] ?? ''))
    await sendResponse(sent, response, options.clock)
  } catch (error) {
    // Only the connection can fail here: the handler turns everything else into a Status.
    if (!departure.happened) options.log.warn({ err: error, url: message.url }, 'A response could not be sent')
    response.destroy()
  } finally {
    // Without this a body that nobody read would keep the connection from being used again.
    message.resume()
  }
}

/** Finds out who asks, and lets the API answer. */
export async function answer(options: ExchangeOptions, { message, departure }: Asked): Promise<ApiResponse> {
  const { socket, headers } = message
  const identity = await authenticate(socket as TLSSocket, headers.authorization, options.verifyToken)
  if (identity.kind === 'rejected') {
    const { status } = unauthorized()
    return jsonResponse(status.code, status)
  }
  return options.handle(requestOf(message, identity.kind === 'user' ? identity.user : undefined, departure))
}

function requestOf(message: IncomingMessage, user: User | undefined, departure: Departure): ApiRequest {
  // A spread here would cost as much as reading the body.
  return {
    source: message.socket.remoteAddress,
    stream: message,
    upgrade: message.headers.upgrade !== undefined,
    method: message.method ?? 'GET',
    url: message.url ?? '/',
    headers: message.headers as Readonly<Record<string, string | undefined>>,
    user,
    body: () => readBody(message),
    get signal() {
      return departure.signal
    },
  }
}
