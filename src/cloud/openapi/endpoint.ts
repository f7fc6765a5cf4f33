import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import { type ApiAnswer, createDispatch, type Dispatch, type DispatchOptions } from './dispatch.ts'
import type { ApiRequest } from './request.ts'

/** Larger bodies are refused: the API's own limit is about this. */
const MAXIMUM_BODY_BYTES = 1 << 20
const REQUEST_TIMEOUT_MS = 20_000
const IDLE_TIMEOUT_MS = 90_000

export interface EndpointOptions extends DispatchOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** PEM; without it plain HTTP is spoken, which is for tests. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** Listening sockets where the same is served too, e.g. in a VPC's namespace. They are closed with the endpoint. */
  readonly sockets?: readonly number[]
}

/** The cloud's API where it listens; all products share it, told apart by `Version`. */
export interface Endpoint extends AsyncDisposable {
  /** `https://127.0.0.1:40123` */
  readonly url: string
}

/**
 * Serves the cloud's API.
 *
 * @throws FairleadError `PORT_TAKEN`
 */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const dispatch = createDispatch(options)
  const answer = (message: IncomingMessage, response: ServerResponse) => {
    serve(dispatch, message, response).catch((error) => {
      options.log.debug({ err: error }, 'A client of the cloud went away')
      response.destroy()
    })
  }
  const { tls, sockets = [] } = options
  const server = serverOf(tls, answer)
  const inside = sockets.map((fd) => serverOf(tls, answer).listen({ fd }))
  await Promise.all([listen(server, options), ...inside.map((one) => once(one, 'listening'))])
  // A TCP server that listens has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${options.host}:${port}`,
    async [Symbol.asyncDispose]() {
      await Promise.all([server, ...inside].map(closed))
    },
  }
}

function serverOf(tls: EndpointOptions['tls'], answer: RequestListener): Server {
  const server =
    tls === undefined ? createServer(answer) : createTlsServer({ cert: tls.certificate, key: tls.privateKey }, answer)
  server.requestTimeout = REQUEST_TIMEOUT_MS
  // Clients keep connections, and cannot know that one ends just when they use it again.
  server.keepAliveTimeout = IDLE_TIMEOUT_MS
  return server
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await end
}

async function listen(server: Server, { host, port }: EndpointOptions): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening')
  } catch (cause) {
    const taken = systemErrorCode(cause) === 'EADDRINUSE'
    throw new FairleadError(taken ? 'PORT_TAKEN' : 'SYSCALL_FAILED', `The cloud cannot listen on ${host}:${port}`, {
      cause,
    })
  }
}

async function serve(dispatch: Dispatch, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID().toUpperCase()
  const body = await readBody(message)
  send(response, body === undefined ? tooLarge(requestId) : dispatch(requestOf(message, body), requestId))
}

async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > MAXIMUM_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function requestOf(message: IncomingMessage, body: Buffer): ApiRequest {
  const url = new URL(message.url ?? '/', 'http://cloud')
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value ?? '')] as const)
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: new Map(url.searchParams),
    headers: new Map(headers),
    body,
  }
}

function tooLarge(requestId: string): ApiAnswer {
  const Message = `The body is larger than ${MAXIMUM_BODY_BYTES} bytes.`
  return { status: 413, body: { RequestId: requestId, Code: 'RequestEntityTooLarge', Message } }
}

function send(response: ServerResponse, { status, body }: ApiAnswer): void {
  const content = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json;charset=utf-8',
    'content-length': Buffer.byteLength(content),
  })
  response.end(content)
}
