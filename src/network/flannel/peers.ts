/** What the tunnel device needs to reach each peer, and what to change for that: pure, the kernel is not touched. */
import { isDeepStrictEqual } from 'node:util'
import { formatAddress, requireCidr } from '../../base/ip.ts'
import type { ForwardingSpec, NeighbourSpec } from '../../linux/netlink/route/neighbour.ts'
import { completeRoute, type Route } from '../../linux/netlink/route/route.ts'
import type { Lease } from './lease.ts'

/** Entries of one tunnel device, for one address family: three for each peer. */
export interface OverlayEntries {
  readonly neighbours: readonly NeighbourSpec[]
  readonly forwarding: readonly ForwardingSpec[]
  readonly routes: readonly Route[]
}

/** Neighbour, forwarding entry and route of every peer; `link` is the tunnel device. */
export function overlayEntries(leases: readonly Lease[], link: string): OverlayEntries {
  // Two nodes that claim the same pods: the first by name has them until an administrator mends it.
  const byCidr = new Map<string, Lease>()
  for (const lease of leases.toSorted((a, b) => (a.nodeName < b.nodeName ? -1 : 1))) {
    if (!byCidr.has(lease.podCidr)) byCidr.set(lease.podCidr, lease)
  }
  const peers = [...byCidr.values()]
  return {
    neighbours: peers.map((peer) => ({ address: vtepAddress(peer.podCidr), mac: peer.vtepMac })),
    forwarding: peers.map((peer) => ({ mac: peer.vtepMac, destination: peer.publicIp })),
    routes: peers.map((peer) =>
      completeRoute({ destination: peer.podCidr, gateway: vtepAddress(peer.podCidr), link, onlink: true }),
    ),
  }
}

/** The address of a node's tunnel device: the first of its pods' range. */
export function vtepAddress(podCidr: string): string {
  return formatAddress(requireCidr(podCidr).network)
}

/** What to write, replacing what has the same key, and what to delete. */
export interface OverlayChanges {
  readonly write: OverlayEntries
  readonly remove: OverlayEntries
}

/** The difference between what should be and what is; empty when they agree. */
export function overlayChanges(desired: OverlayEntries, actual: OverlayEntries): OverlayChanges {
  const neighbours = difference(desired.neighbours, actual.neighbours, (entry) => entry.address)
  const forwarding = difference(desired.forwarding, actual.forwarding, (entry) => entry.mac)
  const routes = difference(desired.routes, actual.routes, (entry) => entry.destination)
  return {
    write: { neighbours: neighbours.write, forwarding: forwarding.write, routes: routes.write },
    remove: { neighbours: neighbours.remove, forwarding: forwarding.remove, routes: routes.remove },
  }
}

function difference<T>(desired: readonly T[], actual: readonly T[], keyOf: (entry: T) => string) {
  const wanted = new Set(desired.map(keyOf))
  const present = new Map(actual.map((entry) => [keyOf(entry), entry]))
  return {
    write: desired.filter((entry) => !isDeepStrictEqual(entry, present.get(keyOf(entry)))),
    remove: actual.filter((entry) => !wanted.has(keyOf(entry))),
  }
}
