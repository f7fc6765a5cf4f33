import type { NftBatch } from '../linux/nftables/batch.ts'
import { Claims, claimOrder } from './claims.ts'
import { CounterPool, DROP_CLASS, REJECT_CLASS } from './counter-pool.ts'
import { ElementMap } from './element-map.ts'
import { addressText, backendData, classOf, frontendKey, numberOf, serviceData, shardOf, slotKey } from './encoding.ts'
import { commentOf, mapOf } from './frontend-elements.ts'
import { type Hints, NO_HINTS } from './hints.ts'
import { type Layout, type LayoutSets, layoutOf } from './layout.ts'
import type { NodeView } from './node-view.ts'
import { NumberPool } from './number-pool.ts'
import { type RangeKey, rangeKeys } from './pod-ranges.ts'
import { type Backends, type Family, type Frontend, type PortPlan, portKeyOf, type Scope } from './service-plan.ts'
import { assignSlots } from './slots.ts'
import { Tally } from './tally.ts'

/** The endpoints of one scope of a Service port. */
interface List {
  readonly number: number
  readonly class: number
  /** `addr . port` by slot. */
  readonly slots: readonly string[]
}

type Lists = { readonly [S in Scope]?: List }

interface PortState {
  readonly plan: PortPlan
  readonly lists: Lists
  /** Keys of its frontends, in the plan's order. */
  readonly frontends: readonly string[]
}

interface FrontendClaim {
  readonly frontend: Frontend
  readonly comment: string
}

const SCOPES = ['cluster', 'local'] as const satisfies readonly Scope[]

