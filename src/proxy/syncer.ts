import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { CompileAhead } from './compile-ahead.ts'
import type { FamilyTable } from './family-table.ts'
import { changesServices, type NodeView } from './node-view.ts'
import type { Program, ServiceObjects } from './program.ts'
import type { ProxyMetrics } from './proxy-metrics.ts'
import { type Connections, forgetStaleConnections } from './stale-connections.ts'
import { SyncPace } from './sync-pace.ts'

/** What the syncer reads when it is time: the newest state of the API. */
export interface ProxySource {
  objects(key: string): ServiceObjects
  keys(): Iterable<string>
}

export interface SyncerOptions {
  readonly program: Program
  readonly kernel: NftKernel
  readonly connections: Connections
  readonly source: ProxySource
  readonly log: Log
  readonly clock: Clock
  readonly metrics: ProxyMetrics
}

/** How often somebody else's changes to nf_tables are looked for. */
const WATCH_MS = 5000
/** Clients that are bound to endpoints that left are gathered for this long. */
const FORGET_MS = 1000
const RETRY_MS = 1000
const MAX_RETRY_MS = 30_000

/**
 * Decides when what is sent to the kernel: a change at once when there was none just before, else together with the
 * others that come while it rests (see {@link SyncPace}). When the kernel refuses, or somebody else touched the tables, it reads back and repairs.
 */
export class Syncer implements Disposable {
  readonly #options: SyncerOptions
  readonly #changed = new Set<string>()
  /** When the causes of the changes happened, in milliseconds since the epoch. */
  #triggers: number[] = []
  #node: NodeView | undefined
  #serviceCidrs: readonly string[] | undefined
  /** Families in which clients may be bound to endpoints that left. */
  readonly #orphaned = new Set<FamilyTable>()
  #forgetting: (() => void) | undefined
  /** Before the start. */
  #ahead: CompileAhead | undefined
  #started = false
  #stopped = false
  readonly #pace = new SyncPace()
  #scheduled: (() => void) | undefined
  #watch: (() => void) | undefined
  #generation = 0
  #mustRepair = false
  /** Somebody else changed nf_tables between two of our transactions: whether ours suffered is looked for in time. */
  #othersAtWork = false
  #failures = 0

  constructor(options: SyncerOptions) {
    this.#options = options
  }

