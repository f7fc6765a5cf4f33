import { FairleadError } from '../base/error.ts'
import { hostPort } from '../base/ip.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { NftBatch } from '../linux/nftables/batch.ts'
import { type Claim, Claims } from './claims.ts'
import { CounterPool } from './counter-pool.ts'
import { ElementMap } from './element-map.ts'
import { addressText, frontendKey, serviceData } from './encoding.ts'
import { EndpointLists, type List } from './endpoint-lists.ts'
import { Firewall } from './firewall.ts'
import { commentOf, targetsOf } from './frontend-elements.ts'
import { type Hints, NO_HINTS } from './hints.ts'
import { type Layout, type LayoutSets, layoutOf } from './layout.ts'
import type { NodeView } from './node-view.ts'
import { interfaceKeys } from './pod-interfaces.ts'
import { type RangeKey, rangeKeys } from './pod-ranges.ts'
import { type Family, type Frontend, type PortPlan, type Problem, portKeyOf, type Scope } from './service-plan.ts'
import { Tally } from './tally.ts'

type Lists = { readonly [S in Scope]?: List }

/** What is remembered of a port; its plan is not: at ten thousand Services that would be megabytes. */
interface PortState {
  readonly protocol: Protocol
  readonly lists: Lists
  readonly frontends: readonly FrontendClaim[]
  /** Endpoints that may call themselves, as elements. */
  readonly hairpins: readonly string[]
}

interface FrontendClaim extends Claim {
  readonly key: string
  readonly frontend: Frontend
  readonly comment: string
}

const NO_HAIRPINS: readonly string[] = []
const NO_LISTS: Lists = {}
const NO_TARGETS: ReturnType<typeof targetsOf> = []

const SCOPES = ['cluster', 'local'] as const satisfies readonly Scope[]

/** The maps from frontends to numbers. */
export const SERVICE_MAPS = ['clusterServices', 'externalServices', 'localServices', 'shortCircuits'] as const

export interface FamilyTableOptions {
  readonly family: Family
  readonly table: string
  readonly nodeName: string
  /** Counters before Service ports share them. */
  readonly counters?: number
  /** Size of a Maglev table for so many endpoints. @default maglevSize */
  readonly maglevSlots?: (endpoints: number) => number
}

/** What became of a Service in one family. */
export interface SetService {
  /** Of its ports: to be given when it changes. */
  readonly keys: readonly string[]
  readonly problems: readonly Problem[]
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
  readonly #lists: EndpointLists
  readonly #firewall: Firewall
  readonly #ports = new Map<string, PortState>()
  readonly #claims = new Claims<FrontendClaim>()
  /** Frontends whose element must be settled anew. */
  readonly #unsettled = new Set<string>()
  readonly #clusterIps: Tally
  readonly #hairpins: Tally
  readonly #nodeName: string
  #hints: Hints = NO_HINTS
  readonly #ranges = new Map<ElementMap, readonly RangeKey[]>()

