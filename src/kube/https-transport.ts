import type { IncomingMessage } from 'node:http'
import { Agent, type AgentOptions, request as httpsRequest, type RequestOptions } from 'node:https'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { createSecureContext, type SecureContext } from 'node:tls'
import { errorMessage, FairleadError, systemErrorCode } from '../base/error.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface HttpsTransportOptions {
  /** Such as `https://127.0.0.1:6443`; a path in it is put before each request's. */
  readonly server: string
  /** Certificates that may sign the server's. @default those of the system */
  readonly caPem?: string
  readonly clientCertificatePem?: string
  readonly clientKeyPem?: string
  /** Bearer token; a function is asked for each request, for tokens that are renewed. */
  readonly token?: string | (() => string)
  /** Name that the server's certificate must bear, where it is not the host of `server`. */
  readonly serverName?: string
  /** Makes the TCP connection, for example from inside a network namespace. */
  readonly dial?: () => Promise<Socket>
  /** Longest silence of the server while a request waits for its answer; watches and logs may be silent. @default 30_000 */
  readonly timeoutMs?: number
}

/** A transport that holds connections, and drops them when disposed. */
export interface HttpsTransport extends Transport, Disposable {
  /** Ends all connections, also those in use. */
  close(): void
}

/** Finds out that a peer vanished within about 25 s: probes start after this and come every second, ten of them. */
const KEEP_ALIVE_PROBE_MS = 15_000
const DEFAULT_TIMEOUT_MS = 30_000
/** Many requests at once take turns: a connection more costs both sides a handshake, a descriptor and memory. */
const MOST_CONNECTIONS = 16
const ENDLESS = /[?&](watch|follow)=(1|true)(&|$)/

/**
 * HTTPS with kept-alive connections and resumed TLS sessions; a watch has a connection of its own for as long as it
 * lasts. A GET on a connection that the server had just closed is sent once more.
 *
 * @throws FairleadError `INVALID_INPUT` when `server` is no https URL. Requests reject with `API_UNREACHABLE` (`cause` is
 *   the system's error) when there is no connection, it breaks, or the server is silent for too long; so does the body.
 */
export function createHttpsTransport(options: HttpsTransportOptions): HttpsTransport {
  return new NodeHttpsTransport(options)
}

class NodeHttpsTransport implements HttpsTransport {
  readonly #url: URL
  readonly #prefix: string
  /** For what is answered and done. */
  readonly #agent: Agent
  /** For watches and logs, which keep their connection. */
  readonly #endless: Agent
  readonly #token: () => string | undefined
  readonly #timeoutMs: number
  readonly #base: RequestOptions

  constructor(options: HttpsTransportOptions) {
    const { token, timeoutMs = DEFAULT_TIMEOUT_MS } = options
    this.#url = parseServer(options.server)
    this.#prefix = this.#url.pathname.replace(/\/$/, '')
    const secureContext = secureContextOf(options)
    this.#agent = createAgent(options, { secureContext, maxSockets: MOST_CONNECTIONS })
    this.#endless = createAgent(options, { secureContext })
    this.#token = typeof token === 'function' ? token : () => token
    this.#timeoutMs = timeoutMs
    const { hostname, port } = this.#url
    this.#base = { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || 443 }
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    for (;;) {
      const response = await this.#send(request)
      // Each time one stale connection is used up, so this ends.
      if (response !== 'stale') return response
    }
  }

