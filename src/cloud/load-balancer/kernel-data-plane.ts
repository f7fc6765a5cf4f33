import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { ConntrackSocket } from '../../linux/conntrack.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { type Carrier, carrierOf, kernelListener } from './carrier.ts'
import { type CheckedBackend, HealthChecks, type ProbeRequest } from './health/health-checks.ts'
import { probe } from './health/probe.ts'
import { healthKey, readUnhealthy, removeUnhealthy, writeUnhealthy } from './health/unhealthy-file.ts'
import { ADDRESS_DEVICE, AddressKeeper } from './layer4/address-keeper.ts'
import { frontendOf, type Layer4Listener } from './layer4/compile-layer4.ts'
import {
  ConnectionCutter,
  type CutPolicy,
  destinationKey,
  frontendResolver,
  PROTOCOL_NUMBERS,
} from './layer4/connection-cutter.ts'
import { Layer4Table } from './layer4/layer4-table.ts'
import { FAMILIES, type Family, TABLE_NAME } from './layer4/layout.ts'
import type { ProxiedListener } from './layer7/compile-haproxy.ts'
import { Layer7Listeners } from './layer7/layer7-listeners.ts'
import type {
  BackendPlan,
  DataPlane,
  DataPlaneReport,
  ListenerPlan,
  ListenerTraffic,
  LoadBalancerPlan,
} from './plan.ts'

/** Where health checks and layer-7 listeners come from when they call backends, of 100.64.0.0/10. */
export const BACKEND_SOURCE = '100.64.0.1'

const WATCH_MS = 1000

export interface KernelDataPlaneOptions {
  /** Path of the VPC's namespace. */
  readonly netns: string
  /** Of its own; what is in it outlives this process. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Load balancers in the VPC's namespace: layer 4 in nf_tables, layer 7 in HAProxy. Both go on when this process ends,
 * and the next one takes them over.
 */
export class KernelDataPlane implements DataPlane {
  readonly #options: KernelDataPlaneOptions
  readonly #nft: NftSocket
  readonly #conntrack: ConntrackSocket
  readonly #addresses: AddressKeeper
  readonly #tables: Readonly<Record<Family, Layer4Table>>
  readonly #layer7: Layer7Listeners
  readonly #health: HealthChecks
  readonly #cutter: ConnectionCutter
  #plan: LoadBalancerPlan = { listeners: [] }
  #problems: ReadonlyMap<string, string> = new Map()
  /** What is being done; the next follows it. */
  #work: Promise<void> = Promise.resolve()
  #stopWatching: () => void = () => {}
  #disposed = false