  constructor({ family, table, nodeName, counters, maglevSlots }: FamilyTableOptions) {
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
    const { stickySlots, stickyEndpoints } = this.maps
    this.#lists = new EndpointLists({
      pool: this.pool,
      endpoints: this.endpoints,
      stickySlots,
      stickyEndpoints,
      maglevSlots,
    })
    this.#firewall = new Firewall(this.maps.firewalled, this.maps.sourceRanges)
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
    this.#lists.keepTo(hints)
  }

  forgetHints(): void {
    this.#hints = NO_HINTS
    this.#lists.forgetHints()
  }

  /** Whether an endpoint that clients may be bound to left since the last call. */
  takeOrphans(): boolean {
    return this.#lists.takeOrphans()
  }

  /** Takes the node's addresses: who is a pod of it. */
  setNode(node: NodeView): void {
    const { podInterfaces, podCidrs, masqueradeAll } = node
    const interfaces = podInterfaces === undefined ? [] : interfaceKeys(podInterfaces)
    const ranges = podInterfaces === undefined ? rangeKeys(podCidrs, this.family) : []
    this.#setRanges(this.maps.podInterfaces, interfaces)
    this.#setRanges(this.maps.localPods, ranges)
    // When nothing tells a pod from others, nobody is masqueraded.
    const everyone = this.family === 'ip' ? '0.0.0.0/0' : '::/0'
    const keeping = ranges.length + interfaces.length === 0 ? rangeKeys([everyone], this.family) : ranges
    this.#setRanges(this.maps.keepInterfaces, masqueradeAll ? [] : interfaces)
    this.#setRanges(this.maps.keepSource, masqueradeAll ? [] : keeping)
  }

  /** Takes the ranges that ClusterIPs are taken from, of whatever family. */
  setServiceCidrs(cidrs: readonly string[]): void {
    this.#setRanges(this.maps.serviceCidrs, rangeKeys(cidrs, this.family))
  }

  /**
   * Makes `plans` all that there is of a Service in this family; `old` are the keys of its ports so far. A port that the
   * kernel cannot hold is a problem of its own; the others go on.
   */
  setService(old: readonly string[], plans: readonly PortPlan[]): SetService {
    const keys: string[] = []
    const problems: Problem[] = []
    const wanted = new Set(plans.map(portKeyOf))
    for (const key of old) if (!wanted.has(key)) this.#removePort(key)
    for (const plan of plans) {
      const key = portKeyOf(plan)
      try {
        this.#setPort(key, plan)
      } catch (error) {
        if (!(error instanceof FairleadError) || error.code !== 'KERNEL_FEATURE') throw error
        const name = `${plan.namespace}/${plan.service}`
        problems.push({ object: 'Service', name, reason: 'NotProgrammed', message: error.message })
        if (!this.#ports.has(key)) continue
      }
      keys.push(key)
    }
    this.#settle()
    return { keys, problems }
  }

  /** Frontends that a port wants and another has, as `10.96.0.1:80/TCP is held by default/web`. */
  conflictsOf(key: string): string[] {
    const port = this.#ports.get(key)
    if (port === undefined) return []
    return port.frontends.flatMap(({ key: wanted }) => {
      const winner = this.#claims.winner(wanted)
      if (winner === undefined || winner.owner === key) return []
      const { address, port: number } = winner.frontend
      return [`${hostPort(address, number)}/${port.protocol} is held by ${winner.comment}`]
    })
  }

  /** Whether this port has the address and port that it wants. */
  owns(key: string, { address, port }: Frontend): boolean {
    const protocol = this.#ports.get(key)?.protocol
    return protocol !== undefined && this.#claims.winner(frontendKey(address, protocol, port))?.owner === key
  }

  /** Number of endpoint lists on the most shared round-robin counter of this port, its own included; 0 without one. */
  sharersOf(key: string): number {
    const lists = Object.values(this.#ports.get(key)?.lists ?? {})
    return Math.max(0, ...lists.map((list) => this.pool.sharersOf(list.class)))
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

  #setRanges(map: ElementMap, keys: readonly RangeKey[]): void {
    for (const { key } of this.#ranges.get(map) ?? []) map.delete(key)
    for (const { key, end } of keys) map.put(key, end ? { end } : {})
    this.#ranges.set(map, keys)
  }

  #setPort(key: string, plan: PortPlan): void {
    const old = this.#ports.get(key)
    const frontends = claimsOf(key, plan)
    const lists: { [S in Scope]?: List } = { ...old?.lists }
    try {
      this.#setLists(plan, frontends, lists)
    } catch (error) {
      this.#keepOld(key, old, lists)
      throw error
    }
    const now = { protocol: plan.protocol, lists, frontends, hairpins: this.#hairpinsOf(plan) }
    this.#ports.set(key, now)
    this.#claim(key, now, old)
    this.#count(now, 1)
    if (old !== undefined) this.#count(old, -1)
  }

  /** Makes the lists those of the plan. What was done before an error is in `lists`. */
  #setLists(plan: PortPlan, frontends: readonly FrontendClaim[], lists: { [S in Scope]?: List }): void {
    for (const scope of SCOPES) {
      const former = lists[scope]
      const used = plan.frontends.some((frontend) => targetsOf(frontend).some(([, target]) => target === scope))
      if (used) {
        const hint = former === undefined ? this.#hintFor(scope, frontends) : undefined
        lists[scope] = this.#lists.set(wishOf(plan, scope), former, hint)
      } else if (former !== undefined) {
        this.#lists.drop(former)
        delete lists[scope]
      }
    }
  }

  /** A port that cannot become what it should be stays what it was, as far as its lists still are. */
  #keepOld(key: string, old: PortState | undefined, lists: Lists): void {
    if (old === undefined) for (const list of Object.values(lists)) this.#lists.drop(list)
    else {
      this.#ports.set(key, { ...old, lists })
      for (const { key } of old.frontends) this.#unsettled.add(key)
    }
  }

  #removePort(key: string): void {
    const port = this.#ports.get(key)
    if (port === undefined) return
    this.#ports.delete(key)
    for (const list of Object.values(port.lists)) this.#lists.drop(list)
    for (const frontend of port.frontends) this.#release(frontend.key, key)
    this.#count(port, -1)
  }

  /** What the kernel had for the list of a port that is new to this process. */
  #hintFor(scope: Scope, frontends: readonly FrontendClaim[]): string | undefined {
    if (this.#hints === NO_HINTS) return undefined
    for (const { key, frontend, comment } of frontends) {
      for (const [map, target] of targetsOf(frontend)) {
        if (target !== scope) continue
        const data = this.#hints.frontend(map, key, comment)
        if (data !== undefined) return data
      }
    }
    return undefined
  }

  #claim(owner: string, now: PortState, old: PortState | undefined): void {
    for (const { key } of old?.frontends ?? []) {
      if (!now.frontends.some((frontend) => frontend.key === key)) this.#release(key, owner)
    }
    for (const claim of now.frontends) {
      this.#claims.put(claim.key, claim)
      this.#unsettled.add(claim.key)
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
      const lists = winner === undefined ? NO_LISTS : (this.#ports.get(winner.owner)?.lists ?? NO_LISTS)
      const targets = winner === undefined ? NO_TARGETS : targetsOf(winner.frontend)
      this.#firewall.set(key, winner?.frontend.sources)
      for (const name of SERVICE_MAPS) {
        const scope = targets.find(([map]) => map === name)?.[1]
        const list = scope === undefined ? undefined : lists[scope]
        if (list === undefined || winner === undefined) this.maps[name].delete(key)
        else this.maps[name].put(key, { data: serviceData(list.class, list.number), comment: winner.comment })
      }
    }
    this.#unsettled.clear()
  }

  #count({ frontends, hairpins }: PortState, difference: 1 | -1): void {
    for (const { frontend } of frontends) {
      const { source, address, bound } = frontend
      if (source === 'ClusterIP' || bound) this.#clusterIps.count(addressText(address), difference)
    }
    for (const text of hairpins) this.#hairpins.count(text, difference)
  }

  #hairpinsOf({ cluster, local }: PortPlan): readonly string[] {
    let found: string[] | undefined
    for (const backends of [cluster, local]) {
      for (const { address, node } of backends?.kind === 'endpoints' ? backends.endpoints : []) {
        // Only a pod of this node calls itself through this node; without a node name it may be one.
        if (node !== undefined && node !== this.#nodeName) continue
        const text = addressText(address)
        found ??= []
        found.push(text + text)
      }
    }
    return found ?? NO_HAIRPINS
  }
}

