import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { RouteSocket } from '../linux/netlink/route/socket.ts'
import { type NodePortAddresses, parseNodePortAddresses, selectAddresses } from './node-port-addresses.ts'
import type { NodeView } from './node-view.ts'

/** How often the node's addresses are looked at, when ranges choose among them. */
const LOOK_MS = 5000

export interface NodeAddressesOptions {
  /** `--nodeport-addresses`. */
  readonly words: readonly string[] | undefined
  readonly netns: string | undefined
  readonly log: Log
  readonly clock: Clock
  /** The addresses are others than before. */
  readonly changed: () => void
}

/** The addresses of the node that NodePorts answer on, as they come and go. With `primary` it looks at nothing. */
export class NodeAddresses implements Disposable {
  readonly #options: NodeAddressesOptions
  readonly #wanted: NodePortAddresses
  readonly #routes: RouteSocket | undefined
  #addresses: readonly string[] = []
  #warned = ''
  #timer: (() => void) | undefined

  /** @throws FairleadError `INVALID_INPUT` */
  constructor(options: NodeAddressesOptions) {
    this.#options = options
    this.#wanted = parseNodePortAddresses(options.words ?? [])
    if (this.#wanted.localhost) this.#warn(['localhost'])
    if (this.#wanted.ranges.length === 0) return
    this.#routes = RouteSocket.open(options.netns)
    this.#read()
    this.#timer = options.clock.after(LOOK_MS, () => this.#look())
  }

  /** The view of the node with what it knows. */
  of(view: NodeView): NodeView {
    const { primary, ranges } = this.#wanted
    if (primary && ranges.length === 0) return view
    const addresses = new Set([...(primary ? view.addresses : []), ...this.#addresses])
    return { ...view, nodePortAddresses: [...addresses] }
  }

  [Symbol.dispose](): void {
    this.#timer?.()
    this.#routes?.[Symbol.dispose]()
  }

  #look(): void {
    const { log, clock, changed } = this.#options
    this.#timer = clock.after(LOOK_MS, () => this.#look())
    const before = this.#addresses.join()
    try {
      this.#read()
    } catch (err) {
      log.warn({ err }, 'The addresses of the node cannot be read')
    }
    if (this.#addresses.join() !== before) changed()
  }

  #read(): void {
    if (this.#routes === undefined) return
    const local = this.#routes.addresses().map(({ address }) => address)
    const { addresses, loopback } = selectAddresses(this.#wanted.ranges, local)
    this.#addresses = addresses
    if (loopback.length > 0) this.#warn(loopback)
  }

  #warn(addresses: readonly string[]): void {
    if (addresses.join() === this.#warned) return
    this.#warned = addresses.join()
    this.#options.log.warn(
      { addresses },
      '--nodeport-addresses includes localhost but localhost NodePorts are not supported',
    )
  }
}
