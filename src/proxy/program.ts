import type { Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { forgetDeadBindings } from './affinity.ts'
import { FamilyTable } from './family-table.ts'
import { FirstSync } from './first-sync.ts'
import { type NodeView, nodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import { FAMILIES, type Family, type PortPlan, type Problem, portKeyOf, type ServicePlan } from './service-plan.ts'
import { supportedFamilies } from './supported-families.ts'
import { type Repair, TableDriver } from './table-driver.ts'

/** A Service with its slices. `service` is undefined when it is gone. */
export interface ServiceObjects {
  /** `namespace/name` */
  readonly key: string
  readonly service: Service | undefined
  readonly slices: readonly EndpointSlice[]
}

export interface ProgramOptions {
  readonly kernel: NftKernel
  readonly nodeName: string
  /** @default 'fairlead' */
  readonly table?: string
  /** Round-robin counters per family before Service ports share them. */
  readonly counters?: number
  /** Size of a Maglev table for so many endpoints. @default maglevSize */
  readonly maglevSlots?: (endpoints: number) => number
  /** Told of each Service that is handed in, with what is done for it; `undefined`: it is gone. */
  readonly onPlanned?: PlanListener
}

export type PlanListener = (objects: ServiceObjects, plan: ServicePlan | undefined) => void

const NO_PORTS: readonly string[] = []

/**
 * All Services of one node in the kernel, without the API: objects are handed in, then a commit brings what changed into
 * the kernel.
 */
export class Program {
  /** Of the families that the kernel has nf_tables for. */
  readonly tables: readonly FamilyTable[]
  /** Families that the kernel has no nf_tables for; addresses of theirs are not served. */
  readonly missing: readonly Family[]
  readonly #kernel: NftKernel
  readonly #driver: TableDriver
  readonly #ports = new Map<string, readonly (readonly string[])[]>()
  /** Plans of UDP ports, for the connections they must not keep. */
  readonly #udp = new Map<string, readonly PortPlan[]>()
  readonly #changedUdp = new Set<string>()
  readonly #onPlanned: PlanListener
  #node: NodeView

  /** @throws FairleadError `KERNEL_FEATURE` when the kernel has no nf_tables at all. */
  constructor({ kernel, nodeName, table = 'fairlead', onPlanned = () => {}, ...limits }: ProgramOptions) {
    const families = supportedFamilies(kernel, table)
    this.#kernel = kernel
    this.tables = families.map((family) => new FamilyTable({ family, table, nodeName, ...limits }))
    this.missing = FAMILIES.filter((family) => !families.includes(family))
    this.#driver = new TableDriver(kernel, this.tables)
    this.#onPlanned = onPlanned
    this.#node = nodeView(nodeName, undefined)
  }

  get node(): NodeView {
    return this.#node
  }

  /** Number of Service ports, of both families together. */
  get size(): number {
    return this.tables.reduce((sum, table) => sum + table.size, 0)
  }

  /** The node's addresses and pod ranges; every Service must be handed in again when the addresses changed. */
  setNode(node: NodeView): void {
    this.#node = node
    for (const table of this.tables) table.setNode(node)
  }

  /** Takes the ranges that ClusterIPs come from: an address of them that no Service has is nobody's. */
  setServiceCidrs(cidrs: readonly string[]): void {
    for (const table of this.tables) table.setServiceCidrs(cidrs)
  }

  /** Hands in a Service that is new, changed or gone. */
  setService(objects: ServiceObjects): ServicePlan | undefined {
    const { key, service, slices } = objects
    const plan = service === undefined ? undefined : planService(service, slices, this.#node)
    const ports = plan?.kind === 'programmed' ? plan.ports : []
    const old = this.#ports.get(key)
    const failures: Problem[] = []
    const now = this.tables.map((table, index) => {
      const before = old?.[index] ?? NO_PORTS
      const wanted = ports.filter(({ family }) => family === table.family)
      if (before.length === 0 && wanted.length === 0) return NO_PORTS
      const { keys, problems } = table.setService(before, wanted)
      failures.push(...problems)
      return keys
    })
    if (now.some((keys) => keys.length > 0)) this.#ports.set(key, now)
    else this.#ports.delete(key)
    this.#rememberUdp(key, ports)
    const told =
      plan?.kind !== 'programmed' || failures.length === 0
        ? plan
        : { ...plan, problems: [...plan.problems, ...failures] }
    this.#onPlanned(objects, told)
    return told
  }

  /** Addresses that the Service wants and another one has. */
  conflictsOf(key: string): string[] {
    const ports = this.#ports.get(key) ?? []
    return this.tables.flatMap((table, index) => (ports[index] ?? []).flatMap((port) => table.conflictsOf(port)))
  }

  /** Number of Service ports on the most shared round-robin counter of the Service's; 0 when it uses none. */
  sharersOf(key: string): number {
    const ports = this.#ports.get(key) ?? []
    return this.tables.reduce((most, table, index) => {
      return (ports[index] ?? []).reduce((sharers, port) => Math.max(sharers, table.sharersOf(port)), most)
    }, 0)
  }

  /**
   * Begins the first sync: Services may be handed in before all of them are known.
   *
   * @param compile What is done with each, if more than {@link setService}.
   */
  begin(node: NodeView, compile: (objects: ServiceObjects) => void = (objects) => this.setService(objects)): FirstSync {
    const first = new FirstSync({ kernel: this.#kernel, driver: this.#driver, compile })
    this.setNode(node)
    return first
  }

  /**
   * Brings all Services into the kernel for the first time.
   *
   * @throws FairleadError `KERNEL_REFUSED`
   */
  start(node: NodeView, services: Iterable<ServiceObjects>): Repair {
    return this.begin(node).finish(services)
  }

  /** Sends what changed as one transaction; returns the number of changes. */
  commit(): number {
    return this.#driver.commit()
  }

  /** Compares with the kernel and sends the difference as one transaction. */
  repair(): Repair {
    return this.#driver.repair()
  }

  /** Plans of the UDP ports that changed since the last call, with the addresses that are theirs. */
  takeChangedUdp(): PortPlan[] {
    const plans = [...this.#changedUdp].flatMap((key) => this.#udp.get(key) ?? [])
    this.#changedUdp.clear()
    return plans.map((plan) => {
      const table = this.tables.find(({ family }) => family === plan.family)
      const frontends = plan.frontends.filter((frontend) => table?.owns(portKeyOf(plan), frontend))
      return { ...plan, frontends }
    })
  }

  /** Families in which an endpoint left that clients may be bound to, since the last call. */
  takeOrphans(): FamilyTable[] {
    return this.tables.filter((table) => table.takeOrphans())
  }

  /** Unbinds clients from endpoints that left; false when it should be tried again. */
  forgetDeadBindings(tables: readonly FamilyTable[] = this.tables): boolean {
    return tables.every((table) => forgetDeadBindings(this.#kernel, table) !== undefined)
  }

  #rememberUdp(key: string, ports: readonly PortPlan[]): void {
    const udp = ports.filter(({ protocol }) => protocol === 'UDP')
    if (udp.length === 0) this.#udp.delete(key)
    else {
      this.#udp.set(key, udp)
      this.#changedUdp.add(key)
    }
  }
}
