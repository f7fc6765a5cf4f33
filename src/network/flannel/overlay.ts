import { createHash } from 'node:crypto'
import { formatMac } from '../../linux/mac-address.ts'
import type { Link } from '../../linux/netlink/route/link.ts'
import { MAIN_TABLE, PROTOCOL_KERNEL } from '../../linux/netlink/route/route.ts'
import type { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { type Lease, VNI, VXLAN_PORT } from './lease.ts'
import { type OverlayEntries, overlayChanges, overlayEntries, vtepAddress } from './peers.ts'

export interface OverlayOptions {
  readonly family: 4 | 6
  readonly nodeName: string
  /** Where the tunnel ends here: the node's address of the family. */
  readonly local: string
  /** The node's own pods. */
  readonly podCidr: string
  readonly mtu: number
}

/** The tunnel device of one address family, `flannel.1` or `flannel-v6.1`, and its entries for the peers. */
export class Overlay {
  readonly device: string
  /** Ethernet address of the device, which peers must know. */
  readonly mac: string
  readonly family: 4 | 6
  readonly #route: RouteSocket

  /** Creates the device, or takes over the one that is there. */
  constructor(route: RouteSocket, options: OverlayOptions) {
    this.#route = route
    this.family = options.family
    this.device = options.family === 4 ? `flannel.${VNI}` : `flannel-v6.${VNI}`
    this.mac = this.#ensure(options)
    const prefixLength = options.family === 4 ? 32 : 128
    route.replaceAddress(this.device, { address: `${vtepAddress(options.podCidr)}/${prefixLength}` })
  }

  /** Makes the kernel's entries those of the peers; touches none that is right already. Returns how many it changed. */
  apply(peers: readonly Lease[]): number {
    const { write, remove } = overlayChanges(overlayEntries(peers, this.device), this.#actual())
    for (const entry of write.neighbours) this.#route.replaceNeighbour(this.device, entry)
    for (const entry of write.forwarding) this.#route.replaceForwarding(this.device, entry)
    for (const entry of write.routes) this.#route.replaceRoute(entry)
    for (const entry of remove.routes) this.#route.deleteRoute(entry)
    for (const entry of remove.forwarding) this.#route.deleteForwarding(this.device, entry)
    for (const entry of remove.neighbours) this.#route.deleteNeighbour(this.device, entry.address)
    return [write, remove].flatMap((changes) => Object.values(changes)).flat().length
  }

  #ensure(options: OverlayOptions): string {
    const present = this.#route.link(this.device)
    if (present !== undefined && isOverlay(present, options)) {
      this.#route.setLink(this.device, { up: true, mtu: options.mtu })
      return present.address ?? vtepMac(options)
    }
    if (present !== undefined) this.#route.deleteLink(this.device)
    const { local, mtu } = options
    const vxlan = { kind: 'vxlan', vni: VNI, local, port: VXLAN_PORT, learning: false } as const
    const address = vtepMac(options)
    this.#route.addLink({ ...vxlan, name: this.device, mtu, address, up: true })
    return address
  }

  #actual(): OverlayEntries {
    const index = this.#route.link(this.device)?.index
    const neighbours = this.#route.neighbours(this.family)
    return {
      neighbours: neighbours.flatMap(({ linkIndex, address, mac, permanent }) =>
        linkIndex === index && permanent && mac !== undefined && !isMulticast(mac) ? { address, mac } : [],
      ),
      forwarding: this.#route
        .forwarding(this.device)
        .flatMap(({ mac, destination }) => (destination === undefined ? [] : { mac, destination })),
      routes: this.#route
        .routes(this.family, MAIN_TABLE)
        .filter((route) => route.link === this.device && route.protocol !== PROTOCOL_KERNEL),
    }
  }
}

function isOverlay(link: Link, { local }: OverlayOptions): boolean {
  const { vxlan } = link
  return vxlan?.vni === VNI && vxlan.local === local && vxlan.port === VXLAN_PORT && !vxlan.learning
}

/** The same for the same node, so that a restart or a device made anew changes nothing for the peers. */
function vtepMac({ nodeName, family }: OverlayOptions): string {
  const bytes = createHash('sha1').update(`vtep ${family} ${nodeName}`).digest().subarray(0, 6)
  // Locally administered, unicast.
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02
  return formatMac(bytes)
}

function isMulticast(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) !== 0
}
