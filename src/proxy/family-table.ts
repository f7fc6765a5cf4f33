import type { NftBatch } from '../linux/nftables/batch.ts'
import { Claims, claimOrder } from './claims.ts'
import { CounterPool, DROP_CLASS, REJECT_CLASS, type Scope } from './counter-pool.ts'
import { ElementMap } from './element-map.ts'
import { addressText, backendData, frontendKey, LOCAL_SLOTS, slotKey } from './encoding.ts'
import { commentOf, type FrontendElements, frontendElements } from './frontend-elements.ts'
import { type Layout, type LayoutSets, layoutOf } from './layout.ts'
import type { NodeView } from './node-view.ts'
import { NumberPool } from './number-pool.ts'
import { type RangeKey, rangeKeys } from './pod-ranges.ts'
import { type Backends, type Family, type Frontend, type PortPlan, portKeyOf } from './service-plan.ts'
import { assignSlots } from './slots.ts'
import { Tally } from './tally.ts'

/** What was in the kernel under a frontend's key, to go on with after a restart. */
export interface Hint {
  readonly number: number
  /** Classes of its counters. */
  readonly classes: readonly number[]
}

/** The kernel's state as far as a new process should keep to it. */
export interface Hints {
  frontend(key: string): Hint | undefined
  /** Occupants of the slots of a number, by slot. */
  slots(number: number, scope: Scope): readonly string[]
}

const NO_HINTS: Hints = { frontend: () => undefined, slots: () => [] }

/** The endpoints of one scope of a Service port. */
interface List {
  readonly class: number
  /** `addr . port` by slot. */
  readonly slots: readonly string[]
}

interface PortState {
  readonly plan: PortPlan
  readonly number: number
  readonly cluster: List
  readonly local: List | undefined
  readonly frontends: readonly string[]
}

interface FrontendClaim {
  readonly frontend: Frontend
  readonly comment: string
}

export interface FamilyTableOptions {
  readonly family: Family
  readonly table: string
  readonly nodeName: string
  /** Counters before Service ports share them. */
  readonly counters?: number
}

/**
 * The compiler of one family: keeps the wanted elements and chains for all Service ports, and writes what changed since
 * the last transaction. A change costs what it changes, whatever else there is.
 */
export class FamilyTable {
  readonly layout: Layout
  readonly maps: { readonly [K in keyof LayoutSets]: ElementMap }
  readonly pool: CounterPool
  readonly #family: Family
  readonly #numbers = new NumberPool()
  readonly #ports = new Map<string, PortState>()
  readonly #claims = new Claims<FrontendClaim>()
  /** Frontends whose element must be settled anew. */
  readonly #unsettled = new Set<string>()
  readonly #clusterIps: Tally
  readonly #hairpins: Tally
  readonly #nodeName: string
  #hints: Hints = NO_HINTS
  #nodeKeys: { readonly map: ElementMap; readonly key: string }[] = []

  constructor({ family, table, nodeName, counters }: FamilyTableOptions) {
    this.#family = family
    this.#nodeName = nodeName
    this.layout = layoutOf(family, table)
    this.maps = mapsOf(this.layout.sets)
    this.#clusterIps = new Tally(this.maps.clusterIps)
    this.#hairpins = new Tally(this.maps.hairpins)
    const options = { family, layout: this.layout, elements: this.maps.chains }
    this.pool = new CounterPool(counters === undefined ? options : { ...options, limit: counters })
  }

  /** Number of Service ports. */
  get size(): number {
    return this.#ports.size
  }

  /** Number of wanted elements. */
  get elements(): number {
    return Object.values(this.maps).reduce((sum, map) => sum + map.size, 0)
  }

  /** Keeps to numbers, counters and slots found in the kernel, for ports that are new from now on. */
  keepTo(hints: Hints | undefined): void {
    this.#hints = hints ?? NO_HINTS
  }

