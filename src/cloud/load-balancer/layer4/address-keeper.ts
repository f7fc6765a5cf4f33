import { RouteSocket } from '../../../linux/netlink/route/socket.ts'

/** A bridge without ports: addresses of it belong to the load balancers, whoever else has some in the namespace. */
export const ADDRESS_DEVICE = 'slb'

/** Addresses of load balancers in the VPC's namespace: on a device of their own, so that what is there tells whose they are. */
export class AddressKeeper implements Disposable {
  readonly #route: RouteSocket
  #present: Set<string> | undefined

  constructor(netns: string) {
    this.#route = RouteSocket.open(netns)
  }

  /** Adds those that are missing. */
  add(addresses: Iterable<string>): void {
    this.#present ??= this.#read()
    for (const address of [...addresses].map(hostCidr)) {
      if (this.#present.has(address)) continue
      this.#route.replaceAddress(ADDRESS_DEVICE, { address })
      this.#present.add(address)
    }
  }

  /** Makes these all the addresses there are. */
  keep(addresses: Iterable<string>): void {
    const wanted = new Set([...addresses].map(hostCidr))
    this.add(addresses)
    for (const address of this.#present ?? []) {
      if (wanted.has(address)) continue
      this.#route.deleteAddress(ADDRESS_DEVICE, address)
      this.#present?.delete(address)
    }
  }

  [Symbol.dispose](): void {
    this.#route[Symbol.dispose]()
  }

  #read(): Set<string> {
    if (this.#route.link(ADDRESS_DEVICE) === undefined)
      this.#route.addLink({ kind: 'bridge', name: ADDRESS_DEVICE, up: true })
    const own = this.#route.addresses(ADDRESS_DEVICE).filter(({ scope }) => scope === 'global')
    return new Set(own.map(({ address }) => address))
  }
}

function hostCidr(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}