/** The maps from frontends to numbers. */
export const SERVICE_MAPS = ['clusterServices', 'externalServices', 'localServices', 'shortCircuits'] as const

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
  /** The maps of endpoints by shard. */
  readonly endpoints: readonly ElementMap[]
  /** All maps, in the order in which elements are added: what leads to others comes last. */
  readonly allMaps: readonly ElementMap[]
  readonly pool: CounterPool
  readonly family: Family
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
    this.family = family
    this.#nodeName = nodeName
    this.layout = layoutOf(family, table)
    this.maps = mapsOf(this.layout.sets)
    this.endpoints = this.layout.endpoints.map((set) => new ElementMap(set))
    this.allMaps = [...this.endpoints, ...Object.values(this.maps)]
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
    return this.allMaps.reduce((sum, map) => sum + map.size, 0)
  }

  /** Number of elements that changed since the last transaction, at most. */
  get changes(): number {
    return this.allMaps.reduce((sum, map) => sum + map.changes, 0)
  }

  /** Keeps to numbers, counters and slots found in the kernel, for ports that are new from now on. */
  keepTo(hints: Hints): void {
    this.#hints = hints
    for (const number of hints.numbers()) this.#numbers.reserve(number)
  }

  forgetHints(): void {
    this.#hints = NO_HINTS
    this.#numbers.endReservations()
  }

  /** Takes the node's addresses: who is a pod of it. */
  setNode(node: NodeView): void {
    for (const { map, key } of this.#nodeKeys) map.delete(key)
    this.#nodeKeys = []
    const keys = rangeKeys(node.podCidrs, this.family)
    this.#putRanges(this.maps.localPods, keys)
    // Without ranges nothing tells a pod from others, and nobody is masqueraded.
    const everyone = this.family === 'ip' ? '0.0.0.0/0' : '::/0'
    this.#putRanges(this.maps.keepSource, keys.length === 0 ? rangeKeys([everyone], this.family) : keys)
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
    const list = port?.lists.cluster ?? port?.lists.local
    return list === undefined ? 0 : this.pool.usersOf(list.class)
  }

  /** Writes what changed. The order lets every element find its chain, and every key be free before it is taken. */
  write(batch: NftBatch): void {
    for (const map of this.allMaps) map.writeDeletes(batch)
    this.pool.writeDeletes(batch)
    this.pool.writeAdds(batch)
    for (const map of this.allMaps) map.writeAdds(batch)
  }

  /** The kernel has everything that {@link write} wrote. */
  committed(): void {
    for (const map of this.allMaps) map.committed()
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
    const lists: { [S in Scope]?: List } = {}
    for (const scope of SCOPES) {
      const used = plan.frontends.some((frontend) => mapOf(frontend, scope) !== undefined)
      const list = used ? this.#setList(plan, scope, frontends, old?.lists[scope]) : undefined
      if (list !== undefined) lists[scope] = list
      else if (old?.lists[scope] !== undefined) this.#dropList(old.lists[scope])
    }
    this.#ports.set(key, { plan, lists, frontends })
    this.#claim(key, plan, frontends, old)
    this.#count(plan, 1)
    if (old !== undefined) this.#count(old.plan, -1)
  }

  #removePort(key: string): void {
    const port = this.#ports.get(key)
    if (port === undefined) return
    this.#ports.delete(key)
    for (const scope of SCOPES) this.#dropList(port.lists[scope])
    for (const frontend of port.frontends) this.#release(frontend, key)
    this.#count(port.plan, -1)
  }

  /** Brings the endpoints of one scope into their slots and takes the counter that fits. */
  #setList(plan: PortPlan, scope: Scope, frontends: readonly string[], old: List | undefined): List {
    const backends = scope === 'local' ? (plan.local ?? plan.cluster) : plan.cluster
    const wanted = backends.kind === 'endpoints' ? backends.endpoints : []
    const hint = old === undefined ? this.#hintFor(plan, scope, frontends) : undefined
    const number = old?.number ?? this.#numbers.acquire(hint === undefined ? undefined : numberOf(hint))
    const former = old?.slots ?? (hint === undefined ? [] : this.#hints.slots(number))
    const slots = assignSlots(
      former,
      wanted.map(({ address, port }) => backendData(address, port)),
    )
    this.#writeSlots(number, old?.slots ?? [], slots)
    if (old !== undefined && slots.length > 0 && slots.length === old.slots.length) return { ...old, slots }
    if (old !== undefined) this.pool.release(old.class)
    return { number, slots, class: this.#classFor(backends, number, hint) }
  }

  #classFor(backends: Backends, number: number, hint: string | undefined): number {
    if (backends.kind === 'reject') return REJECT_CLASS
    if (backends.kind === 'drop') return DROP_CLASS
    const former = hint === undefined ? undefined : classOf(hint)
    return this.pool.acquire(shardOf(number), backends.endpoints.length, former)
  }

  #dropList(list: List | undefined): void {
    if (list === undefined) return
    this.#writeSlots(list.number, list.slots, [])
    this.pool.release(list.class)
    this.#numbers.release(list.number)
  }

  #writeSlots(number: number, before: readonly string[], now: readonly string[]): void {
    const map = this.endpoints[shardOf(number)]
    for (let slot = 0; slot < Math.max(now.length, before.length); slot += 1) {
      const occupant = now[slot]
      if (occupant === before[slot]) continue
      if (occupant === undefined) map?.delete(slotKey(number, slot))
      else map?.put(slotKey(number, slot), { data: occupant })
    }
  }

  /** What the kernel had for the list of a port that is new to this process. */
  #hintFor(plan: PortPlan, scope: Scope, keys: readonly string[]): string | undefined {
    if (this.#hints === NO_HINTS) return undefined
    for (const [index, frontend] of plan.frontends.entries()) {
      const map = mapOf(frontend, scope)
      if (map === undefined) continue
      const data = this.#hints.frontend(map, keys[index] ?? '', commentOf(plan, frontend))
      if (data !== undefined) return data
    }
    return undefined
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
    for (const key of this.#unsettled) {
      const winner = this.#claims.winner(key)
      const lists = winner === undefined ? {} : (this.#ports.get(winner.owner)?.lists ?? {})
      const wanted = new Map<keyof LayoutSets, string>()
      for (const scope of SCOPES) {
        const map = winner === undefined ? undefined : mapOf(winner.value.frontend, scope)
        const list = lists[scope]
        if (map !== undefined && list !== undefined) wanted.set(map, serviceData(list.class, list.number))
      }
      for (const name of SERVICE_MAPS) {
        const data = wanted.get(name)
        if (data === undefined || winner === undefined) this.maps[name].delete(key)
        else this.maps[name].put(key, { data, comment: winner.value.comment })
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

function mapsOf(sets: LayoutSets): { readonly [K in keyof LayoutSets]: ElementMap } {
  return {
    chains: new ElementMap(sets.chains),
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
