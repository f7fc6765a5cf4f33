import { networkInterfaces } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import type { BlockConfig, ReadyConfig } from './corefile/server-config.ts'
import { ClusterSource } from './server/cluster-source.ts'
import { DnsMetrics } from './server/metrics.ts'
import { Responder } from './server/responder.ts'
import { ServerBlock } from './server/server-block.ts'
import { StatusPages } from './server/status-pages.ts'
import { TcpServer } from './server/tcp-server.ts'
import { UdpServer } from './server/udp-server.ts'
import { ZoneChoice } from './server/zone-choice.ts'
import { KubernetesZone } from './zone/kubernetes-zone.ts'

export interface DnsServerOptions {
  readonly blocks: readonly BlockConfig[]
  /** A client for the directive `kubernetes`; called once, where there is one. */
  readonly client: () => Client
  readonly log: Log
  readonly clock: Clock
  /** 0 <= x < 1 */
  readonly random?: () => number
  /** Where the directives `log` and `errors` write. */
  readonly writeLine: (line: string) => void
  /** Called when questions go round in a circle. */
  readonly onLoop: (text: string) => void
  /** Our own addresses. @default those of this machine */
  readonly localAddresses?: readonly string[]
  readonly version?: string
  /** Packets one by one. */
  readonly plain?: boolean
}

/** A running DNS server. */
export interface DnsServer extends AsyncDisposable {
  /** Resolves when the cluster's objects are known; nobody is denied a name before. */
  readonly synced: Promise<void>
  readonly metrics: DnsMetrics
  /** Ports that it answers on, as the kernel gave them. */
  readonly ports: readonly number[]
  /** Puts other server blocks in place of those that are there, which answer until the new ones know the cluster. */
  reload(blocks: readonly BlockConfig[]): Promise<void>
  /** Is no longer ready, and goes on answering for as long as `health` says (lameduck). */
  lameduck(): Promise<void>
}

