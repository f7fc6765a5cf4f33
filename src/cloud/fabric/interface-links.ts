import { FairleadError } from '../../base/error.ts'
import type { Link } from '../../linux/netlink/route/link.ts'
import type { Route } from '../../linux/netlink/route/route.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { writeSysctls } from '../../linux/sysctl.ts'
import type { AttachedInterface } from './attached-interfaces.ts'
import { interfaceDevice, isInterfaceDevice } from './fabric-names.ts'

const MTU = 1500

export interface InterfaceLinksOptions {
  /** Path of the VPC's namespace. */
  readonly netns: string
  /** Path of a machine's namespace, by its name. */
  readonly machineNetns: (machine: string) => string
}

/**
 * Secondary interfaces in the kernel: a link from the VPC to the machine for each (`eth1`, `eth2`, ... there, found by its
 * Ethernet address), and a route to each of its addresses. What a machine does with them is its own affair.
 */
export class InterfaceLinks implements Disposable {
  readonly #options: InterfaceLinksOptions
  readonly #route: RouteSocket

  constructor(options: InterfaceLinksOptions) {
    this.#options = options
    this.#route = RouteSocket.open(options.netns)
  }

  /** Makes links and routes equal to these interfaces; what is right already is not touched. */
  apply(interfaces: readonly AttachedInterface[]): void {
    const wanted = new Map(interfaces.map((card) => [interfaceDevice(card.id), card]))
    const links = this.#route.links().filter(({ name }) => isInterfaceDevice(name))
    for (const { name } of links) if (!wanted.has(name)) this.#route.deleteLink(name)
    if (wanted.size === 0) return
    const routes = this.#route.routes(4)
    for (const [device, card] of wanted) {
      const isNew = this.#connect(device, card, links)
      const present = isNew ? [] : routes.filter(({ link }) => link === device)
      this.#lead(device, card, present)
    }
  }

  [Symbol.dispose](): void {
    this.#route[Symbol.dispose]()
  }

  /** Whether the link had to be made. */
  #connect(device: string, card: AttachedInterface, links: readonly Link[]): boolean {
    const netns = this.#options.machineNetns(card.machine)
    using inside = RouteSocket.open(netns)
    const outer = links.find(({ name }) => name === device)
    const there = inside.links()
    if (
      outer !== undefined &&
      there.some(({ index, address }) => index === outer.peer && address === card.macAddress)
    ) {
      return false
    }
    if (outer !== undefined) this.#route.deleteLink(device)
    const peer = { name: freeName(there, card), netns, mtu: MTU, address: card.macAddress }
    this.#route.addLink({ kind: 'veth', name: device, mtu: MTU, up: true, peer })
    this.#route.setLink(device, { alias: `${card.id} ${card.machine}` })
    // The machine asks for its neighbours of the vSwitch by ARP; the VPC answers for them all, at once.
    writeSysctls(this.#options.netns, {
      [`net/ipv4/conf/${device}/proxy_arp`]: 1,
      [`net/ipv4/neigh/${device}/proxy_delay`]: 0,
    })
    return true
  }

  /** All addresses are where the primary one is, and that is known: nobody on the machine must answer for them. */
  #lead(device: string, { addresses, macAddress, gateway }: AttachedInterface, present: readonly Route[]): void {
    const primary = addresses[0] ?? ''
    const wanted = new Set(addresses.map((address) => `${address}/32`))
    const known = new Set(present.filter((route) => route.gateway === primary).map(({ destination }) => destination))
    for (const route of present) {
      if (!wanted.has(route.destination)) this.#route.deleteRoute(route)
    }
    if (known.size === wanted.size && [...wanted].every((destination) => known.has(destination))) return
    this.#route.replaceAddress('lo', { address: `${gateway}/32` })
    this.#route.replaceNeighbour(device, { address: primary, mac: macAddress })
    for (const destination of wanted) {
      if (!known.has(destination)) {
        this.#route.replaceRoute({ destination, gateway: primary, link: device, onlink: true })
      }
    }
  }
}

const MAXIMUM_NUMBER = 64

function freeName(links: readonly Link[], card: AttachedInterface): string {
  const taken = new Set(links.map(({ name }) => name))
  for (let n = 1; n <= MAXIMUM_NUMBER; n++) if (!taken.has(`eth${n}`)) return `eth${n}`
  throw new FairleadError(
    'INVALID_INPUT',
    `Cannot attach ${card.id} to ${card.machine}: eth1 to eth${MAXIMUM_NUMBER} are there already`,
  )
}
