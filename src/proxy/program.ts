import type { Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import { FamilyTable } from './family-table.ts'
import { type NodeView, nodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import { FAMILIES, type PortPlan, type ServicePlan } from './service-plan.ts'
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
  /** Told of each Service that is handed in, with what is done for it; `undefined`: it is gone. */
  readonly onPlanned?: PlanListener
}

export type PlanListener = (objects: ServiceObjects, plan: ServicePlan | undefined) => void

/** Services per transaction of a cold start: the kernel's commit lock is held for some milliseconds each. */
const SERVICES_PER_TRANSACTION = 1000

const NO_PORTS: readonly string[] = []

/**
 * All Services of one node in the kernel, without the API: objects are handed in, then a commit brings what changed into
 * the kernel.
 */
export class Program {
  readonly tables: readonly FamilyTable[]
  readonly #driver: TableDriver
  readonly #ports = new Map<string, readonly (readonly string[])[]>()
  /** Plans of UDP ports, for the connections they must not keep. */
  readonly #udp = new Map<string, readonly PortPlan[]>()
  readonly #changedUdp = new Set<string>()
  readonly #onPlanned: PlanListener
  #node: NodeView

  constructor({ kernel, nodeName, table = 'fairlead', counters, onPlanned = () => {} }: ProgramOptions) {
    this.tables = FAMILIES.map(
      (family) => new FamilyTable({ family, table, nodeName, ...(counters === undefined ? {} : { counters }) }),
    )
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

  /** Hands in a Service that is new, changed or gone. */
  setService(objects: ServiceObjects): ServicePlan | undefined {
    const { key, service, slices } = objects
    const plan = service === undefined ? undefined : planService(service, slices, this.#node)
    const ports = plan?.kind === 'programmed' ? plan.ports : []
    const old = this.#ports.get(key)
    const now = this.tables.map((table, index) => {
      const before = old?.[index] ?? NO_PORTS
      const wanted = ports.filter(({ family }) => family === table.family)
      return before.length === 0 && wanted.length === 0 ? NO_PORTS : table.setService(before, wanted)
    })
    if (now.some((keys) => keys.length > 0)) this.#ports.set(key, now)
    else this.#ports.delete(key)
    this.#rememberUdp(key, ports)
    this.#onPlanned(objects, plan)
    return plan
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
   * Brings all Services into the kernel for the first time: a kernel without our tables gets them piece by piece, each
   * with whole Services; one that has them keeps what is right and gets the difference in one transaction.
   *
   * @throws FairleadError `KERNEL_REFUSED`
   */
  start(node: NodeView, services: Iterable<ServiceObjects>): Repair {
    const empty = this.#driver.isEmpty()
    if (empty) this.#driver.create()
    else this.#driver.adopt()
    this.setNode(node)
    let changes = 0
    let handedIn = 0
    for (const objects of services) {
      this.setService(objects)
      handedIn += 1
      if (empty && handedIn % SERVICES_PER_TRANSACTION === 0) changes += this.#driver.commit()
    }
    for (const table of this.tables) table.forgetHints()
    if (!empty) return this.#driver.repair()
    return { changes: changes + this.#driver.commit(), rebuilt: FAMILIES }
  }

  /** Sends what changed as one transaction; returns the number of changes. */
  commit(): number {
    return this.#driver.commit()
  }

  /** Compares with the kernel and sends the difference as one transaction. */
  repair(): Repair {
    return this.#driver.repair()
  }

  /** Plans of the UDP ports that changed since the last call. */
  takeChangedUdp(): PortPlan[] {
    const plans = [...this.#changedUdp].flatMap((key) => this.#udp.get(key) ?? [])
    this.#changedUdp.clear()
    return plans
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
