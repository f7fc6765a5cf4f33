import { FairleadError } from '../../../base/error.ts'
import { close, O_RDONLY, open } from '../../libc.ts'
import {
  MessageWriter,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../message.ts'
import { isNetlinkErrno, NETLINK_ROUTE, NetlinkSocket } from '../socket.ts'
import {
  type AddressSpec,
  decodeAddress,
  type LinkAddress,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
  writeAddress,
  writeAddressSelector,
} from './address.ts'
import {
  decodeLink,
  type Link,
  type LinkChange,
  type LinkResolver,
  type LinkSpec,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  writeHairpin,
  writeLinkChange,
  writeLinkSelector,
  writeNewLink,
} from './link.ts'
import {
  decodeForwarding,
  decodeNeighbour,
  type Forwarding,
  type ForwardingSpec,
  type Neighbour,
  type NeighbourSpec,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  writeForwarding,
  writeForwardingSelector,
  writeNeighbour,
  writeNeighbourKey,
  writeNeighbourSelector,
  writeProxy,
} from './neighbour.ts'
import {
  completeRoute,
  decodeRoute,
  type Route,
  type RouteSpec,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  writeRoute,
  writeRouteSelector,
} from './route.ts'
import {
  decodeRule,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  type RuleSpec,
  writeRule,
  writeRuleSelector,
} from './rule.ts'

const RECEIVE_BYTES = 64 << 10
const DUMP_ATTEMPTS = 20

interface Request {
  /** What is done, for the error: "add the link cni0". */
  readonly action: string
  readonly type: number
  readonly flags?: number
  write(writer: MessageWriter): void
}

/**
 * Links, addresses, routes, rules and neighbours of one network namespace. Every call is synchronous and done when it
 * returns. `add…` fails when there is one already; `replace…` makes it so whatever was there; `delete…` says whether
 * there was one.
 *
 * All methods throw NetlinkError with the kernel's reason, and FairleadError `NOT_FOUND` for a link that is not there.
 */
export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket

  private constructor(netns: string | undefined) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, netns, RECEIVE_BYTES)
  }

  /** @param netns Path of the namespace; the caller's own when left out. */
  static open(netns?: string): RouteSocket {
    return new RouteSocket(netns)
  }

  links(): Link[] {
    return this.#dump({ action: 'list links', type: RTM_GETLINK, write: writeLinkSelector }, decodeLink)
  }

  /** The link with this name, if there is one. */
  link(name: string): Link | undefined {
    let link: Link | undefined
    const request = {
      action: `look up the link ${name}`,
      type: RTM_GETLINK,
      write: (writer: MessageWriter) => writeLinkSelector(writer, name),
    }
    const found = this.#unless(['ENODEV'], () =>
      this.#request(request, (payload) => {
        link = decodeLink(payload)
      }),
    )
    return found ? link : undefined
  }

  /**
   * Creates a link, and for a veth its other end, right in the namespace where each belongs.
   *
   * @throws FairleadError `KERNEL_FEATURE` when the kernel does not know such links.
   */
  addLink(spec: LinkSpec): void {
    const request = (resolver: LinkResolver): Request => ({
      action: `add the ${spec.kind} link ${spec.name}`,
      type: RTM_NEWLINK,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      write: (writer) => writeNewLink(writer, spec, resolver),
    })
    try {
      this.#withResolver((resolver) => this.#request(request(resolver)))
    } catch (cause) {
      if (!isNetlinkErrno(cause, 'EOPNOTSUPP')) throw cause
      const hint = `Load the kernel module: modprobe ${spec.kind}`
      throw new FairleadError('KERNEL_FEATURE', `This kernel has no links of kind ${spec.kind}`, { cause, hint })
    }
  }

  setLink(name: string, change: LinkChange): void {
    this.#withResolver((resolver) =>
      this.#request({
        action: `change the link ${name}`,
        type: RTM_NEWLINK,
        write: (writer) => writeLinkChange(writer, name, change, resolver),
      }),
    )
  }

  /** Lets frames leave by the bridge port that they came in by, or no longer. */
  setHairpin(name: string, hairpin: boolean): void {
    this.#request({
      action: `set hairpin mode of ${name}`,
      type: RTM_NEWLINK,
      write: (writer) => writeHairpin(writer, name, hairpin),
    })
  }

  /** Deletes a link; a veth takes its other end along. */
  deleteLink(name: string): boolean {
    return this.#unless(['ENODEV'], () =>
      this.#request({
        action: `delete the link ${name}`,
        type: RTM_DELLINK,
        write: (writer) => writeLinkSelector(writer, name),
      }),
    )
  }

  /** Addresses of one link, or of all. */
  addresses(link?: string): LinkAddress[] {
    const index = link === undefined ? 0 : this.#index(link)
    return this.#dump(
      { action: 'list addresses', type: RTM_GETADDR, write: (writer) => writeAddressSelector(writer, index) },
      decodeAddress,
    )
  }

  replaceAddress(link: string, spec: AddressSpec): void {
    const index = this.#index(link)
    this.#request({
      action: `give ${spec.address} to ${link}`,
      type: RTM_NEWADDR,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeAddress(writer, index, spec),
    })
  }

  deleteAddress(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#unless(['EADDRNOTAVAIL'], () =>
      this.#request({
        action: `take ${address} from ${link}`,
        type: RTM_DELADDR,
        write: (writer) => writeAddress(writer, index, { address }),
      }),
    )
  }

  /** Routes of one table of a family, or of all tables. */
  routes(family: 4 | 6, table?: number): Route[] {
    const names = new Map(this.links().map((link) => [link.index, link.name]))
    const name = (index: number) => names.get(index) ?? `#${index}`
    const request: Request = {
      action: 'list routes',
      type: RTM_GETROUTE,
      write: (writer) => writeRouteSelector(writer, family, table),
    }
    // A table that was never used does not exist.
    let routes: (Route | undefined)[] = []
    this.#unless(['ENOENT'], () => {
      routes = this.#dump(request, (payload) => decodeRoute(payload, name))
    })
    return routes.filter((route) => route !== undefined)
  }

  /** Adds a route in place of the one with the same destination, metric and table. */
  replaceRoute(spec: RouteSpec): void {
    this.#request(this.#routeRequest(spec, 'add', RTM_NEWROUTE))
  }

  deleteRoute(spec: RouteSpec): boolean {
    return this.#unless(['ESRCH', 'ENOENT'], () => this.#request(this.#routeRequest(spec, 'delete', RTM_DELROUTE)))
  }

  rules(family: 4 | 6): RuleSpec[] {
    return this.#dump(
      { action: 'list rules', type: RTM_GETRULE, write: (writer) => writeRuleSelector(writer, family) },
      decodeRule,
    ).filter((rule) => rule !== undefined)
  }

  /** Adds a rule; nothing happens when there is the very same. */
  replaceRule(rule: RuleSpec): void {
    this.#unless(['EEXIST'], () =>
      this.#request({
        action: `add the routing rule ${rule.priority}`,
        type: RTM_NEWRULE,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        write: (writer) => writeRule(writer, rule),
      }),
    )
  }

  deleteRule(rule: RuleSpec): boolean {
    return this.#unless(['ENOENT'], () =>
      this.#request({
        action: `delete the routing rule ${rule.priority}`,
        type: RTM_DELRULE,
        write: (writer) => writeRule(writer, rule),
      }),
    )
  }

  neighbours(family: 4 | 6): Neighbour[] {
    return this.#dump(
      {
        action: 'list neighbours',
        type: RTM_GETNEIGH,
        write: (writer) => writeNeighbourSelector(writer, family, 'neighbours'),
      },
      decodeNeighbour,
    )
  }

  /** Makes a neighbour permanent. */
  replaceNeighbour(link: string, spec: NeighbourSpec): void {
    const index = this.#index(link)
    this.#request({
      action: `set the neighbour ${spec.address} on ${link}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeNeighbour(writer, index, spec),
    })
  }

  deleteNeighbour(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#unless(['ENOENT'], () =>
      this.#request({
        action: `delete the neighbour ${address} on ${link}`,
        type: RTM_DELNEIGH,
        write: (writer) => writeNeighbourKey(writer, index, address),
      }),
    )
  }

  /** Addresses that links answer for although they do not have them. */
  proxies(family: 4 | 6): { linkIndex: number; address: string }[] {
    return this.#dump(
      {
        action: 'list proxied addresses',
        type: RTM_GETNEIGH,
        write: (writer) => writeNeighbourSelector(writer, family, 'proxies'),
      },
      decodeNeighbour,
    ).map(({ linkIndex, address }) => ({ linkIndex, address }))
  }

  replaceProxy(link: string, address: string): void {
    const index = this.#index(link)
    this.#request({
      action: `answer for ${address} on ${link}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeProxy(writer, index, address),
    })
  }

  deleteProxy(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#unless(['ENOENT'], () =>
      this.#request({
        action: `stop answering for ${address} on ${link}`,
        type: RTM_DELNEIGH,
        write: (writer) => writeProxy(writer, index, address),
      }),
    )
  }

  /** Forwarding entries of one link. */
  forwarding(link: string): Forwarding[] {
    const index = this.#index(link)
    return this.#dump(
      {
        action: `list forwarding entries of ${link}`,
        type: RTM_GETNEIGH,
        write: (writer) => writeForwardingSelector(writer, index),
      },
      decodeForwarding,
    )
  }

  /** Sends frames for a MAC to one tunnel endpoint. */
  replaceForwarding(link: string, spec: ForwardingSpec): void {
    const index = this.#index(link)
    this.#request({
      action: `forward ${spec.mac} on ${link} to ${spec.destination}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeForwarding(writer, index, spec),
    })
  }

  deleteForwarding(link: string, spec: ForwardingSpec): boolean {
    const index = this.#index(link)
    return this.#unless(['ENOENT'], () =>
      this.#request({
        action: `stop forwarding ${spec.mac} on ${link} to ${spec.destination}`,
        type: RTM_DELNEIGH,
        write: (writer) => writeForwarding(writer, index, spec),
      }),
    )
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #routeRequest(spec: RouteSpec, verb: string, type: number): Request {
    const route = completeRoute(spec)
    const index = route.link === undefined ? undefined : this.#index(route.link)
    return {
      action: `${verb} the route to ${route.destination}`,
      type,
      flags: type === RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0,
      write: (writer) => writeRoute(writer, route, index),
    }
  }

  #index(name: string): number {
    const link = this.link(name)
    if (link === undefined) throw new FairleadError('NOT_FOUND', `There is no link ${name}`)
    return link.index
  }

  /** Namespaces are opened for one request only. */
  #withResolver(run: (resolver: LinkResolver) => void): void {
    const opened: number[] = []
    const netns = (path: string) => {
      const fd = open(path, O_RDONLY)
      opened.push(fd)
      return fd
    }
    const index = (name: string) => this.#index(name)
    try {
      run({ index, netns })
    } finally {
      for (const fd of opened) close(fd)
    }
  }

  /** Runs a request; false when the kernel refused it for one of these reasons. */
  #unless(reasons: readonly string[], run: () => void): boolean {
    try {
      run()
      return true
    } catch (error) {
      if (isNetlinkErrno(error, ...reasons)) return false
      throw error
    }
  }

  #request(request: Request, visit?: (payload: Buffer) => void): void {
    const sequence = this.#send(request, NLM_F_REQUEST | NLM_F_ACK | (request.flags ?? 0))
    this.#socket.readReply(request.action, sequence, (message) => visit?.(message.payload))
  }

  /** Repeats a dump that a change disturbed, so that a list is always of one moment. */
  #dump<T>(request: Request, decode: (payload: Buffer) => T): T[] {
    for (let attempt = 1; ; attempt++) {
      const found: T[] = []
      const sequence = this.#send(request, NLM_F_REQUEST | NLM_F_DUMP)
      try {
        this.#socket.readReply(request.action, sequence, (message) => found.push(decode(message.payload)))
        return found
      } catch (error) {
        if (!isNetlinkErrno(error, 'EINTR') || attempt === DUMP_ATTEMPTS) throw error
      }
    }
  }

  #send(request: Request, flags: number): number {
    // A nested look-up while a request is being written must not share its buffer.
    const writer = new MessageWriter(512)
    const sequence = this.#socket.nextSequence()
    const start = writer.beginMessage(request.type, flags, sequence)
    request.write(writer)
    writer.endMessage(start)
    this.#socket.send(writer.bytes())
    return sequence
  }
}
