import { isConditionTrue } from '../../kube/conditions.ts'
import { parseQuantity, quantityMilliValue } from '../../kube/quantity.ts'
import type { Node, Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'

export const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** By so much more than its share may an endpoint be loaded. */
const OVERLOAD = 0.2

export const ENABLED = 'Topology Aware Hints has been enabled'
export const DISABLED = 'Topology Aware Hints has been disabled'

const MODE = 'service.kubernetes.io/topology-mode'
const DEPRECATED_MODE = 'service.kubernetes.io/topology-aware-hints'
const EXCLUDED_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']

/** Share of each zone in the CPU of the cluster; `undefined` where it cannot be told, or there is one zone only. */
export type ZoneRatios = ReadonlyMap<string, number> | undefined

/** How many endpoints are to be hinted at a zone. */
interface Allocation {
  readonly maximum: number
  readonly desired: number
}

export type Allocations = ReadonlyMap<string, Allocation>

/** Slices of one Service and family, by what is going to happen to them. */
export interface PlannedSlices {
  readonly create: readonly EndpointSlice[]
  readonly update: readonly EndpointSlice[]
  readonly unchanged: readonly EndpointSlice[]
}

export type Hinted =
  | { readonly type: 'hinted'; readonly create: readonly EndpointSlice[]; readonly update: readonly EndpointSlice[] }
  | { readonly type: 'refused'; readonly message: string }

/** Whether the Service asks for hints by the annotation `service.kubernetes.io/topology-mode: Auto` (KEP-2433). */
export function wantsAutoHints({ metadata }: Service): boolean {
  const mode = metadata.annotations?.[MODE] ?? metadata.annotations?.[DEPRECATED_MODE]
  return mode === 'Auto' || mode === 'auto'
}

/** The zones' shares of allocatable CPU: of ready nodes outside the control plane. */
export function zoneRatios(nodes: readonly Node[]): ZoneRatios {
  const cpu = new Map<string, number>()
  let total = 0
  for (const { metadata, status } of nodes) {
    const excluded = EXCLUDED_LABELS.some((label) => metadata.labels?.[label] !== undefined)
    if (excluded || !isConditionTrue(status?.conditions, 'Ready')) continue
    const zone = metadata.labels?.[ZONE_LABEL] ?? ''
    const amount = quantityMilliValue(parseQuantity(status?.allocatable?.cpu ?? '0'))
    if (zone === '' || amount === 0) return undefined
    cpu.set(zone, (cpu.get(zone) ?? 0) + amount)
    total += amount
  }
  if (cpu.size < 2) return undefined
  return new Map([...cpu].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, amount]) => [zone, amount / total]))
}