  close(): void {
    this.#agent.destroy()
    this.#endless.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** `stale`: the server had closed the kept-alive connection before the request reached it. */
  #send(request: TransportRequest): Promise<TransportResponse | 'stale'> {
    const { method, path, body, signal } = request
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const endless = ENDLESS.test(path)
      const outgoing = httpsRequest({
        ...this.#base,
        agent: endless ? this.#endless : this.#agent,
        method,
        path: this.#prefix + path,
        headers: this.#headers(request),
      })
      let silent = false
      const failure = (cause: unknown) => this.#failure(request, silent ? this.#silence() : cause)
      const onAbort = () => outgoing.destroy()
      signal?.addEventListener('abort', onAbort, { once: true })
      outgoing.once('close', () => signal?.removeEventListener('abort', onAbort))
      if (!endless) {
        outgoing.setTimeout(this.#timeoutMs, () => {
          silent = true
          outgoing.destroy()
        })
      }
      outgoing.once('response', (message) => resolve(responseOf(message, failure)))
      outgoing.on('error', (error) => {
        const reset = systemErrorCode(error) === 'ECONNRESET' && !silent && !signal?.aborted
        if (method === 'GET' && outgoing.reusedSocket && reset) resolve('stale')
        else reject(failure(error))
      })
      outgoing.end(body)
    })
  }

  #headers({ headers, body }: TransportRequest): Record<string, string | number> {
    const token = this.#token()
    return {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
    }
  }

  #silence(): FairleadError {
    return new FairleadError('TIMEOUT', `the server was silent for ${this.#timeoutMs} ms`)
  }

  #failure({ method, path, signal }: TransportRequest, cause: unknown): unknown {
    if (signal?.aborted) return signal.reason
    const text = `Cannot ${method} ${path.split('?')[0]} at ${this.#url.origin}: ${errorMessage(cause)}`
    return new FairleadError('API_UNREACHABLE', text, { cause })
  }
}

function parseServer(server: string): URL {
  if (URL.canParse(server) && server.startsWith('https://')) return new URL(server)
  const wanted = 'expected a URL such as https://127.0.0.1:6443'
  throw new FairleadError('INVALID_INPUT', `Cannot connect to API server "${server}": ${wanted}`)
}

function createAgent(
  { serverName, dial }: HttpsTransportOptions,
  settings: Pick<AgentOptions, 'secureContext' | 'maxSockets'>,
): Agent {
  const agent = new Agent({
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_PROBE_MS,
    noDelay: true,
    ...settings,
    ...(serverName === undefined ? {} : { servername: serverName }),
  })
  if (dial !== undefined) dialWith(agent, dial)
  return agent
}

/** Read once: certificates are not parsed again for each connection. */
function secureContextOf({ server, caPem, clientCertificatePem, clientKeyPem }: HttpsTransportOptions): SecureContext {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(caPem === undefined ? {} : { ca: caPem }),
      ...(clientCertificatePem === undefined ? {} : { cert: clientCertificatePem }),
      ...(clientKeyPem === undefined ? {} : { key: clientKeyPem }),
    })
  } catch (cause) {
    const text = `Cannot use the certificates for API server "${server}": ${errorMessage(cause)}`
    throw new FairleadError('INVALID_INPUT', text, { cause })
  }
}

/** Lets the agent put TLS, with its cache of sessions, on connections that someone else makes. */
function dialWith(agent: Agent, dial: () => Promise<Socket>): void {
  const connectTls = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    dial().then(
      (socket) => {
        socket.setNoDelay(true)
        socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS)
        const overSocket: RequestOptions & { readonly socket: Socket } = { ...options, socket }
        callback?.(null, connectTls(overSocket) as Socket)
      },
      // The agent reports the error before it looks at the connection.
      (error: Error) => callback?.(error, new PassThrough()),
    )
    return undefined
  }
}

function responseOf(message: IncomingMessage, failure: (cause: unknown) => unknown): TransportResponse {
  const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)])
  return { status: message.statusCode ?? 0, headers: Object.fromEntries(headers), body: bodyOf(message, failure) }
}

function bodyOf(message: IncomingMessage, failure: (cause: unknown) => unknown): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const chunks = message[Symbol.asyncIterator]()
      return {
        async next() {
          try {
            return await chunks.next()
          } catch (cause) {
            throw failure(cause)
          }
        },
        async return() {
          message.destroy()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
