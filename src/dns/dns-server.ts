import { networkInterfaces } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import type { KubernetesConfig } from './corefile/kubernetes-config.ts'
import type { BlockConfig } from './corefile/server-config.ts'
import { describeServer } from './server/describe-server.ts'
import { Generation } from './server/generation.ts'
import { type Listener, listenAt, placesOf } from './server/listener.ts'
import { DnsMetrics, type MetricFamily } from './server/metrics.ts'
import { openPages, type ServerPages } from './server/server-pages.ts'
import { ZoneChoice } from './server/zone-choice.ts'
import type { WorkerPlace } from './workers/worker-message.ts'
import { WorkerPool, type WorkerPoolOptions } from './workers/worker-pool.ts'

export interface DnsServerOptions {
  readonly blocks: readonly BlockConfig[]
  /** A client for a directive `kubernetes`; called for each block that has one. */
  readonly client: (config: KubernetesConfig) => Client | Promise<Client>
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
  /** Threads that answer by UDP, the main one included. @default 1 */
  readonly workers?: number
  /** The program of the other threads. */
  readonly workerProgram?: URL
}

/** A running DNS server. */
export interface DnsServer extends AsyncDisposable {
  /** Resolves when the cluster's objects are known in all threads; nobody is denied a name before. */
  readonly synced: Promise<void>
  /** Of the main thread. */
  readonly metrics: DnsMetrics
  /** Ports that it answers on, as the kernel gave them. */
  readonly ports: readonly number[]
  /** Resolves with the reason when it cannot go on: one of its threads has ended. */
  readonly failed: Promise<FairleadError>
  /** The figures of all threads, as text for Prometheus. */
  metricsText(): Promise<string>
  /** The figures of each thread, the main one first. */
  threadFigures(): Promise<readonly (readonly MetricFamily[])[]>
  /** Puts other server blocks in place of those that are there, which answer until the new ones know the cluster. */
  reload(blocks: readonly BlockConfig[]): Promise<void>
  /** Is no longer ready, and goes on answering for as long as `health` says (lameduck). */
  lameduck(): Promise<void>
}

