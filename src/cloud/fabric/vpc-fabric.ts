import { FairleadError } from '../../base/error.ts'
import { type Cidr, cidrContains, formatAddress, nthAddress, requireAddress, requireCidr } from '../../base/ip.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { createNetns, deleteNetns, listNetns, netnsPath } from '../../linux/netns.ts'
import { writeSysctls } from '../../linux/sysctl.ts'
import { EipTable } from './eip-table.ts'
import {
  CONTROL_PLANE_ADDRESS,
  GATEWAY_FROM_END,
  INTERNET_CLIENTS,
  INTERNET_DEVICE,
  INTERNET_ROUTERS,
  IPV6_GATEWAY,
  internetNetnsName,
  nodeDevice,
  PUBLIC_CIDRS,
  VPC_CIDR,
  vpcNetnsName,
} from './fabric-names.ts'

const MTU = 1500
const NODE_INTERFACE = 'eth0'

export interface VpcOptions {
  /** Name of the cluster; everything that is created carries it. */
  readonly cluster: string
  /** @default VPC_CIDR */
  readonly cidr?: string
  /** @default CONTROL_PLANE_ADDRESS */
  readonly controlPlaneAddress?: string
}

export interface VpcNode {
  readonly name: string
  /** Path of the node's namespace. */
  readonly netns: string
  /** The node's address with the length of its vSwitch's prefix, e.g. `192.168.1.1/24`. */
  readonly address: string
  /** An IPv6 address with prefix length. */
  readonly address6?: string
  /** Availability zone, kept in the description of the link. */
  readonly zone?: string
}

export interface NodeAttachment {
  readonly interfaceName: string
  readonly gateway: string
  readonly mtu: number
}

export interface InternetAttachment {
  /** Path of the namespace where clients on the internet live. */
  readonly netns: string
  /** Their addresses, IPv4 first. */
  readonly addresses: readonly string[]
}

/**
 * The VPC of a cluster: one namespace that routes between nodes. Every packet from node to node passes it, also inside a
 * vSwitch, so that what a cloud does to packets (load balancing, EIPs, security groups) has a place.
 */
export class Vpc implements Disposable {
  /** Path of the VPC's namespace. */
  readonly netns: string
  /** An address in the VPC's namespace, without prefix length: the control plane listens there. */
  readonly controlPlaneAddress: string
  /** Public addresses and the private ones that they stand for. */
  readonly eips: EipTable
  readonly #cluster: string
  readonly #cidr: Cidr
  readonly #route: RouteSocket

  constructor(options: VpcOptions) {
    this.#cluster = options.cluster
    this.#cidr = requireCidr(options.cidr ?? VPC_CIDR)
    this.netns = netnsPath(vpcNetnsName(options.cluster))
    this.controlPlaneAddress = options.controlPlaneAddress ?? CONTROL_PLANE_ADDRESS
    this.#route = RouteSocket.open(this.netns)
    this.eips = new EipTable(this.netns)
  }