  constructor(options: KernelDataPlaneOptions) {
    const { netns, directory, clock, log } = options
    this.#options = options
    this.#nft = NftSocket.open(netns)
    this.#conntrack = ConntrackSocket.open(netns)
    this.#addresses = new AddressKeeper(netns)
    this.#tables = { ip: new Layer4Table(this.#nft, 'ip'), ip6: new Layer4Table(this.#nft, 'ip6') }
    this.#layer7 = new Layer7Listeners({
      netns,
      directory: layer7Directory(directory),
      source: BACKEND_SOURCE,
      clock,
      log,
    })
    this.#cutter = new ConnectionCutter(this.#conntrack, clock)
    this.#health = new HealthChecks({
      clock,
      log,
      probe: (request: ProbeRequest) => probe({ ...request, netns, source: BACKEND_SOURCE }, request.kind),
      onChange: () => this.#healthChanged(),
      unhealthy: readUnhealthy(directory),
    })
    this.#addresses.add([BACKEND_SOURCE])
  }

  apply(plan: LoadBalancerPlan): Promise<void> {
    this.#plan = plan
    this.#health.follow(plan.listeners.flatMap(checkedBackends))
    this.#watch()
    return this.#enqueue()
  }

  async report(): Promise<DataPlaneReport> {
    const health = this.#plan.listeners.flatMap((listener) =>
      listener.backends.map(({ key }) => {
        const name = healthKey(listener, key)
        return [name, this.#health.health(name)] as const
      }),
    )
    const layer7 = await this.#layer7.traffic()
    return {
      health: new Map(health),
      traffic: new Map([...this.#layer4Traffic(), ...layer7]),
      problems: this.#problems,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#stopWatching()
    this.#health[Symbol.dispose]()
    await this.#work.catch(() => {})
    this.#cutter[Symbol.dispose]()
    this.#layer7[Symbol.dispose]()
    for (const one of [this.#addresses, this.#conntrack, this.#nft]) one[Symbol.dispose]()
  }

  /** One after the other; whoever comes last finds the newest plan and health. */
  #enqueue(): Promise<void> {
    const work = this.#work.then(
      () => this.#program(),
      () => this.#program(),
    )
    this.#work = work
    return work
  }

  #healthChanged(): void {
    writeUnhealthy(this.#options.directory, this.#health.unhealthy())
    this.#enqueue().catch((error: unknown) => {
      this.#options.log.error({ err: error }, 'load balancers could not follow the health of their backends')
    })
  }

  async #program(): Promise<void> {
    if (this.#disposed) return
    const { listeners } = this.#plan
    const carried = listeners.map((listener) => ({ listener, carrier: carrierOf(listener) }))
    const addresses = [
      BACKEND_SOURCE,
      ...carried.flatMap(({ listener, carrier }) => (carrier.kind === 'none' ? [] : listener.address)),
    ]
    this.#addresses.add(addresses)
    this.#programKernel(carried)
    const problems = new Map(
      carried.flatMap(({ listener, carrier }) => (carrier.kind === 'none' ? [[listener.key, carrier.reason]] : [])),
    )
    this.#problems = problems
    const proxied = carried.flatMap(({ listener, carrier }) =>
      carrier.kind === 'haproxy' ? this.#proxied(listener) : [],
    )
    const more = await this.#layer7.apply(proxied)
    this.#problems = new Map([...problems, ...more])
    this.#addresses.keep(addresses)
  }

  #programKernel(carried: readonly { readonly listener: ListenerPlan; readonly carrier: Carrier }[]): void {
    const wanted: Record<Family, Layer4Listener[]> = { ip: [], ip6: [] }
    const policies = new Map<string, CutPolicy>()
    for (const { listener, carrier } of carried) {
      if (carrier.kind !== 'kernel') continue
      const one = kernelListener(listener, carrier.protocol, this.#serving(listener))
      wanted[carrier.family].push(one)
      policies.set(frontendOf(one), this.#cutPolicy(listener, carrier.protocol))
    }
    const gone = new Set<string>()
    for (const family of FAMILIES) {
      const before = this.#tables[family].frontends()
      this.#tables[family].apply(wanted[family])
      for (const frontend of before) if (!policies.has(frontend)) gone.add(frontend)
    }
    this.#cutter.follow(policies, gone)
  }

  #serving(listener: ListenerPlan): BackendPlan[] {
    return listener.backends.filter(({ key, weight }) => weight > 0 && this.#health.isHealthy(healthKey(listener, key)))
  }

  #proxied(listener: ListenerPlan): ProxiedListener {
    return { listener, serving: new Set(this.#serving(listener).map(({ key }) => key)) }
  }

  #cutPolicy(listener: ListenerPlan, protocol: 'tcp' | 'udp'): CutPolicy {
    const resting = listener.backends.filter(
      ({ key, weight }) => weight === 0 && this.#health.isHealthy(healthKey(listener, key)),
    )
    return {
      protocol,
      ...(listener.lastPort === undefined ? {} : { lastPort: listener.lastPort }),
      serving: new Set(this.#serving(listener).map(destinationKey)),
      resting: new Set(resting.map(destinationKey)),
      drainTimeout: listener.layer4?.connectionDrainTimeout,
    }
  }

  #layer4Traffic(): Map<string, ListenerTraffic> {
    const carried = this.#plan.listeners.flatMap((listener) => {
      const carrier = carrierOf(listener)
      if (carrier.kind !== 'kernel') return []
      const { key, lastPort } = listener
      const range = lastPort === undefined ? {} : { lastPort }
      return { ...carrier, key, ...range, frontend: frontendOf({ ...listener, protocol: carrier.protocol }) }
    })
    const families = FAMILIES.filter((family) => carried.some((one) => one.family === family))
    const counted = new Map(families.flatMap((family) => [...this.#tables[family].traffic()]))
    const active = this.#activeConnections(carried)
    return new Map(
      carried.map(({ key, frontend }) => {
        const traffic = counted.get(frontend) ?? { newConnections: 0n, inBytes: 0n, outBytes: 0n }
        return [key, { ...traffic, activeConnections: active.get(frontend) ?? 0n }] as const
      }),
    )
  }

  /** Connections that the kernel tracks now, by frontend. Only what is carried is listed. */
  #activeConnections(carried: readonly CarriedFrontend[]): Map<string, bigint> {
    const active = new Map<string, bigint>()
    const resolve = frontendResolver(carried.map((one) => [one.frontend, one] as const))
    for (const family of FAMILIES) {
      for (const protocol of ['tcp', 'udp'] as const) {
        if (!carried.some((one) => one.family === family && one.protocol === protocol)) continue
        for (const entry of this.#conntrack.list(family, PROTOCOL_NUMBERS[protocol])) {
          const { frontend } = resolve(entry)
          active.set(frontend, (active.get(frontend) ?? 0n) + 1n)
        }
      }
    }
    return active
  }

  /** HAProxy may be a child of the process before this one, so that nobody is told when it ends. */
  #watch(): void {
    this.#stopWatching()
    if (this.#disposed) return
    this.#stopWatching = this.#options.clock.after(WATCH_MS, () => {
      if (!this.#layer7.sound) {
        this.#options.log.warn('HAProxy ended and is started again')
        this.#enqueue().catch((error: unknown) => {
          this.#options.log.error({ err: error }, 'HAProxy could not be started again')
        })
      }
      this.#watch()
    })
  }
}

/**
 * Removes all that load balancers left in a namespace, and what they kept on disk.
 *
 * @throws FairleadError
 */
export async function removeLoadBalancers(options: KernelDataPlaneOptions): Promise<void> {
  const { netns, directory, clock, log } = options
  using layer7 = new Layer7Listeners({
    netns,
    directory: layer7Directory(directory),
    source: BACKEND_SOURCE,
    clock,
    log,
  })
  await layer7.remove()
  using nft = NftSocket.open(netns)
  const batch = new NftBatch()
  for (const family of FAMILIES) batch.destroyTable({ family, table: TABLE_NAME })
  nft.commit(batch)
  using route = RouteSocket.open(netns)
  route.deleteLink(ADDRESS_DEVICE)
  removeUnhealthy(directory)
}

/** What the kernel carries, and for which address and port. */
type CarriedFrontend = Carrier & { readonly kind: 'kernel'; readonly frontend: string; readonly lastPort?: number }

function layer7Directory(directory: string): string {
  return join(directory, 'haproxy')
}

function checkedBackends(listener: ListenerPlan): CheckedBackend[] {
  const check = listener.healthCheck
  if (check.type === 'off') return []
  return listener.backends.map(({ key, address, port }) => ({
    key: healthKey(listener, key),
    host: address,
    port,
    check,
  }))
}