  /** Takes the node's addresses: who is a pod of it. */
  setNode(node: NodeView): void {
    for (const { map, key } of this.#nodeKeys) map.delete(key)
    this.#nodeKeys = []
    const keys = rangeKeys(node.podCidrs, this.#family)
    this.#putRanges(this.maps.localPods, keys)
    // Without ranges nothing tells a pod from others, and nobody is masqueraded.
    const everyone = this.#family === 'ip' ? '0.0.0.0/0' : '::/0'
    this.#putRanges(this.maps.keepSource, keys.length === 0 ? rangeKeys([everyone], this.#family) : keys)
  }

  /** Makes `plans` all that there is of a Service in this family; `old` are the keys of its ports so far. */
  setService(old: readonly string[], plans: readonly PortPlan[]): string[] {
    const keys = plans.map(portKeyOf)
    for (const key of old) if (!keys.includes(key)) this.#removePort(key)
    for (const [index, plan] of plans.entries()) this.#setPort(keys[index] ?? portKeyOf(plan), plan)
    this.#settle()
    return keys
  }

  /** Frontends that a port wants and another has, as `10.96.0.1:80/TCP is held by default/web`. */
  conflictsOf(key: string): string[] {
    const port = this.#ports.get(key)
    if (port === undefined) return []
    return port.frontends.flatMap((frontend) => {
      const winner = this.#claims.winner(frontend)
      if (winner === undefined || winner.owner === key) return []
      const { address, port: number } = winner.value.frontend
      return [`${address}:${number}/${port.plan.protocol} is held by ${winner.value.comment}`]
    })
  }

  /** Number of Service ports that share the round-robin counter of this one, itself included. */
  sharersOf(key: string): number {
    const port = this.#ports.get(key)
    return port === undefined ? 0 : this.pool.usersOf(port.cluster.class)
  }

  /** Writes what changed. The order lets every element find its chain, and every key be free before it is taken. */
  write(batch: NftBatch): void {
    const maps = Object.values(this.maps)
    for (const map of maps) map.writeDeletes(batch)
    this.pool.writeDeletes(batch)
    this.pool.writeAdds(batch)
    for (const map of maps) map.writeAdds(batch)
  }

  /** The kernel has everything that {@link write} wrote. */
  committed(): void {
    for (const map of Object.values(this.maps)) map.committed()
    this.pool.committed()
  }

  #putRanges(map: ElementMap, keys: readonly RangeKey[]): void {
    for (const { key, end } of keys) {
      map.put(key, end ? { end } : {})
      this.#nodeKeys.push({ map, key })
    }
  }

  #setPort(key: string, plan: PortPlan): void {
    const old = this.#ports.get(key)
    const frontends = plan.frontends.map(({ address, port }) => frontendKey(address, plan.protocol, port))
    const hint = old === undefined ? this.#hintFor(frontends) : undefined
    const number = old?.number ?? this.#numbers.acquire(hint?.number)
    const kept = hint?.number === number ? hint : undefined
    const cluster = this.#setList(number, 'cluster', plan.cluster, old?.cluster, kept?.classes)
    const local = this.#setList(number, 'local', plan.local, old?.local, kept?.classes)
    if (cluster === undefined) return
    this.#ports.set(key, { plan, number, cluster, local, frontends })
    this.#claim(key, plan, frontends, old)
    this.#count(plan, 1)
    if (old !== undefined) this.#count(old.plan, -1)
  }

