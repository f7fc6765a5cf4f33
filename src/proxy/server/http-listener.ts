import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { listenTcp } from '../../linux/socket.ts'
import type { HostPort } from './proxy-configuration.ts'

/** An answer to a GET. */
export interface HttpAnswer {
  readonly status: number
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** @param path Without its query. */
export type HttpHandler = (path: string) => HttpAnswer | Promise<HttpAnswer>

export interface ListenOptions extends HostPort {
  /** Path of the network namespace; the process's own when left out. */
  readonly netns?: string
  readonly handler: HttpHandler
  readonly log: Log
}

export const NOT_FOUND: HttpAnswer = { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' }

/** An HTTP server on one address. */
export interface HttpListener extends Disposable {}

/** A probe that says nothing for so long is hung up on. */
const SILENCE_MS = 30_000
/** As upstream: a port that is taken is tried again. */
const RETRY_MS = 5_000

/**
 * Serves HTTP on an address of a namespace. Every method is answered alike; connections keep no process alive.
 *
 * @throws FairleadError `PORT_TAKEN`; the system's own error for an address that the namespace does not have.
 */
export function listenHttp(options: ListenOptions): HttpListener {
  const first = listenOn(options)
  if (options.host !== '0.0.0.0') return first
  // As for Go's net package it means every address, also of the other family where the machine has it.
  const second = ifPossible(() => listenOn({ ...options, host: '::' }))
  return {
    [Symbol.dispose]() {
      first[Symbol.dispose]()
      second?.[Symbol.dispose]()
    },
  }
}

function ifPossible(listen: () => HttpListener): HttpListener | undefined {
  try {
    return listen()
  } catch {
    return undefined
  }
}

function listenOn({ handler, log, host, port, netns }: ListenOptions): HttpListener {
  const server = createServer({ requestTimeout: SILENCE_MS, keepAliveTimeout: SILENCE_MS }, (request, response) => {
    const path = (request.url ?? '/').replace(/\?.*/, '')
    Promise.resolve()
      .then(() => handler(path))
      .then(
        (answer) => respond(response, answer),
        (err: unknown) => {
          log.error({ err, path }, 'A request could not be answered')
          respond(response, { status: 500, type: 'text/plain; charset=utf-8', body: 'Internal Server Error\n' })
        },
      )
  })
  const fd = listenTcp({ netns, host, port })
  server.listen({ fd })
  server.on('error', (err) => log.error({ err, host, port }, 'A server failed'))
  server.unref()
  return { [Symbol.dispose]: () => close(server) }
}

export interface PersistentListenOptions extends ListenOptions {
  readonly clock: Clock
  /** What it is, for messages. */
  readonly name: string
  /** Called with what is in the way, each time. */
  onFailure?(error: unknown): void
}

/** {@link listenHttp} that tries again for as long as the address cannot be had. */
export function listenPersistently(options: PersistentListenOptions): HttpListener {
  const { log, clock, name, host, port } = options
  let listener: HttpListener | undefined
  let cancel = () => {}
  let complained = false
  const listen = () => {
    try {
      listener = listenHttp(options)
      log.debug({ name, host, port }, 'Server listens')
    } catch (err) {
      const level = complained ? 'debug' : 'error'
      log[level]({ err, name, host, port }, 'Server cannot listen; trying again')
      complained = true
      options.onFailure?.(err)
      cancel = clock.after(RETRY_MS, listen)
    }
  }
  listen()
  return {
    [Symbol.dispose]() {
      cancel()
      listener?.[Symbol.dispose]()
    },
  }
}

export function json(status: number, value: unknown): HttpAnswer {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}

export function text(status: number, body: string): HttpAnswer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function respond(response: ServerResponse, { status, type, headers, body }: HttpAnswer): void {
  response.writeHead(status, {
    'content-type': type,
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}

function close(server: Server): void {
  server.close()
  server.closeAllConnections()
}
