import { createHash } from 'node:crypto'

/** Where the VPC of a cluster is: the namespace that routes between its nodes. */
export function vpcNetnsName(cluster: string): string {
  return `fl-${cluster}-vpc`
}

/** Where the clients on "the internet" of a cluster are. */
export function internetNetnsName(cluster: string): string {
  return `fl-${cluster}-internet`
}

/** Addresses and ranges of the VPC; all of them exist inside the cluster's own namespaces only. */
export const VPC_CIDR = '192.168.0.0/16'
/** Where the API server listens, in the VPC's namespace, reachable from nodes and pods. */
export const CONTROL_PLANE_ADDRESS = '192.168.255.1'
/** The NAT gateway of pods that have addresses of the VPC: just below the EIPs of nodes. */
export const NAT_GATEWAY_ADDRESS = '203.0.113.10'
/** Addresses that the internet can reach: load balancers and EIPs. */
export const PUBLIC_CIDRS = ['203.0.113.0/24', '2001:db8:1::/64'] as const
/** The internet's own end of its link, where clients call from, and the VPC's. */
export const INTERNET_CLIENTS = ['198.51.100.2/24', '2001:db8:2::2/64'] as const
/** Where all clients on the internet are. */
export const INTERNET_CIDRS = ['198.51.100.0/24', '2001:db8:2::/64'] as const
export const INTERNET_ROUTERS = ['198.51.100.1/24', '2001:db8:2::1/64'] as const
/** The VPC's device towards the internet. */
export const INTERNET_DEVICE = 'internet'
/** What nodes use as their IPv6 gateway, on every link of the VPC. */
export const IPV6_GATEWAY = 'fe80::1'

/** The gateway is the third last address of a vSwitch, as Alibaba Cloud reserves it: .253 of a /24. */
export const GATEWAY_FROM_END = -3

const DEVICE_PREFIX = 'eni-'
const DEVICE_NAME_BYTES = 15

/** The VPC's device towards a node; a long or odd name becomes a hash, the link's alias has it in full. */
export function nodeDevice(node: string): string {
  const name = `${DEVICE_PREFIX}${node}`
  if (name.length <= DEVICE_NAME_BYTES && /^[a-z0-9-]+$/.test(node)) return name
  const hash = createHash('sha1').update(node).digest('hex')
  return `${DEVICE_PREFIX}${hash.slice(0, DEVICE_NAME_BYTES - DEVICE_PREFIX.length)}`
}

const INTERFACE_PREFIX = 'eni.'
const INTERFACE_HASH = 10

/** The VPC's device towards a secondary interface; the link's alias has the interface's id. */
export function interfaceDevice(id: string): string {
  return `${INTERFACE_PREFIX}${createHash('sha1').update(id).digest('hex').slice(0, INTERFACE_HASH)}`
}

/** Whether a device of the VPC is that of a secondary interface. */
export function isInterfaceDevice(name: string): boolean {
  return /^eni\.[0-9a-f]{10}$/.test(name)
}