/** How many of the ready endpoints each zone should get, in proportion to its CPU; a text in upstream's words when it cannot be. */
export function allocate(ready: number, ratios: ZoneRatios): Allocations | string {
  if (ratios === undefined) {
    return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'
  }
  const counts = `(${ready} endpoints, ${ratios.size} zones)`
  if (ratios.size > ready) return `Insufficient number of endpoints ${counts}`
  const wanted = [...ratios].map(([zone, ratio]) => {
    const share = ratio * ready
    const minimum = Math.ceil(share / (1 + OVERLOAD))
    return { zone, minimum, desired: Math.max(share, minimum) }
  })
  const spare = ready - wanted.reduce((sum, { minimum }) => sum + minimum, 0)
  if (spare < 0) {
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${counts}`
  }
  return new Map(wanted.map(({ zone, minimum, desired }) => [zone, { maximum: minimum + spare, desired }]))
}

/**
 * Gives the ready endpoints of slices that are written anyway their hints: their own zone's, and as many as needed
 * those of zones that have too few. Slices that stay keep their hints while these still fit (upstream's
 * TopologyCache.AddHints).
 */
export function addHints(slices: PlannedSlices, allocations: Allocations): Hinted {
  const counts = new Map<string, number>()
  const stale: EndpointSlice[] = []
  for (const slice of slices.unchanged) if (!keepHints(slice, counts, allocations)) stale.push(slice)
  const update = [...slices.update, ...stale]
  for (const { endpoints } of [...slices.create, ...update]) {
    for (const { zone = '' } of (endpoints ?? []).filter(isReady)) {
      if (zone === '') return { type: 'refused', message: 'One or more endpoints do not have a zone specified' }
      counts.set(zone, (counts.get(zone) ?? 0) + 1)
    }
  }
  const moves = movesBetween(allocations, counts)
  const hinted = (slice: EndpointSlice): EndpointSlice => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map((endpoint) => withHint(endpoint, moves)),
  })
  return { type: 'hinted', create: slices.create.map(hinted), update: update.map(hinted) }
}

/** `Topology Aware Hints has been enabled, addressType: IPv4` */
export function hintMessage(text: string, addressType: string): string {
  return `${text}, addressType: ${addressType}`
}

export function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true
}

/** Counts a slice's hints when they can stay: each ready endpoint has one, and no zone gets too many. */
function keepHints({ endpoints }: EndpointSlice, counts: Map<string, number>, allocations: Allocations): boolean {
  const own = new Map<string, number>()
  for (const { hints } of (endpoints ?? []).filter(isReady)) {
    const zones = hints?.forZones ?? []
    if (zones.length === 0) return false
    for (const { name } of zones) own.set(name, (own.get(name) ?? 0) + 1)
  }
  for (const [zone, count] of own) {
    const allocation = allocations.get(zone)
    if (allocation === undefined || (counts.get(zone) ?? 0) + count > allocation.maximum) return false
  }
  for (const [zone, count] of own) counts.set(zone, (counts.get(zone) ?? 0) + count)
  return true
}

interface Moves {
  /** Endpoints that a zone gives away. */
  readonly giving: Map<string, number>
  /** Endpoints that a zone gets. */
  readonly receiving: Map<string, number>
}

/** One endpoint at a time goes from the zone with most to spare to the one that lacks most. */
function movesBetween(allocations: Allocations, counts: ReadonlyMap<string, number>): Moves {
  const surplus = new Map<string, number>()
  const lack = new Map<string, number>()
  for (const [zone, { desired }] of allocations) {
    const difference = (counts.get(zone) ?? 0) - desired
    if (difference > 0) surplus.set(zone, difference)
    if (difference < 0) lack.set(zone, -difference)
  }
  const moves: Moves = { giving: new Map(), receiving: new Map() }
  for (;;) {
    const [from, spare] = largest(surplus)
    const [to, missing] = largest(lack)
    const settled = from === undefined || to === undefined || (spare < 1 && missing < 1)
    if (settled || spare < 0.5 || missing < 0.5) return moves
    moves.giving.set(from, (moves.giving.get(from) ?? 0) + 1)
    moves.receiving.set(to, (moves.receiving.get(to) ?? 0) + 1)
    surplus.set(from, spare - 1)
    lack.set(to, missing - 1)
  }
}

function largest(zones: ReadonlyMap<string, number>): readonly [zone: string | undefined, amount: number] {
  let found: readonly [string | undefined, number] = [undefined, 0]
  for (const [zone, amount] of zones) if (amount > found[1]) found = [zone, amount]
  return found
}

/** Takes one of the moves when the endpoint's zone gives any away. */
function withHint(endpoint: Endpoint, { giving, receiving }: Moves): Endpoint {
  const { hints: _old, ...rest } = endpoint
  const { zone = '' } = rest
  if (!isReady(rest)) return rest
  const left = giving.get(zone) ?? 0
  const target = left > 0 ? [...receiving].find(([, count]) => count > 0) : undefined
  if (target === undefined) return { ...rest, hints: { forZones: [{ name: zone }] } }
  giving.set(zone, left - 1)
  receiving.set(target[0], target[1] - 1)
  return { ...rest, hints: { forZones: [{ name: target[0] }] } }
}
