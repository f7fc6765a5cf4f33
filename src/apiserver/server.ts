import { randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { createEventRecorder } from '../kube/event-recorder.ts'
import { type AnyKind, KINDS } from '../kube/registry.ts'
import { createClient } from '../kube/rest-client.ts'
import type { Store } from '../store/store.ts'
import { type AuditOptions, auditRequests } from './audit/audit-requests.ts'
import type { VerifyToken } from './authentication.ts'
import { type Authorizer, authorizePrivileged, inTurn } from './authorization.ts'
import { type BootstrapOptions, bootstrapObjects } from './bootstrap.ts'
import type { ApiContext, Random } from './context.ts'
import { definitionHook } from './custom-resources/definition-hook.ts'
import { loadCustomKinds } from './custom-resources/load-custom-kinds.ts'
import { createHandler, type HandleRequest } from './handler.ts'
import { type ExchangeOptions, exchange } from './http-exchange.ts'
import { ingressClassHook } from './ingress-class-hook.ts'
import { KindTable } from './kind-table.ts'
import { writeLegibly } from './legible-answers.ts'
import { createLocalTransport } from './local-transport.ts'
import { RequestMetrics } from './metrics/request-metrics.ts'
import { nodeAuthorizer } from './nodes/node-authorizer.ts'
import { restrictNodes } from './nodes/node-restriction.ts'
import type { TokenSigner } from './pki/service-account-token.ts'
import { podAccountHook } from './pod-account-hook.ts'
import { podPriorityHook, priorityClassHook } from './priority-hooks.ts'
import { preventEscalation } from './rbac/escalation.ts'
import { RbacAuthorizer } from './rbac/rbac-authorizer.ts'
import { DEFAULT_DEADLINE_MS, limitDuration } from './request-deadline.ts'
import { DEFAULT_LIMITS, limitRequests, type RequestLimits } from './request-limits.ts'
import { podRuntimeClassHook } from './runtime-class-hook.ts'
import type { NodePortRange } from './service-allocation/allocation-context.ts'
import type { PortFault } from './service-allocation/node-port-repair.ts'
import { NodePortRepairer } from './service-allocation/node-port-repairer.ts'
import { NODE_PORTS, serviceAllocationHook } from './service-allocation/plan.ts'
import { speakProtobuf } from './speak-protobuf.ts'
import type { SubresourceHandler } from './subresources/subresource.ts'
import { SUBRESOURCES } from './subresources/table.ts'
import { tokenHandler } from './subresources/token.ts'
import { tokenVerifier } from './token-verifier.ts'
import { unreadableAnswer } from './unreadable-request.ts'
import { exchangeUpgrade } from './upgrade-exchange.ts'
import { oneAfterTheOther, type WriteHook } from './write-hook.ts'

/** Where to listen: an address, or a socket that someone else already bound (in a network namespace of its own). */
export type Listener = { readonly host: string; readonly port: number } | { readonly fd: number }

/** How long the parts of a connection may take, in milliseconds; half a request does not hold a place for ever. */
export interface ConnectionPatience {
  /** TLS, from the first byte. */
  readonly handshakeTimeout: number
  /** All headers of a request. */
  readonly headersTimeout: number
  /** The whole of a request. */
  readonly requestTimeout: number
  /** Nothing, between two requests. */
  readonly keepAliveTimeout: number
  /** How often connections are looked at. */
  readonly connectionsCheckingInterval: number
}

export const DEFAULT_PATIENCE: ConnectionPatience = {
  handshakeTimeout: 10_000,
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 90_000,
  connectionsCheckingInterval: 10_000,
}

export interface ApiServerOptions {
  readonly store: Store
  /** @default {@link KINDS} */
  readonly kinds?: readonly AnyKind[]
  /** The server's own certificate, and the authority that client certificates must come from; PEM. */
  readonly tls: { readonly certificate: string; readonly privateKey: string; readonly clientAuthority: string }
  readonly listeners: readonly Listener[]
  /** Issues and checks tokens of service accounts; without it there are none. */
  readonly tokens?: TokenSigner
  /** How bearer tokens are checked. @default by `tokens` */
  readonly verifyToken?: VerifyToken
  /** Objects that must be there before the first request is answered. */
  readonly bootstrap: BootstrapOptions
  /** Ports that node ports are taken from. @default 30000-32767 */
  readonly nodePorts?: NodePortRange
  /** What else happens when objects of a resource are written, by plural name; Services have their allocation. */
  readonly hooks?: ReadonlyMap<string, WriteHook>
  /** Subresources beside those that only need the store, by `plural/subresource`. */
  readonly subresources?: ReadonlyMap<string, SubresourceHandler>
  /** How much is done at once. @default {@link DEFAULT_LIMITS} */
  readonly limits?: Partial<RequestLimits>
  /** How long a request may be worked on. @default {@link DEFAULT_DEADLINE_MS} */
  readonly requestTimeoutMs?: number
  /** How long connections may take. @default {@link DEFAULT_PATIENCE} */
  readonly patience?: ConnectionPatience
  /** Writes down who did what. @default nothing is written */
  readonly audit?: AuditOptions
  readonly log: Log
  readonly clock?: Clock
  readonly random?: Random
}

export interface ApiServer extends AsyncDisposable {
  /** Answers a request within the process; see `createLocalTransport`. */
  readonly handle: HandleRequest
  /** What it listens on, in the order of the listeners. */
  readonly addresses: readonly AddressInfo[]
}

/** So long may a client that is sent away go on talking. */
const LAST_WORDS_MS = 1000

const systemRandom: Random = { uuid: randomUUID, below: (limit) => randomInt(limit) }

/**
 * Starts the Kubernetes API over a store. The store stays the caller's and is closed by him, later.
 *
 * @throws FairleadError `PORT_TAKEN`
 */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const bare = contextOf(options)
  const { tokens, store } = options
  await bootstrapObjects(bare, options.bootstrap)
  await using started = new Disposables()
  const rbac = started.use(new RbacAuthorizer(bare))
  const roles = {
    decide: (...asked: Parameters<Authorizer['decide']>) => rbac.index.decide(...asked),
    rulesFor: (...asked: Parameters<Authorizer['rulesFor']>) => rbac.index.rulesFor(...asked),
  }
  const authorizer = inTurn([authorizePrivileged, nodeAuthorizer(store), roles])
  const context = { ...bare, admission: [preventEscalation(authorizer, rbac), restrictNodes] }
  const token = tokens === undefined ? [] : ([['serviceaccounts/token', tokenHandler(tokens)]] as const)
  const subresources = new Map([...SUBRESOURCES, ...token, ...(options.subresources ?? [])])
  const verifyToken = options.verifyToken ?? (tokens === undefined ? undefined : tokenVerifier(tokens, store))
  const metrics = new RequestMetrics(context.kinds)
  const perform = createHandler({ context, authorizer, verifyToken, subresources, metrics })
  const audited = (handle: HandleRequest) => {
    return options.audit === undefined ? handle : auditRequests(handle, { ...context, ...options.audit })
  }
  // The cluster's own controllers, which come by `handle`, are not kept waiting by a flood of others.
  const handle = metrics.measure(audited(perform))
  const timely = limitDuration(perform, options.requestTimeoutMs ?? DEFAULT_DEADLINE_MS, context.clock)
  const limited = metrics.measure(audited(limitRequests(timely, { ...DEFAULT_LIMITS, ...options.limits })))
  const spoken = writeLegibly(speakProtobuf(limited, context.kinds))
  const { log, clock } = context
  const server = started.use(new TlsServer(options, { handle: spoken, verifyToken, log, clock }))
  await server.listen(options.listeners)
  started.use(keepNodePorts(options, { handle, log, clock }))
  const running = started.move()
  return { handle, addresses: server.addresses, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Mends the book of node ports while the server runs; Events tell of what was wrong. */
function keepNodePorts(
  { store, nodePorts = NODE_PORTS }: ApiServerOptions,
  { handle, log, clock }: Pick<ApiContext, 'log' | 'clock'> & { readonly handle: HandleRequest },
): AsyncDisposable {
  const client = createClient(
    createLocalTransport({ handle }, { name: 'system:apiserver', groups: ['system:masters'] }),
  )
  const recorder = createEventRecorder({ client, component: 'portallocator-repair-controller', clock, log })
  const report = ({ service, reason, message }: PortFault) => recorder.event(service, 'Warning', reason, message)
  const repairer = new NodePortRepairer({ store, nodePorts, log, clock, report })
  return {
    async [Symbol.asyncDispose]() {
      await repairer[Symbol.asyncDispose]()
      await recorder.flush()
    },
  }
}

function contextOf(options: ApiServerOptions): ApiContext {
  const { store, kinds, hooks, log, clock = systemClock, random = systemRandom } = options
  const { serviceCidrs } = options.bootstrap
  const config = { serviceCidrs, ...(options.nodePorts === undefined ? {} : { nodePorts: options.nodePorts }) }
  const allocation = serviceAllocationHook({ store, config, random, clock })
  const table = new KindTable(kinds ?? KINDS)
  const changed = () => loadCustomKinds(table, store)
  changed()
  const definitions = definitionHook({ store, kinds: table, clock, changed })
  return {
    store,
    kinds: table,
    clock,
    random,
    log,
    allocators: new Map([['services', allocation]]),
    hooks: new Map([
      ['ingresses', ingressClassHook(store)],
      ['pods', podHooks(store, random)],
      ['priorityclasses', priorityClassHook(store)],
      ['customresourcedefinitions', definitions],
      ...(hooks ?? []),
    ]),
    admission: [],
  }
}

/** One HTTPS server behind several listening sockets. */
class TlsServer implements AsyncDisposable {
  readonly #https: HttpsServer
  readonly #servers: Server[] = []
  readonly #connections = new Set<Socket>()
  readonly #unread = new WeakSet<Duplex>()

  constructor(
    { tls, patience = DEFAULT_PATIENCE }: Pick<ApiServerOptions, 'tls' | 'patience'>,
    exchanging: ExchangeOptions,
  ) {
    const { log } = exchanging
    const settings = {
      key: tls.privateKey,
      cert: tls.certificate,
      ca: tls.clientAuthority,
      minVersion: 'TLSv1.2' as const,
      ALPNProtocols: ['http/1.1'],
      requestCert: true,
      // Whoever shows no certificate may bring a token; a wrong one is told apart by authentication.
      rejectUnauthorized: false,
      ...patience,
      maxHeaderSize: 64 * 1024,
    }
    this.#https = createHttpsServer(settings, (message, response) => {
      void exchange(exchanging, message, response)
    })
    this.#https.on('upgrade', (message, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      void exchangeUpgrade(exchanging, message, socket)
    })
    this.#https.on('tlsClientError', (error) => log.debug({ err: error }, 'A TLS handshake failed'))
    this.#https.on('clientError', (error, socket) => {
      // Every further packet of what is no request comes here as well.
      if (!this.#unread.has(socket)) this.#giveUp(error, socket, exchanging)
    })
    // Its sockets come from others; without this event Node.js does not look for requests that take too long.
    this.#https.emit('listening')
  }

  #giveUp(error: Error, socket: Duplex, { log, clock }: ExchangeOptions): void {
    this.#unread.add(socket)
    log.debug({ reason: error.message, code: systemErrorCode(error) }, 'A request could not be read')
    if (!socket.writable || systemErrorCode(error) === 'ECONNRESET') {
      socket.destroy()
      return
    }
    socket.end(unreadableAnswer(error))
    // Were it closed on bytes that nobody read, the end would overtake what was said last.
    socket.resume()
    socket.once(
      'close',
      clock.after(LAST_WORDS_MS, () => socket.destroy()),
    )
  }

  get addresses(): readonly AddressInfo[] {
    return this.#servers.map((server) => server.address() as AddressInfo)
  }

  async listen(listeners: readonly Listener[]): Promise<void> {
    try {
      for (const listener of listeners) await this.#listenOn(listener)
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  async #listenOn(listener: Listener): Promise<void> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) =>
      this.#accept(socket),
    )
    const listening = once(server, 'listening')
    server.listen(listener)
    try {
      await listening
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EADDRINUSE' || !('host' in listener)) throw cause
      const place = `${listener.host}:${listener.port}`
      throw new FairleadError('PORT_TAKEN', `Cannot serve the API on ${place}: the port is in use`, { cause })
    }
    this.#servers.push(server)
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
    this.#https.emit('connection', socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map((server) => once(server, 'close'))
    for (const server of this.#servers) server.close()
    for (const socket of this.#connections) socket.destroy()
    await Promise.all(closed)
    this.#https.closeAllConnections()
    this.#https.close()
  }
}

/** What happens to a pod before it is stored; the account comes last, since it adds to what is there. */
function podHooks(store: Store, random: Random): WriteHook {
  const classes = oneAfterTheOther(podPriorityHook(store), podRuntimeClassHook(store))
  return oneAfterTheOther(classes, podAccountHook(store, random))
}