/**
 * Starts a server for the blocks of a Corefile: listens at once, and answers SERVFAIL for names that it cannot know yet.
 *
 * @throws FairleadError `PORT_TAKEN`, `NOT_FOUND` and `INVALID_INPUT` for files and clusters that directives name,
 *   `PROCESS_FAILED` for a thread that does not start.
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

class RunningServer implements DnsServer {
  readonly metrics = new DnsMetrics()
  readonly failed: Promise<FairleadError>
  readonly #options: DnsServerOptions
  readonly #localAddresses: readonly string[]
  readonly #listeners = new Map<string, Listener>()
  readonly #workers: WorkerPool | undefined
  #fail = (_: FairleadError) => {}
  #generations = 0
  #generation: Generation | undefined
  #pages: ServerPages | undefined
  #isLeaving = false
  #ready = false

  constructor(options: DnsServerOptions) {
    this.#options = options
    this.#localAddresses = options.localAddresses ?? machineAddresses()
    this.failed = new Promise((resolve) => {
      this.#fail = resolve
    })
    this.#workers = this.#startWorkers()
    describeServer(this.metrics, options.version ?? 'fairlead', () => this.#now.configs)
  }

  get synced(): Promise<void> {
    return this.#now.synced
  }

  get ports(): readonly number[] {
    const sockets = [...this.#listeners.values()].flatMap(({ sockets }) => sockets)
    return [...new Set(sockets.map(({ port }) => port))]
  }

  async start(): Promise<void> {
    this.#generation = await this.#open(this.#options.blocks)
    await this.#listen(this.#generation)
    this.#settle(this.#generation)
  }

  async metricsText(): Promise<string> {
    // A server whose figures nobody reads does without.
    const { metricsText } = await import('./server/metrics-text.ts')
    return metricsText(await this.threadFigures())
  }

  async threadFigures(): Promise<readonly (readonly MetricFamily[])[]> {
    const others = (await this.#workers?.figures()) ?? []
    return [this.metrics.families(), ...others]
  }

  async reload(blocks: readonly BlockConfig[]): Promise<void> {
    const next = await this.#open(blocks)
    try {
      await next.synced
    } catch (error) {
      await next[Symbol.asyncDispose]()
      throw error
    }
    const old = this.#now
    this.#generation = next
    await this.#listen(next)
    this.#settle(next)
    await old[Symbol.asyncDispose]()
  }

  async lameduck(): Promise<void> {
    // As upstream: alive to the last, but not ready, so that nobody new comes.
    this.#ready = false
    this.#isLeaving = true
    const ms = Math.max(0, ...this.#now.configs.map(({ health }) => health?.lameduckMs ?? 0))
    if (ms > 0) await this.#options.clock.sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages?.[Symbol.asyncDispose]()
    for (const listener of this.#listeners.values()) await listener[Symbol.asyncDispose]()
    await this.#generation?.[Symbol.asyncDispose]()
    await this.#workers?.[Symbol.asyncDispose]()
  }

  get #now(): Generation {
    if (this.#generation === undefined) throw new FairleadError('BUG', 'The DNS server has not been started')
    return this.#generation
  }

  #startWorkers(): WorkerPool | undefined {
    const { workers = 1, log, plain = false, writeLine, workerProgram } = this.#options
    if (workers < 2) return undefined
    const program: Partial<WorkerPoolOptions> = workerProgram === undefined ? {} : { program: workerProgram }
    const listener = {
      line: writeLine,
      query: (id: number, ...told: Parameters<Generation['note']>) => this.#known(id)?.note(...told),
      seen: (id: number, ...seen: Parameters<Generation['seen']>) => this.#known(id)?.seen(...seen),
      failed: (error: FairleadError) => this.#fail(error),
    }
    return new WorkerPool({ count: workers - 1, log, plain, listener, ...program })
  }

  /** What threads tell of a Corefile that has been replaced since is of no use. */
  #known(id: number): Generation | undefined {
    return this.#generation?.id === id ? this.#generation : undefined
  }

  #open(configs: readonly BlockConfig[]): Promise<Generation> {
    const { client, log, clock, random = Math.random, writeLine, onLoop } = this.#options
    return Generation.open({
      id: ++this.#generations,
      configs,
      localAddresses: this.#localAddresses,
      metrics: this.metrics,
      workers: this.#workers,
      ...{ client, log, clock, random, writeLine, onLoop },
    })
  }

  #settle(generation: Generation): void {
    const { log } = this.#options
    generation.synced.then(
      () => {
        this.#ready = !this.#isLeaving
        log.info({ ports: this.ports }, 'Names of the cluster are known')
      },
      (error: unknown) => log.debug({ err: error }, 'Stopped before the names of the cluster were known'),
    )
    generation.findLoops().catch((error: unknown) => log.warn({ err: error }, 'Cannot look for forwarding loops'))
  }

  /** Opens what the blocks need and is not open, closes what they no longer need; then the other threads do so. */
  async #listen({ id, blocks }: Generation): Promise<void> {
    const places = placesOf(blocks)
    for (const [key, listener] of this.#listeners) {
      if (places.has(key)) continue
      this.#listeners.delete(key)
      await listener[Symbol.asyncDispose]()
    }
    const { log, plain = false } = this.#options
    const isShared = this.#workers !== undefined
    const shared: WorkerPlace[] = []
    for (const [key, place] of places) {
      const known = this.#listeners.get(key)
      const listener = known ?? (await listenAt(place, { log, plain, metrics: this.metrics, isShared }))
      this.#listeners.set(key, listener)
      listener.choice = new ZoneChoice(place.blocks)
      const indexes = place.blocks.map((block) => blocks.indexOf(block))
      shared.push(...listener.sockets.map((socket) => ({ ...socket, blocks: indexes })))
    }
    await this.#workers?.ask({ kind: 'listen', id, places: shared })
    this.#pages = await openPages(this.#pages, this.#now.configs, {
      log,
      isReady: (isContinuous) => this.#ready && (!isContinuous || this.#now.blocks.every(({ isSynced }) => isSynced)),
      queries: () => this.#now.queries.records(),
      metricsText: () => this.metricsText(),
    })
  }
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  )
}