  #removePort(key: string): void {
    const port = this.#ports.get(key)
    if (port === undefined) return
    this.#setList(port.number, 'cluster', undefined, port.cluster)
    this.#setList(port.number, 'local', undefined, port.local)
    this.#ports.delete(key)
    this.#numbers.release(port.number)
    for (const frontend of port.frontends) this.#release(frontend, key)
    this.#count(port.plan, -1)
  }

  #hintFor(frontends: readonly string[]): Hint | undefined {
    for (const frontend of frontends) {
      const hint = this.#hints.frontend(frontend)
      if (hint !== undefined) return hint
    }
    return undefined
  }

  /** Brings the endpoints of one scope into their slots and takes the counter that fits. */
  #setList(
    number: number,
    scope: Scope,
    backends: Backends | undefined,
    old: List | undefined,
    wantedClasses?: readonly number[],
  ): List | undefined {
    const wanted = backends?.kind === 'endpoints' ? backends.endpoints : []
    const data = wanted.map(({ address, port }) => backendData(address, port))
    const slots = assignSlots(old?.slots ?? this.#hints.slots(number, scope), data)
    const base = scope === 'local' ? LOCAL_SLOTS : 0
    const before = old?.slots ?? []
    for (let slot = 0; slot < Math.max(slots.length, before.length); slot += 1) {
      const occupant = slots[slot]
      if (occupant === before[slot]) continue
      if (occupant === undefined) this.maps.endpoints.delete(slotKey(number, base + slot))
      else this.maps.endpoints.put(slotKey(number, base + slot), { data: occupant })
    }
    const unchanged = old !== undefined && old.slots.length === slots.length && slots.length > 0
    if (unchanged && backends !== undefined) return { class: old.class, slots }
    if (old !== undefined) this.pool.release(old.class)
    if (backends === undefined) return undefined
    return { class: this.#classOf(scope, backends, wantedClasses), slots }
  }

  #classOf(scope: Scope, backends: Backends, wanted: readonly number[] | undefined): number {
    if (backends.kind === 'reject') return REJECT_CLASS
    if (backends.kind === 'drop') return DROP_CLASS
    return this.pool.acquire(scope, backends.endpoints.length, wanted)
  }

  #claim(owner: string, plan: PortPlan, keys: readonly string[], old: PortState | undefined): void {
    for (const key of old?.frontends ?? []) if (!keys.includes(key)) this.#release(key, owner)
    const order = claimOrder(plan)
    for (const [index, key] of keys.entries()) {
      const frontend = plan.frontends[index]
      if (frontend === undefined) continue
      this.#claims.put(key, { owner, order, value: { frontend, comment: commentOf(plan, frontend) } })
      this.#unsettled.add(key)
    }
  }

  #release(key: string, owner: string): void {
    this.#claims.remove(key, owner)
    this.#unsettled.add(key)
  }

  /** Writes the elements of frontends that changed hands or whose endpoints changed in number. */
  #settle(): void {
    const { clusterServices, externalServices, localServices, shortCircuits } = this.maps
    for (const key of this.#unsettled) {
      const winner = this.#claims.winner(key)
      const port = winner === undefined ? undefined : this.#ports.get(winner.owner)
      const elements = winner === undefined || port === undefined ? {} : elementsOf(winner.value.frontend, port)
      for (const [map, data] of [
        [clusterServices, elements.cluster],
        [externalServices, elements.external],
        [localServices, elements.local],
        [shortCircuits, elements.short],
      ] as const) {
        if (data === undefined) map.delete(key)
        else map.put(key, { data, ...(winner === undefined ? {} : { comment: winner.value.comment }) })
      }
    }
    this.#unsettled.clear()
  }

  #count(plan: PortPlan, difference: 1 | -1): void {
    for (const { source, address } of plan.frontends) {
      if (source === 'ClusterIP') this.#clusterIps.count(addressText(address), difference)
    }
    for (const backends of [plan.cluster, plan.local]) {
      for (const { address, node } of backends?.kind === 'endpoints' ? backends.endpoints : []) {
        // Only a pod of this node calls itself through this node; without a node name it may be one.
        if (node !== undefined && node !== this.#nodeName) continue
        const text = addressText(address)
        this.#hairpins.count(text + text, difference)
      }
    }
  }
}

function elementsOf(frontend: Frontend, port: PortState): FrontendElements {
  return frontendElements(frontend, {
    number: port.number,
    clusterClass: port.cluster.class,
    localClass: port.local?.class ?? port.cluster.class,
  })
}

function mapsOf(sets: LayoutSets): { readonly [K in keyof LayoutSets]: ElementMap } {
  return {
    chains: new ElementMap(sets.chains),
    endpoints: new ElementMap(sets.endpoints),
    hairpins: new ElementMap(sets.hairpins),
    localPods: new ElementMap(sets.localPods),
    keepSource: new ElementMap(sets.keepSource),
    clusterIps: new ElementMap(sets.clusterIps),
    shortCircuits: new ElementMap(sets.shortCircuits),
    localServices: new ElementMap(sets.localServices),
    externalServices: new ElementMap(sets.externalServices),
    clusterServices: new ElementMap(sets.clusterServices),
  }
}
