/** Whether the kernel did what was predicted, and where not. Pure. */
import { hostPort } from '../../base/ip.ts'
import { type Hop, ownRoutesOf, type Path, type Place, placeText, type Route } from '../hop.ts'
import type { Fate } from './send.ts'
import { packetText, type Sighting } from './sighting.ts'

export interface Comparison {
  /** The way that the packet took, when it is one that was predicted. */
  readonly taken?: Route
  /** Empty: the kernel did what was predicted. */
  readonly differences: readonly string[]
}

/** @param path Of one address: what was sent went there. */
export function compare(path: Path, sightings: readonly Sighting[], fate: Fate): Comparison {
  const there = sightings.filter(({ direction }) => direction === 'there')
  const routes = ownRoutesOf(path)
  const taken = routes.find(({ hops }) => passed(hops).every((pass) => fits(pass, there)))
  if (taken === undefined) return { differences: [...misfits(routes, there), ...endMisfit(routes, fate)] }
  return { taken, differences: [...chainMisfits(taken.hops, there), ...fateMisfit(taken, fate, there)] }
}

/** A hop, and how often the packet was at its place before. */
interface Pass {
  readonly hop: Hop
  readonly visit: number
}

/** A packet that goes to the public address of its own node comes back to that. */
function passed(hops: readonly Hop[]): readonly Pass[] {
  const visits = new Map<string, number>()
  let last: string | undefined
  return hops.map((hop) => {
    const place = placeText(hop.kind === 'tunnel' ? hop.from : hop.place)
    if (place !== last) visits.set(place, (visits.get(place) ?? -1) + 1)
    last = place
    return { hop, visit: visits.get(place) ?? 0 }
  })
}

/** Whether what was seen at a hop's place is what the hop says. */
function fits({ hop, visit }: Pass, there: readonly Sighting[]): boolean {
  if (hop.kind !== 'translate') return true
  const seen = at(hop.place, visit, there)
  if (seen === undefined) return false
  if (hop.what === 'source') return seen.after.source === hop.after.source
  return seen.after.destination === hop.after.destination && seen.after.destinationPort === hop.after.port
}

function at(place: Place, visit: number, sightings: readonly Sighting[]): Sighting | undefined {
  const text = placeText(place)
  return sightings.filter((one) => placeText(one.place) === text)[visit]
}

function misfits(routes: readonly Route[], there: readonly Sighting[]): string[] {
  const best = [...routes].sort((a, b) => score(b, there) - score(a, there))[0]
  const { hop: wrong, visit = 0 } = passed(best?.hops ?? []).find((pass) => !fits(pass, there)) ?? {}
  if (wrong === undefined || wrong.kind !== 'translate') return ['the packet took a way that was not predicted']
  const seen = at(wrong.place, visit, there)
  const to = wrong.what === 'source' ? wrong.after.source : hostPort(wrong.after.destination, wrong.after.port)
  const is = seen === undefined ? 'the packet was not seen there' : `it left as ${packetText(seen.after)}`
  return [`at ${placeText(wrong.place)} its ${wrong.what} should have become ${to}; ${is}`]
}

function score(route: Route, there: readonly Sighting[]): number {
  return passed(route.hops).filter((pass) => pass.hop.kind === 'translate' && fits(pass, there)).length
}

function endMisfit(routes: readonly Route[], fate: Fate): string[] {
  const kinds = [...new Set(routes.map(({ end }) => end.kind))]
  return kinds.some((kind) => agrees(kind, fate)) ? [] : [`predicted ${kinds.join(' or ')}; the packet was ${fate}`]
}

/** The proxy's chains, in order; the last is named by its beginning. */
function chainMisfits(hops: readonly Hop[], there: readonly Sighting[]): string[] {
  return passed(hops).flatMap(({ hop, visit }) => {
    if (hop.kind !== 'lookup') return []
    const seen = at(hop.place, visit, there)
    if (seen === undefined) return [`${placeText(hop.place)} did not see the packet`]
    const chains = seen.rules
      .filter(({ table }) => hop.table.endsWith(` ${table}`))
      .flatMap(({ chain, to }) => [chain, to ?? ''])
    const missing = hop.chains.find((chain) => !chains.some((name) => name === chain || name.startsWith(`${chain}-`)))
    if (missing === undefined) return []
    const way = [...new Set(chains.filter((name) => name !== ''))].join(' > ')
    return [
      `at ${placeText(hop.place)} chain ${missing} of ${hop.table} was not passed: ${way === '' ? 'no rule matched' : way}`,
    ]
  })
}

function fateMisfit({ end, hops }: Route, fate: Fate, there: readonly Sighting[]): string[] {
  const [start] = hops
  // The kernel tells of refused datagrams now and then only (net.ipv4.icmp_ratelimit).
  if (end.kind === 'refused' && fate === 'silent' && start?.kind === 'origin' && start.flow.protocol === 'UDP')
    return []
  if (end.kind === 'delivered' && fate === 'silent') {
    const last = hops.findLast((hop) => hop.kind === 'arrive')
    const isDatagram = last?.kind === 'arrive' && last.flow.protocol === 'UDP'
    // Who takes a datagram need not answer; it must have come by, and nobody may have dropped it.
    if (isDatagram && there.length > 0 && there.every(({ dropped }) => dropped === undefined)) return []
  }
  return agrees(end.kind, fate) ? [] : [`predicted ${end.kind}; the packet was ${fate}`]
}

/** A router's word may come too late to be heard (see linux/README.md): to the sender that is silence. */
function agrees(kind: Route['end']['kind'], fate: Fate): boolean {
  if (kind === 'delivered') return fate === 'answered'
  if (fate === 'forbidden') return kind === 'dropped' || kind === 'refused'
  if (kind === 'dropped') return fate === 'silent'
  return kind === 'unreachable' ? fate === 'unreachable' || fate === 'silent' : fate === kind
}
