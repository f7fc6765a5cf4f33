import type { Clock } from '../../base/clock.ts'
import { Disposables } from '../../base/disposables.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import type { KubernetesConfig } from '../corefile/kubernetes-config.ts'
import type { BlockConfig } from '../corefile/server-config.ts'
import type { WorkerPool } from '../workers/worker-pool.ts'
import { KubernetesZone } from '../zone/kubernetes-zone.ts'
import { PodNamespaces } from '../zone/pod-namespaces.ts'
import type { Asker } from './asker.ts'
import { ClusterSource } from './cluster-source.ts'
import { LoopProbe } from './loop-probe.ts'
import type { DnsMetrics } from './metrics.ts'
import { QueryLog, type QueryRecord, RecentQueries } from './query-log.ts'
import { ServerBlock, takesTurns } from './server-block.ts'

export interface GenerationOptions {
  readonly id: number
  readonly configs: readonly BlockConfig[]
  /** A client for a directive `kubernetes`. */
  readonly client: (config: KubernetesConfig) => Client | Promise<Client>
  readonly localAddresses: readonly string[]
  readonly metrics: DnsMetrics
  readonly log: Log
  readonly clock: Clock
  readonly random: () => number
  readonly writeLine: (line: string) => void
  readonly onLoop: (text: string) => void
  /** Threads that answer too. */
  readonly workers: WorkerPool | undefined
}

/** The blocks of one version of the Corefile, and what keeps their names, here and in other threads. */
export class Generation implements AsyncDisposable {
  readonly id: number
  readonly configs: readonly BlockConfig[]
  readonly queries = new RecentQueries()
  readonly #options: GenerationOptions
  readonly #parts = new Disposables()
  readonly #probes: readonly (LoopProbe | undefined)[]
  #blocks: readonly ServerBlock[] = []
  #synced: Promise<void> = Promise.resolve()

  private constructor(options: GenerationOptions) {
    this.id = options.id
    this.configs = options.configs
    this.#options = options
    this.#probes = options.configs.map((config) => this.#probe(config))
  }

  /** @throws FairleadError for files and clusters that directives name and that cannot be used. */
  static async open(options: GenerationOptions): Promise<Generation> {
    const generation = new Generation(options)
    try {
      await generation.#open()
      return generation
    } catch (error) {
      await generation[Symbol.asyncDispose]()
      throw error
    }
  }

  get blocks(): readonly ServerBlock[] {
    return this.#blocks
  }

  /** Resolves when the cluster's objects are known, in all threads. */
  get synced(): Promise<void> {
    return this.#synced
  }

  /** Asks the upstreams for names that nobody else knows. */
  async findLoops(): Promise<void> {
    for (const [i, probe] of this.#probes.entries()) {
      await probe?.run(async (question) => this.#blocks[i]?.passOn.askFirst(question))
    }
  }

  /** A question, told here or by another thread. */
  note(record: QueryRecord, line: string): void {
    this.queries.add(record)
    this.#options.writeLine(line)
  }

  /** A probe came to another thread. */
  seen(block: number, { address, port }: { readonly address: string; readonly port: number }): void {
    this.#probes[block]?.seen({ address, port, protocol: 'udp', family: address.includes(':') ? 6 : 4 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]()
  }

  async #open(): Promise<void> {
    const { id, configs, workers, localAddresses } = this.#options
    const blocks = configs.map((config, i) => ({ config, probe: this.#probes[i]?.name }))
    const opened = workers?.ask({ kind: 'open', id, blocks, localAddresses })
    if (workers !== undefined) this.#parts.defer(() => workers.ask({ kind: 'close', id }).catch(() => {}))
    const synced: Promise<void>[] = opened === undefined ? [] : [opened]
    const open: ServerBlock[] = []
    for (const [block, config] of configs.entries()) {
      const source = await this.#source(block, config)
      if (source !== undefined) synced.push(this.#tellSynced(block, source.source))
      open.push(this.#parts.use(this.#block(block, config, source)))
    }
    this.#blocks = open
    this.#synced = Promise.all(synced).then(() => {})
    this.#synced.catch(() => {})
  }

  async #tellSynced(block: number, source: ClusterSource): Promise<void> {
    const { id, workers } = this.#options
    await source.synced()
    await workers?.ask({ kind: 'synced', id, block })
  }

  #block(index: number, config: BlockConfig, cluster: Cluster | undefined): ServerBlock {
    const { metrics, clock, random, log, writeLine } = this.#options
    return new ServerBlock({
      config,
      zone: cluster?.zone,
      namespaceOf: (address) => cluster?.pods.namespaceOf(address),
      ...{ metrics, clock, random, log, writeLine },
      queryLog:
        config.log === undefined ? undefined : new QueryLog(config.log, (record, line) => this.note(record, line)),
      probe: this.#probes[index],
    })
  }

  async #source(block: number, config: BlockConfig): Promise<Cluster | undefined> {
    const { id, workers, clock, log, client, localAddresses, metrics } = this.#options
    const { kubernetes } = config
    const zone = zoneOf(config, localAddresses)
    if (kubernetes === undefined || zone === undefined) return undefined
    const pods = new PodNamespaces()
    const source = new ClusterSource({
      client: await client(kubernetes),
      config: kubernetes,
      state: { zone, pods },
      ...(workers === undefined ? {} : { publish: (update) => workers.tell({ kind: 'update', id, block, update }) }),
      needsPods: kubernetes.pods === 'verified' || config.autopath?.source === '@kubernetes',
      log,
      clock,
      onProgrammed: (service_kind, seconds) =>
        metrics.time('coredns_kubernetes_dns_programming_duration_seconds', { service_kind }, seconds),
    })
    this.#parts.use(source)
    return { zone, pods, source }
  }

  #probe({ loop, forwards, zones: [zone = ''], port }: BlockConfig): LoopProbe | undefined {
    if (!loop || forwards.length === 0) return undefined
    const probe: LoopProbe = new LoopProbe(zone, ({ address, port: from }: Asker) =>
      this.#options.onLoop(
        `Loop (${address}:${from} -> :${port}) detected for zone "${zone}.", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${probe.name}."`,
      ),
    )
    return probe
  }
}

interface Cluster {
  readonly zone: KubernetesZone
  readonly pods: PodNamespaces
  readonly source: ClusterSource
}

/** The zone of a block's directive `kubernetes`, still without names; the same in each thread. */
export function zoneOf(config: BlockConfig, localAddresses: readonly string[]): KubernetesZone | undefined {
  const { kubernetes } = config
  return kubernetes && new KubernetesZone({ ...kubernetes, localAddresses, turning: takesTurns(config) })
}
