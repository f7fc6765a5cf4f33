import { FairleadError } from '../../../base/error.ts'
import { close, O_RDONLY, open } from '../../libc.ts'
import { type MessageWriter, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../message.ts'
import { isNetlinkErrno } from '../socket.ts'
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
import { type RouteRequest, RouteRequests } from './requests.ts'
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

/**
 * Links, addresses, routes, rules and neighbours of one network namespace. Every call is synchronous and done when it
 * returns. `add…` fails when there is one already; `replace…` makes it so whatever was there; `delete…` says whether
 * there was one.
 *
 * All methods throw NetlinkError with the kernel's reason, and FairleadError `NOT_FOUND` for a link that is not there.
 */
export class RouteSocket implements Disposable {
  readonly #requests: RouteRequests

  private constructor(netns: string | undefined) {
    this.#requests = new RouteRequests(netns)
  }

  /** @param netns Path of the namespace; the caller's own when left out. */
  static open(netns?: string): RouteSocket {
    return new RouteSocket(netns)
  }

  links(): Link[] {
    return this.#requests.dump({ action: 'list links', type: RTM_GETLINK, write: writeLinkSelector }, decodeLink)
  }

  /** The link with this name, if there is one. */
  link(name: string): Link | undefined {
    let link: Link | undefined
    const request = {
      action: `look up the link ${name}`,
      type: RTM_GETLINK,
      write: (writer: MessageWriter) => writeLinkSelector(writer, name),
    }
    const found = this.#requests.sendUnless(['ENODEV'], request, (payload) => {
      link = decodeLink(payload)
    })
    return found ? link : undefined
  }

  /**
   * Creates a link, and for a veth its other end, right in the namespace where each belongs.
   *
   * @throws FairleadError `KERNEL_FEATURE` when the kernel does not know such links.
   */
  addLink(spec: LinkSpec): void {
    const request = (resolver: LinkResolver): RouteRequest => ({
      action: `add the ${spec.kind} link ${spec.name}`,
      type: RTM_NEWLINK,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      write: (writer) => writeNewLink(writer, spec, resolver),
    })
    try {
      this.#withResolver((resolver) => this.#requests.send(request(resolver)))
    } catch (cause) {
      if (!isNetlinkErrno(cause, 'EOPNOTSUPP')) throw cause
      const hint = `Load the kernel module: modprobe ${spec.kind}`
      throw new FairleadError('KERNEL_FEATURE', `This kernel has no links of kind ${spec.kind}`, { cause, hint })
    }
  }

  setLink(name: string, change: LinkChange): void {
    this.#withResolver((resolver) =>
      this.#requests.send({
        action: `change the link ${name}`,
        type: RTM_NEWLINK,
        write: (writer) => writeLinkChange(writer, name, change, resolver),
      }),
    )
  }

  /** Lets frames leave by the bridge port that they came in by, or no longer. */
  setHairpin(name: string, hairpin: boolean): void {
    this.#requests.send({
      action: `set hairpin mode of ${name}`,
      type: RTM_NEWLINK,
      write: (writer) => writeHairpin(writer, name, hairpin),
    })
  }

  /** Deletes a link; a veth takes its other end along. */
  deleteLink(name: string): boolean {
    return this.#requests.sendUnless(['ENODEV'], {
      action: `delete the link ${name}`,
      type: RTM_DELLINK,
      write: (writer) => writeLinkSelector(writer, name),
    })
  }

  /** Addresses of one link, or of all. */
  addresses(link?: string): LinkAddress[] {
    const index = link === undefined ? 0 : this.#index(link)
    return this.#requests.dump(
      { action: 'list addresses', type: RTM_GETADDR, write: (writer) => writeAddressSelector(writer, index) },
      decodeAddress,
    )
  }

  replaceAddress(link: string, spec: AddressSpec): void {
    const index = this.#index(link)
    this.#requests.send({
      action: `give ${spec.address} to ${link}`,
      type: RTM_NEWADDR,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeAddress(writer, index, spec),
    })
  }

  deleteAddress(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#requests.sendUnless(['EADDRNOTAVAIL'], {
      action: `take ${address} from ${link}`,
      type: RTM_DELADDR,
      write: (writer) => writeAddress(writer, index, { address }),
    })
  }

  /** Routes of one table of a family, or of all tables. */
  routes(family: 4 | 6, table?: number): Route[] {
    const names = new Map(this.links().map((link) => [link.index, link.name]))
    const name = (index: number) => names.get(index) ?? `#${index}`
    const request: RouteRequest = {
      action: 'list routes',
      type: RTM_GETROUTE,
      write: (writer) => writeRouteSelector(writer, family, table),
    }
    const routes = this.#requests.dumpUnless(['ENOENT'], request, (payload) => decodeRoute(payload, name))
    // A table that was never used does not exist.
    return (routes ?? []).filter((route) => route !== undefined)
  }

  /** Adds a route in place of the one with the same destination, metric and table. */
  replaceRoute(spec: RouteSpec): void {
    this.#requests.send(this.#routeRequest(spec, 'add', RTM_NEWROUTE))
  }

  deleteRoute(spec: RouteSpec): boolean {
    return this.#requests.sendUnless(['ESRCH', 'ENOENT'], this.#routeRequest(spec, 'delete', RTM_DELROUTE))
  }

  rules(family: 4 | 6): RuleSpec[] {
    return this.#requests
      .dump(
        { action: 'list rules', type: RTM_GETRULE, write: (writer) => writeRuleSelector(writer, family) },
        decodeRule,
      )
      .filter((rule) => rule !== undefined)
  }

  /** Adds a rule; nothing happens when there is the very same. */
  replaceRule(rule: RuleSpec): void {
    this.#requests.sendUnless(['EEXIST'], {
      action: `add the routing rule ${rule.priority}`,
      type: RTM_NEWRULE,
      flags: NLM_F_CREATE | NLM_F_EXCL,
      write: (writer) => writeRule(writer, rule),
    })
  }

  deleteRule(rule: RuleSpec): boolean {
    return this.#requests.sendUnless(['ENOENT'], {
      action: `delete the routing rule ${rule.priority}`,
      type: RTM_DELRULE,
      write: (writer) => writeRule(writer, rule),
    })
  }

  neighbours(family: 4 | 6): Neighbour[] {
    return this.#requests.dump(
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
    this.#requests.send({
      action: `set the neighbour ${spec.address} on ${link}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeNeighbour(writer, index, spec),
    })
  }

  deleteNeighbour(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#requests.sendUnless(['ENOENT'], {
      action: `delete the neighbour ${address} on ${link}`,
      type: RTM_DELNEIGH,
      write: (writer) => writeNeighbourKey(writer, index, address),
    })
  }

  /** Addresses that links answer for although they do not have them. */
  proxies(family: 4 | 6): { linkIndex: number; address: string }[] {
    return this.#requests
      .dump(
        {
          action: 'list proxied addresses',
          type: RTM_GETNEIGH,
          write: (writer) => writeNeighbourSelector(writer, family, 'proxies'),
        },
        decodeNeighbour,
      )
      .map(({ linkIndex, address }) => ({ linkIndex, address }))
  }

  replaceProxy(link: string, address: string): void {
    const index = this.#index(link)
    this.#requests.send({
      action: `answer for ${address} on ${link}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeProxy(writer, index, address),
    })
  }

  deleteProxy(link: string, address: string): boolean {
    const index = this.#index(link)
    return this.#requests.sendUnless(['ENOENT'], {
      action: `stop answering for ${address} on ${link}`,
      type: RTM_DELNEIGH,
      write: (writer) => writeProxy(writer, index, address),
    })
  }

  /** Forwarding entries of one link. */
  forwarding(link: string): Forwarding[] {
    const index = this.#index(link)
    return this.#requests.dump(
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
    this.#requests.send({
      action: `forward ${spec.mac} on ${link} to ${spec.destination}`,
      type: RTM_NEWNEIGH,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      write: (writer) => writeForwarding(writer, index, spec),
    })
  }

  deleteForwarding(link: string, spec: ForwardingSpec): boolean {
    const index = this.#index(link)
    return this.#requests.sendUnless(['ENOENT'], {
      action: `stop forwarding ${spec.mac} on ${link} to ${spec.destination}`,
      type: RTM_DELNEIGH,
      write: (writer) => writeForwarding(writer, index, spec),
    })
  }

  [Symbol.dispose](): void {
    this.#requests[Symbol.dispose]()
  }

  #routeRequest(spec: RouteSpec, verb: string, type: number): RouteRequest {
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
}