  /** Connects a node's namespace as `eth0`. Idempotent: what is there already stays. */
  attachNode(node: VpcNode): NodeAttachment {
    const address = requireCidr(node.address)
    if (!cidrContains(this.#cidr, address.address)) {
      throw new FairleadError('INVALID_INPUT', `The address ${node.address} of ${node.name} is outside the VPC`)
    }
    const gateway = formatAddress(nthAddress(address, GATEWAY_FROM_END))
    const device = nodeDevice(node.name)
    using inside = RouteSocket.open(node.netns)
    this.#connect(inside, device, node)
    inside.replaceAddress(NODE_INTERFACE, { address: node.address })
    inside.replaceRoute({ destination: '0.0.0.0/0', gateway, link: NODE_INTERFACE })
    this.#route.replaceAddress('lo', { address: `${gateway}/32` })
    this.#route.replaceRoute({ destination: `${formatAddress(address.address)}/32`, link: device })
    if (node.address6 !== undefined) this.#attachIpv6(inside, device, node.address6)
    return { interfaceName: NODE_INTERFACE, gateway, mtu: MTU }
  }

  /** Disconnects a node. A node that is not there is fine. */
  detachNode(name: string): void {
    this.#route.deleteLink(nodeDevice(name))
  }

  /** Makes the internet: a namespace with a client, which reaches the public ranges and nothing else. Idempotent. */
  attachInternet(): InternetAttachment {
    const netns = ensureNetns(internetNetnsName(this.#cluster))
    using outside = RouteSocket.open(netns)
    if (this.#route.link(INTERNET_DEVICE) === undefined) {
      const peer = { name: NODE_INTERFACE, netns, mtu: MTU }
      this.#route.addLink({ kind: 'veth', name: INTERNET_DEVICE, mtu: MTU, up: true, peer })
    }
    outside.setLink('lo', { up: true })
    outside.setLink(NODE_INTERFACE, { up: true })
    for (const address of INTERNET_ROUTERS) this.#route.replaceAddress(INTERNET_DEVICE, { address })
    for (const address of INTERNET_CLIENTS) outside.replaceAddress(NODE_INTERFACE, { address })
    for (const [i, destination] of PUBLIC_CIDRS.entries()) {
      // What no load balancer and no EIP answers is unreachable, instead of going round in circles.
      this.#route.replaceRoute({ destination, type: 'unreachable' })
      const gateway = withoutPrefix(INTERNET_ROUTERS[i] ?? '')
      outside.replaceRoute({ destination, gateway, link: NODE_INTERFACE })
    }
    return { netns, addresses: INTERNET_CLIENTS.map(withoutPrefix) }
  }

  [Symbol.dispose](): void {
    this.eips[Symbol.dispose]()
    this.#route[Symbol.dispose]()
  }

  #connect(inside: RouteSocket, device: string, node: VpcNode): void {
    const [outer, inner] = [this.#route.link(device), inside.link(NODE_INTERFACE)]
    if (outer === undefined || inner === undefined || outer.peer !== inner.index) {
      if (outer !== undefined) this.#route.deleteLink(device)
      writeSysctls(node.netns, { 'net/ipv6/conf/default/accept_dad': 0 })
      const peer = { name: NODE_INTERFACE, netns: node.netns, mtu: MTU }
      this.#route.addLink({ kind: 'veth', name: device, mtu: MTU, up: true, peer })
      // The node asks for its neighbours of the vSwitch by ARP; the VPC answers for them all, at once.
      writeSysctls(this.netns, {
        [`net/ipv4/conf/${device}/proxy_arp`]: 1,
        [`net/ipv4/neigh/${device}/proxy_delay`]: 0,
      })
      this.#route.setLink(device, { alias: node.zone === undefined ? node.name : `${node.name} ${node.zone}` })
    }
    inside.setLink('lo', { up: true })
    inside.setLink(NODE_INTERFACE, { up: true })
  }

  #attachIpv6(inside: RouteSocket, device: string, address6: string): void {
    this.#route.replaceAddress(device, { address: `${IPV6_GATEWAY}/64`, scope: 'link' })
    this.#route.replaceRoute({ destination: `${withoutPrefix(address6)}/128`, link: device })
    // Neighbours of the vSwitch are reached through the gateway too: nobody answers for them on this link.
    inside.replaceAddress(NODE_INTERFACE, { address: address6, noPrefixRoute: true })
    inside.replaceRoute({ destination: '::/0', gateway: IPV6_GATEWAY, link: NODE_INTERFACE })
  }
}

/**
 * Creates a cluster's VPC, or takes over the one that is there with all that is connected to it.
 *
 * @throws FairleadError `INVALID_INPUT`, `KERNEL_REFUSED`, `KERNEL_FEATURE`
 */
export function createVpc(options: VpcOptions): Vpc {
  const netns = ensureNetns(vpcNetnsName(options.cluster))
  // Settings come before the links, which inherit them.
  writeSysctls(netns, {
    'net/ipv4/ip_forward': 1,
    'net/ipv6/conf/all/forwarding': 1,
    'net/ipv4/conf/all/rp_filter': 0,
    'net/ipv4/conf/default/rp_filter': 0,
    'net/ipv6/conf/default/accept_dad': 0,
  })
  const vpc = new Vpc(options)
  using route = RouteSocket.open(netns)
  route.setLink('lo', { up: true })
  route.replaceAddress('lo', { address: `${formatAddress(requireAddress(vpc.controlPlaneAddress))}/32` })
  return vpc
}

/**
 * Removes the VPC and the internet of a cluster, by what is there. Their links go with them, once no process and no
 * socket is left inside.
 */
export function removeVpc(cluster: string): void {
  for (const name of [internetNetnsName(cluster), vpcNetnsName(cluster)]) deleteNetns(name)
}

function ensureNetns(name: string): string {
  return listNetns(name).includes(name) ? netnsPath(name) : createNetns(name)
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'))
}
