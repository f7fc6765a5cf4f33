import { once } from 'node:events'
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { Disposables } from '../../base/disposables.ts'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { httpFailure } from './http-failure.ts'
import { HEALTH_PORT, KUBELET_CLIENT, KUBELET_PORT } from './kubelet-endpoint.ts'
import { handleKubeletRequest } from './kubelet-requests.ts'
import { handleKubeletUpgrade, refuseUpgrade } from './kubelet-upgrades.ts'
import type { NodePods } from './node-pods.ts'
import { UsageRates } from './usage-rates.ts'

export interface KubeletServerOptions {
  readonly nodeName: string
  /** The node's own address; the process is in the node's network namespace. */
  readonly address: string
  /** @default 10250 */
  readonly port?: number
  /** The node's certificate, and the authority that the client's must come from; PEM. */
  readonly tls: { readonly certificate: string; readonly privateKey: string; readonly clientAuthority: string }
  readonly pods: NodePods
  /** How many the node takes, as its status says. */
  readonly maxPods: number
  /** What `/logs/` shows. */
  readonly logDirectory: string
  readonly clock: Clock
  readonly log: Log
}

export interface KubeletServer extends AsyncDisposable {
  readonly address: AddressInfo
}

/**
 * Serves logs, streams and figures of a node's pods to the API server, over TLS and to nobody else; and `/healthz` in
 * plain on 127.0.0.1:10248.
 *
 * @throws FairleadError `PORT_TAKEN`
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  await using started = new Disposables()
  const { address, port = KUBELET_PORT } = options
  const server = started.use(new ClosingServer(secureServer(options)))
  const health = started.use(new ClosingServer(createPlainServer(answerHealth)))
  await Promise.all([server.listen(address, port), health.listen('127.0.0.1', HEALTH_PORT)])
  const running = started.move()
  return { address: server.address, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

function secureServer(options: KubeletServerOptions): Server {
  const { tls, log } = options
  const requests = { ...options, rates: new UsageRates() }
  const server = createServer({
    key: tls.privateKey,
    cert: tls.certificate,
    ca: tls.clientAuthority,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    requestCert: true,
    // Whoever is not let in hears why.
    rejectUnauthorized: false,
    handshakeTimeout: 10_000,
    noDelay: true,
  })
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    const refusal = refusalOf(message.socket as TLSSocket)
    if (refusal !== undefined) sendText(response, ...refusal)
    else void handleKubeletRequest(requests, message, response)
  })
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (head.length > 0) socket.unshift(head)
    const refusal = refusalOf(message.socket as TLSSocket)
    if (refusal !== undefined) refuseUpgrade(socket, httpFailure(...refusal))
    else void handleKubeletUpgrade(options, { message, socket })
  })
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'A TLS handshake failed'))
  return server
}

/** Only the API server is let in; `undefined`: it is him. */
export function refusalOf(socket: TLSSocket): readonly [number, string] | undefined {
  const certificate = socket.getPeerCertificate()
  if (!socket.authorized || certificate === null || certificate.subject === undefined) return [401, 'Unauthorized']
  const name = certificate.subject.CN
  return name === KUBELET_CLIENT ? undefined : [403, `Forbidden (user=${name})`]
}

function answerHealth({ url }: IncomingMessage, response: ServerResponse): void {
  if (url === '/healthz') sendText(response, 200, 'ok')
  else sendText(response, 404, 'not found')
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** A server that ends with its connections. */
class ClosingServer implements AsyncDisposable {
  readonly #server: Server | ReturnType<typeof createPlainServer>
  readonly #sockets = new Set<Socket>()

  constructor(server: Server | ReturnType<typeof createPlainServer>) {
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo
  }

  async listen(host: string, port: number): Promise<void> {
    this.#server.listen({ host, port })
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
      throw new FairleadError('PORT_TAKEN', `Cannot serve the node on ${host}:${port}: the port is in use`, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
