import { createHash } from 'node:crypto'
import { type Cidr, formatAddress, nthAddress, parseAddress } from '../../base/ip.ts'
import { formatMac } from '../../linux/mac-address.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'

/** The bridge that a node's pods are plugged into. */
export const BRIDGE = 'cni0'
const POD_INTERFACE = 'eth0'

export interface PodBridgeOptions {
  /** Ranges of the node's pods, one per address family. */
  readonly cidrs: readonly Cidr[]
  readonly mtu: number
}

/** A pod's place: its uid names the device, its addresses are one per range of the bridge. */
export interface PodPlug {
  readonly uid: string
  readonly addresses: readonly string[]
  /** Path of the pod's namespace. */
  readonly netns: string
}

/**
 * The bridge `cni0` and the pods on it. Pods know only their gateway: a packet from pod to pod is routed by the node, so
 * that the node's rules see it in both directions, whatever the bridge itself would do.
 */
export class PodBridge {
  readonly #route: RouteSocket
  readonly #cidrs: readonly Cidr[]
  readonly #mtu: number

  /** Creates the bridge, or takes over the one that is there. */
  constructor(route: RouteSocket, { cidrs, mtu }: PodBridgeOptions) {
    this.#route = route
    this.#cidrs = cidrs
    this.#mtu = mtu
    // An Ethernet address of its own: a bridge without one changes it with its ports, and pods would lose their gateway.
    const [first] = this.gateways()
    const address = macOf(first ?? '')
    if (route.link(BRIDGE) === undefined) route.addLink({ kind: 'bridge', name: BRIDGE, mtu, address, up: true })
    route.setLink(BRIDGE, { mtu, address, up: true })
    this.#setAddresses()
  }

  /** The bridge's addresses: the first of each range. */
  gateways(): string[] {
    return this.#cidrs.map((cidr) => formatAddress(nthAddress(cidr, 1)))
  }

  /** Plugs a pod in; one that is plugged in already stays. */
  plug(pod: PodPlug): void {
    using inside = RouteSocket.open(pod.netns)
    const name = hostDevice(pod.uid)
    const [outer, inner] = [this.#route.link(name), inside.link(POD_INTERFACE)]
    if (outer === undefined || inner === undefined || outer.peer !== inner.index) {
      // Of a namespace that the pod no longer has.
      if (outer !== undefined) this.#route.deleteLink(name)
      const address = macOf(pod.addresses[0] ?? '')
      const peer = { name: POD_INTERFACE, netns: pod.netns, mtu: this.#mtu, address }
      this.#route.addLink({ kind: 'veth', name, mtu: this.#mtu, up: true, master: BRIDGE, peer })
    } else if (outer.master === undefined || !outer.up) {
      this.#route.setLink(name, { master: BRIDGE, up: true })
    }
    if (outer?.hairpin !== true) this.#route.setHairpin(name, true)
    this.#configure(inside, pod)
  }

  /**
   * Unplugs a pod: from now on its addresses can be another's. The device goes with the pod's namespace; deleting it here
   * would stop this process for some 20 ms.
   */
  unplug(uid: string): void {
    const name = hostDevice(uid)
    if (this.#route.link(name) !== undefined) this.#route.setLink(name, { master: null, up: false })
  }

  /** Unplugs and deletes devices of pods other than these: what a crash left. */
  retain(uids: Iterable<string>): void {
    const names = new Set([...uids].map(hostDevice))
    for (const link of this.#route.links()) {
      if (isHostDevice(link.name) && link.kind === 'veth' && !names.has(link.name)) this.#route.deleteLink(link.name)
    }
  }

  #configure(inside: RouteSocket, pod: PodPlug): void {
    inside.setLink('lo', { up: true })
    inside.setLink(POD_INTERFACE, { up: true })
    const gateways = this.gateways()
    for (const [i, cidr] of this.#cidrs.entries()) {
      const address = `${pod.addresses[i]}/${cidr.prefixLength}`
      inside.replaceAddress(POD_INTERFACE, { address, noPrefixRoute: true })
      const destination = cidr.family === 4 ? '0.0.0.0/0' : '::/0'
      inside.replaceRoute({ destination, gateway: gateways[i] ?? '', link: POD_INTERFACE, onlink: true })
    }
  }

  #setAddresses(): void {
    const wanted = this.#cidrs.map((cidr, i) => `${this.gateways()[i]}/${cidr.prefixLength}`)
    for (const { address } of this.#route.addresses(BRIDGE)) {
      if (!address.startsWith('fe80:') && !wanted.includes(address)) this.#route.deleteAddress(BRIDGE, address)
    }
    for (const address of wanted) this.#route.replaceAddress(BRIDGE, { address })
  }
}

/** The node's end of a pod's link: `veth` and eight hexadecimal digits. */
export function hostDevice(uid: string): string {
  return `veth${createHash('sha1').update(uid).digest('hex').slice(0, 8)}`
}

function isHostDevice(name: string): boolean {
  return /^veth[0-9a-f]{8}$/.test(name)
}

/** An Ethernet address that follows from the IP address: when that goes to another pod, what is cached stays right. */
function macOf(address: string): string {
  const bytes = parseAddress(address) ?? Buffer.alloc(4)
  return formatMac(Buffer.concat([Buffer.of(0x0a, 0x58), bytes.subarray(-4)]))
}