function claimsOf(owner: string, plan: PortPlan): FrontendClaim[] {
  const { since } = plan
  return plan.frontends.map((frontend) => {
    const key = frontendKey(frontend.address, plan.protocol, frontend.port)
    return { owner, since, key, frontend, comment: commentOf(plan, frontend) }
  })
}

function wishOf(plan: PortPlan, scope: Scope) {
  const backends = scope === 'local' ? (plan.local ?? plan.cluster) : plan.cluster
  return { backends, balancing: plan.balancing ?? 'round-robin', seconds: plan.affinitySeconds ?? 0 }
}

function mapsOf(sets: LayoutSets): { readonly [K in keyof LayoutSets]: ElementMap } {
  return {
    chains: new ElementMap(sets.chains),
    hairpins: new ElementMap(sets.hairpins),
    localPods: new ElementMap(sets.localPods),
    keepSource: new ElementMap(sets.keepSource),
    podInterfaces: new ElementMap(sets.podInterfaces),
    keepInterfaces: new ElementMap(sets.keepInterfaces),
    stickySlots: new ElementMap(sets.stickySlots),
    stickyEndpoints: new ElementMap(sets.stickyEndpoints),
    serviceCidrs: new ElementMap(sets.serviceCidrs),
    firewalled: new ElementMap(sets.firewalled),
    sourceRanges: new ElementMap(sets.sourceRanges),
    clusterIps: new ElementMap(sets.clusterIps),
    shortCircuits: new ElementMap(sets.shortCircuits),
    localServices: new ElementMap(sets.localServices),
    externalServices: new ElementMap(sets.externalServices),
    clusterServices: new ElementMap(sets.clusterServices),
  }
}
