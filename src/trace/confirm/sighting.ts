/** What the kernel told of the packet in one namespace, put together. Pure. */
import { hostPort } from '../../base/ip.ts'
import { NF_DROP, type TracedPacket, type TraceEvent } from '../../linux/nftables/trace-socket.ts'
import type { Place } from '../hop.ts'
import type { Nonce } from './watch-point.ts'

export interface Sighting {
  readonly place: Place
  readonly direction: 'there' | 'back'
  /** As it came. */
  readonly before: TracedPacket
  /** As it left. */
  readonly after: TracedPacket
  /** Table and chain of each rule that matched, in order, and where it led. */
  readonly rules: readonly { readonly table: string; readonly chain: string; readonly to?: string }[]
  readonly dropped?: TraceEvent
}

/** Chains of ours that only mark and look. */
const OWN = /^fairlead-trace-/

/**
 * The packets in the events of a namespace: the first of each direction, and on the way there each that came with other
 * addresses, as one does that was sent away, translated, and came back. Others are repeated ones.
 */
export function sightingsOf(place: Place, events: readonly TraceEvent[], nonce: Nonce): Sighting[] {
  const all = everySighting(place, events, nonce)
  const there = new Map<string, Sighting>()
  for (const one of all) {
    const text = packetText(one.before)
    if (one.direction === 'there' && !there.has(text)) there.set(text, one)
  }
  return [...there.values(), ...all.filter(({ direction }) => direction === 'back').slice(0, 1)]
}

/** The packet each time it came to a namespace: it may be sent away, translated, and come back. */
export function passages(place: Place, events: readonly TraceEvent[], nonce: Nonce): TracedPacket[] {
  return everySighting(place, events, nonce).flatMap(({ direction, before }) => (direction === 'there' ? [before] : []))
}

function everySighting(place: Place, events: readonly TraceEvent[], nonce: Nonce): Sighting[] {
  const byPacket = new Map<number, TraceEvent[]>()
  for (const event of events) {
    const known = byPacket.get(event.id)
    if (known === undefined) byPacket.set(event.id, [event])
    else known.push(event)
  }
  return [...byPacket.values()].flatMap((own) => sightingOf(place, own, nonce) ?? [])
}

/** Whether the reset was seen that ends the packet's connection: nothing more comes after it. */
export function sawEnd(events: readonly TraceEvent[], nonce: Nonce): boolean {
  return events.some(({ packet }) => packet !== undefined && isEnd(packet, nonce))
}

function isEnd({ protocol, sequence }: TracedPacket, { number }: Nonce): boolean {
  return protocol === 6 && sequence === (number + 1) >>> 0
}

function sightingOf(place: Place, events: readonly TraceEvent[], nonce: Nonce): Sighting | undefined {
  const packets = events.flatMap(({ packet }) => packet ?? [])
  const [before, after] = [packets[0], packets.at(-1)]
  if (before === undefined || after === undefined || isEnd(before, nonce)) return undefined
  const isThere = nonce.protocol === 17 || before.sequence === nonce.number >>> 0
  const dropped = events.find(({ verdict, type }) => verdict === NF_DROP && type !== 'return')
  return {
    place,
    direction: isThere ? 'there' : 'back',
    before,
    after,
    rules: events
      .filter(({ table, type }) => type === 'rule' && !OWN.test(table))
      .map(({ table, chain, to }) => ({ table, chain, ...(to === undefined ? {} : { to }) })),
    ...(dropped === undefined ? {} : { dropped }),
  }
}

/** `10.244.0.2:40000 -> 10.96.0.1:443` */
export function packetText({ source, sourcePort, destination, destinationPort }: TracedPacket): string {
  return `${hostPort(source, sourcePort)} -> ${hostPort(destination, destinationPort)}`
}