  /**
   * From now on Services are compiled that have come with endpoints, while the others are still being read; nothing is
   * sent before the start.
   */
  prepare(node: NodeView): void {
    this.#ahead = this.#begin(node)
    for (const key of this.#changed) this.#ahead.mark(key)
  }

  /**
   * Brings everything into the kernel. Changes marked before are part of it, those marked meanwhile follow.
   *
   * @throws FairleadError `KERNEL_REFUSED`
   */
  async start(node: NodeView): Promise<void> {
    const { program, source, log, kernel } = this.#options
    const begin = performance.now()
    using ahead = this.#ahead ?? this.#begin(node)
    this.#ahead = undefined
    const isOther = changesServices(program.node, node)
    program.setNode(node)
    this.#takeServiceCidrs()
    if (program.missing.length > 0)
      log.warn({ families: program.missing }, 'The kernel has no nf_tables of these families')
    const keys = Array.from(source.keys())
    const left = new Set([...keys, ...this.#changed].filter((key) => isOther || !ahead.has(key)))
    this.#changed.clear()
    this.#triggers = []
    this.#node = undefined
    const { changes, rebuilt } = await ahead.first.finishOverlapped(objectsOf(source, left))
    const ms = Math.round(performance.now() - begin)
    if (this.#stopped) return
    this.#started = true
    this.#generation = kernel.generation()
    this.#succeeded('full', begin)
    this.#watch = this.#options.clock.after(WATCH_MS, () => this.#lookForOthers())
    log.info({ services: keys.length, changes, rebuilt, ms }, 'Services are in the kernel')
    if (this.#changed.size > 0 || this.#node !== undefined || this.#serviceCidrs !== undefined) this.#schedule()
  }

  /** A Service or one of its slices changed. @param trigger When what caused it happened, if known. */
  mark(key: string, trigger?: number): void {
    this.#changed.add(key)
    this.#ahead?.mark(key)
    if (trigger !== undefined) this.#triggers.push(trigger)
    this.#schedule()
  }

  /** The node's addresses or pod ranges changed. */
  markNode(node: NodeView): void {
    this.#node = node
    this.#schedule()
  }

  /** The ranges that ClusterIPs are taken from changed. */
  markServiceCidrs(cidrs: readonly string[]): void {
    this.#serviceCidrs = cidrs
    this.#schedule()
  }

  /** Sends what is due now. */
  flush(): void {
    this.#cancel()
    if (!this.#started || this.#stopped) return
    const begin = performance.now()
    this.#pace.begin(this.#options.clock.now())
    const kind = this.#mustRepair ? 'full' : 'partial'
    try {
      this.#apply()
      if (this.#mustRepair) this.#repair()
      else this.#commit()
      this.#succeeded(kind, begin)
    } catch (err) {
      this.#failed(err)
    }
  }

  /** Leaves everything in the kernel as it is. */
  [Symbol.dispose](): void {
    this.#stopped = true
    this.#cancel()
    this.#ahead?.[Symbol.dispose]()
    this.#ahead = undefined
    this.#watch?.()
    this.#forgetting?.()
  }

  #begin(node: NodeView): CompileAhead {
    const { program, source } = this.#options
    return new CompileAhead(
      program.begin(node, (objects) => this.#setService(objects)),
      source,
    )
  }

  #schedule(): void {
    if (!this.#started || this.#stopped || this.#scheduled !== undefined) return
    const due = this.#pace.restMs(this.#options.clock.now())
    if (due > 0 || this.#failures > 0)
      this.#scheduled = this.#options.clock.after(Math.max(due, this.#retryMs()), () => this.flush())
    else this.#scheduleNow()
  }

  /** After all that is being told just now, so that it goes into one transaction. */
  #scheduleNow(): void {
    const immediate = setImmediate(() => this.flush())
    this.#scheduled = () => clearImmediate(immediate)
  }

  #cancel(): void {
    this.#scheduled?.()
    this.#scheduled = undefined
  }

  /** Hands the changes to the compiler. */
  #apply(): void {
    const { program, source } = this.#options
    if (this.#node !== undefined) {
      const moved = changesServices(this.#node, program.node)
      program.setNode(this.#node)
      this.#node = undefined
      if (moved) for (const key of source.keys()) this.#changed.add(key)
    }
    this.#takeServiceCidrs()
    for (const key of this.#changed) this.#setService(source.objects(key))
    this.#changed.clear()
  }

  #takeServiceCidrs(): void {
    if (this.#serviceCidrs !== undefined) this.#options.program.setServiceCidrs(this.#serviceCidrs)
    this.#serviceCidrs = undefined
  }

  #setService(objects: ServiceObjects): void {
    const { program, log } = this.#options
    try {
      const plan = program.setService(objects)
      if (plan?.kind === 'programmed') {
        for (const problem of plan.problems) log.warn({ problem }, 'Part of an object cannot be programmed')
      }
      for (const conflict of program.conflictsOf(objects.key)) {
        log.warn({ service: objects.key, conflict }, 'An address is wanted by two Services; the older one has it')
      }
    } catch (err) {
      log.error({ err, service: objects.key }, 'Service cannot be programmed')
    }
  }

  #commit(): void {
    const { program, kernel } = this.#options
    if (kernel.generation() !== this.#generation) this.#othersAtWork = true
    program.commit()
    this.#generation = kernel.generation()
  }

  #repair(): void {
    const { program, kernel, log } = this.#options
    const { changes, rebuilt } = program.repair()
    this.#mustRepair = false
    this.#othersAtWork = false
    this.#generation = kernel.generation()
    if (changes > 0) log.warn({ changes, rebuilt }, 'The kernel had not what it should: repaired')
  }

  #succeeded(kind: 'full' | 'partial', begin: number): void {
    const { metrics, clock } = this.#options
    this.#failures = 0
    const took = performance.now() - begin
    this.#pace.took(took)
    metrics.synced(kind, took / 1000)
    for (const trigger of this.#triggers) metrics.programmed(Math.max(0, clock.now() - trigger) / 1000)
    this.#triggers = []
    this.#forgetConnections()
    for (const table of this.#options.program.takeOrphans()) this.#orphaned.add(table)
    if (this.#orphaned.size > 0) this.#forgetting ??= clock.after(FORGET_MS, () => this.#forgetBindings())
  }

  /** Unbinds clients from endpoints that left. */
  #forgetBindings(): void {
    this.#forgetting = undefined
    const { program, kernel, log, clock } = this.#options
    const tables = [...this.#orphaned]
    this.#orphaned.clear()
    try {
      const undisturbed = kernel.generation() === this.#generation
      const done = program.forgetDeadBindings(tables)
      if (undisturbed) this.#generation = kernel.generation()
      if (done) return
      for (const table of tables) this.#orphaned.add(table)
      this.#forgetting = clock.after(FORGET_MS, () => this.#forgetBindings())
    } catch (err) {
      log.warn({ err }, 'Clients could not be unbound from former endpoints')
    }
  }

  #failed(err: unknown): void {
    const { log, metrics } = this.#options
    metrics.syncFailed()
    this.#mustRepair = true
    this.#failures += 1
    log.error({ err, attempt: this.#failures }, 'The kernel refused Services: reading back and trying again')
    // The first time at once: most refusals come from somebody else's change, which reading back takes in.
    if (this.#failures === 1) this.#scheduleNow()
    else this.#schedule()
  }

  #retryMs(): number {
    return this.#failures === 0 ? 0 : Math.min(RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS)
  }

  #lookForOthers(): void {
    if (this.#stopped) return
    this.#watch = this.#options.clock.after(WATCH_MS, () => this.#lookForOthers())
    if (this.#options.kernel.generation() === this.#generation && !this.#othersAtWork) return
    this.#mustRepair = true
    this.flush()
  }

  #forgetConnections(): void {
    const { program, connections, metrics, log } = this.#options
    const plans = program.takeChangedUdp()
    if (plans.length === 0) return
    const begin = performance.now()
    try {
      const deleted = forgetStaleConnections(connections, plans)
      metrics.connectionsChecked((performance.now() - begin) / 1000, deleted)
    } catch (err) {
      log.warn({ err }, 'UDP connections to former endpoints could not be forgotten')
    }
  }
}

/** Each is read when it is its turn, and forgotten after that. */
function* objectsOf(source: ProxySource, keys: Iterable<string>): Generator<ServiceObjects> {
  for (const key of keys) yield source.objects(key)
}