/**
 * Starts a server for the blocks of a Corefile: listens at once, and answers SERVFAIL for names that it cannot know yet.
 *
 * @throws FairleadError `PORT_TAKEN`, `NOT_FOUND` for a missing file of upstreams.
 */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const server = new RunningServer(options)
  try {
    await server.start()
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/** The blocks of one version of the Corefile, and what keeps their names. */
interface Generation extends AsyncDisposable {
  readonly configs: readonly BlockConfig[]
  readonly blocks: readonly ServerBlock[]
  readonly synced: Promise<void>
}

interface Place {
  readonly port: number
  readonly hosts: readonly string[]
  readonly blocks: readonly ServerBlock[]
}

/** Sockets of one place; which blocks answer there may change. */
interface Listener extends AsyncDisposable {
  readonly ports: readonly number[]
  choice: ZoneChoice
}

class RunningServer implements DnsServer {
  readonly metrics = new DnsMetrics()
  readonly #options: DnsServerOptions
  readonly #listeners = new Map<string, Listener>()
  #generation: Generation
  #pages: { readonly key: string; readonly server: StatusPages } | undefined
  #isLeaving = false
  #ready = false

  constructor(options: DnsServerOptions) {
    this.#options = options
    this.#generation = openGeneration(options, options.blocks, this.metrics)
    describe(this.metrics, options.version ?? 'fairlead', () => this.#generation.configs)
  }

  get synced(): Promise<void> {
    return this.#generation.synced
  }

  get ports(): readonly number[] {
    return [...new Set([...this.#listeners.values()].flatMap(({ ports }) => ports))]
  }

  async start(): Promise<void> {
    await this.#listen()
    this.#settle(this.#generation)
  }

  async reload(blocks: readonly BlockConfig[]): Promise<void> {
    const next = openGeneration(this.#options, blocks, this.metrics)
    try {
      await next.synced
    } catch (error) {
      await next[Symbol.asyncDispose]()
      throw error
    }
    const old = this.#generation
    this.#generation = next
    await this.#listen()
    this.#settle(next)
    await old[Symbol.asyncDispose]()
  }

  async lameduck(): Promise<void> {
    // As upstream: alive to the last, but not ready, so that nobody new comes.
    this.#ready = false
    this.#isLeaving = true
    const ms = Math.max(0, ...this.#generation.configs.map(({ health }) => health?.lameduckMs ?? 0))
    if (ms > 0) await this.#options.clock.sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages?.server[Symbol.asyncDispose]()
    for (const listener of this.#listeners.values()) await listener[Symbol.asyncDispose]()
    await this.#generation[Symbol.asyncDispose]()
  }

  #settle({ synced, blocks }: Generation): void {
    const { log } = this.#options
    synced.then(
      () => {
        this.#ready = !this.#isLeaving
        log.info({ ports: this.ports }, 'Names of the cluster are known')
      },
      (error: unknown) => log.debug({ err: error }, 'Stopped before the names of the cluster were known'),
    )
    for (const block of blocks) {
      block.findLoop().catch((error: unknown) => log.warn({ err: error }, 'Cannot look for forwarding loops'))
    }
  }

  /** Opens what the blocks need and is not open, closes what they no longer need. */
  async #listen(): Promise<void> {
    const places = placesOf(this.#generation.blocks)
    for (const [key, listener] of this.#listeners) {
      if (places.has(key)) continue
      this.#listeners.delete(key)
      await listener[Symbol.asyncDispose]()
    }
    for (const [key, place] of places) {
      const known = this.#listeners.get(key)
      if (known === undefined) this.#listeners.set(key, await listenAt(place, this.#options))
      else known.choice = new ZoneChoice(place.blocks)
    }
    await this.#openPages()
  }

  async #openPages(): Promise<void> {
    const { configs } = this.#generation
    const key = JSON.stringify(configs.map(({ health, ready, prometheus }) => [health, ready, prometheus]))
    if (this.#pages?.key === key) return
    await this.#pages?.server[Symbol.asyncDispose]()
    const server = new StatusPages()
    this.#pages = { key, server }
    const open = new Set<string>()
    for (const { health, ready, prometheus } of configs) {
      for (const [address, routes] of [
        [health, this.#healthPages()],
        [ready, { '/ready': () => (this.#isReady(ready) ? OK : { code: 503, text: 'kubernetes' }) }],
        [prometheus, { '/metrics': () => ({ code: 200, text: this.metrics.text(), type: METRICS_TYPE }) }],
      ] as const) {
        if (address === undefined || open.has(`${address.host}:${address.port}`)) continue
        open.add(`${address.host}:${address.port}`)
        await server.open(address, routes)
      }
    }
  }

  /** With `monitor continuously` also names that are not known again after a reload count. */
  #isReady(config: ReadyConfig | undefined): boolean {
    if (config?.isContinuous !== true) return this.#ready
    return this.#ready && this.#generation.blocks.every(({ isSynced }) => isSynced)
  }

  #healthPages() {
    const queries = () => this.#generation.blocks.flatMap(({ queryLog }) => queryLog?.records() ?? [])
    return {
      '/health': () => OK,
      '/queries': () => ({ code: 200, text: JSON.stringify(queries()), type: 'application/json' }),
    }
  }
}

const OK = { code: 200, text: 'OK' }
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

function openGeneration(options: DnsServerOptions, configs: readonly BlockConfig[], metrics: DnsMetrics): Generation {
  const { clock, log, writeLine, onLoop, random = Math.random } = options
  const parts = new Disposables()
  const sources: ClusterSource[] = []
  const blocks = configs.map((config) => {
    const cluster = config.kubernetes === undefined ? undefined : openZone(options, config, metrics)
    if (cluster !== undefined) sources.push(parts.use(cluster.source))
    const namespaceOf = (address: string) => cluster?.source.namespaceOf(address)
    const zone = cluster?.zone
    return parts.use(new ServerBlock({ config, zone, namespaceOf, metrics, clock, random, log, writeLine, onLoop }))
  })
  const synced = Promise.all(sources.map((source) => source.synced())).then(() => {})
  synced.catch(() => {})
  return { configs, blocks, synced, [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose]() }
}

function openZone(options: DnsServerOptions, config: BlockConfig, metrics: DnsMetrics) {
  const { clock, log, client, localAddresses = machineAddresses() } = options
  const { kubernetes } = config
  if (kubernetes === undefined) throw new FairleadError('BUG', 'There is no cluster for this server block')
  const { loadbalance } = config
  const order = { turning: loadbalance !== undefined, preferred: loadbalance?.prefer ?? [] }
  const zone = new KubernetesZone({ ...kubernetes, localAddresses, ...order })
  const source = new ClusterSource({
    client: client(),
    config: kubernetes,
    zone,
    needsPods: kubernetes.pods === 'verified' || config.autopath?.source === '@kubernetes',
    log,
    clock,
    onProgrammed: (service_kind, seconds) =>
      metrics.time('coredns_kubernetes_dns_programming_duration_seconds', { service_kind }, seconds),
  })
  return { zone, source }
}

/** Blocks that share a port are told apart by zone; they listen on the same addresses. */
function placesOf(blocks: readonly ServerBlock[]): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const block of blocks) {
    const { port, bind } = block.config
    const key = JSON.stringify([port, [...bind].sort()])
    const known = places.get(key)?.blocks ?? []
    places.set(key, { port, hosts: bind.length === 0 ? anyAddress() : bind, blocks: [...known, block] })
  }
  return places
}

/** Every address; of IPv6 only where the machine has it. */
function anyAddress(): readonly string[] {
  const six = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === 'IPv6'))
  return six ? ['0.0.0.0', '::'] : ['0.0.0.0']
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  )
}

async function listenAt({ port, hosts, blocks }: Place, options: DnsServerOptions): Promise<Listener> {
  const { log } = options
  await using started = new Disposables()
  const ports: number[] = []
  const listener: { choice: ZoneChoice } = { choice: new ZoneChoice(blocks) }
  const responder = new Responder({
    resolve: (question, asker) => listener.choice.resolve(question, asker),
    ready: { write: (question, asker, place) => listener.choice.write(question, asker, place) },
    observe: (exchange) => listener.choice.observe(exchange),
    log,
  })
  const plain = options.plain === true ? { plain: true } : {}
  for (const host of hosts) {
    const udp = started.use(await UdpServer.open({ host, port, responder, log, ...plain }))
    started.use(await TcpServer.open({ host, port: udp.port, responder, log }))
    ports.push(udp.port)
  }
  const open = started.move()
  return Object.assign(listener, { ports, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() })
}

function describe(metrics: DnsMetrics, version: string, configs: () => readonly BlockConfig[]): void {
  metrics.gauge('coredns_build_info', () => [[{ goversion: `node ${process.version}`, revision: '', version }, 1]])
  metrics.gauge('process_resident_memory_bytes', () => [[{}, process.memoryUsage.rss()]])
  metrics.gauge('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage()
    return [[{}, (user + system) / 1e6]]
  })
  metrics.gauge('coredns_plugin_enabled', () =>
    configs().flatMap((block) =>
      enabled(block).flatMap((name) =>
        block.zones.map((zone) => [{ server: `dns://:${block.port}`, zone: `${zone}.`, view: '', name }, 1] as const),
      ),
    ),
  )
}

function enabled(block: BlockConfig): readonly string[] {
  const parts = {
    kubernetes: block.kubernetes,
    forward: block.forwards[0],
    cache: block.cache,
    hosts: block.hosts,
    rewrite: block.rewrites[0],
    log: block.log,
    errors: block.errors,
    health: block.health,
    ready: block.ready,
    prometheus: block.prometheus,
    loop: block.loop || undefined,
    reload: block.reload,
    loadbalance: block.loadbalance,
    autopath: block.autopath,
  }
  return Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [name]))
}
