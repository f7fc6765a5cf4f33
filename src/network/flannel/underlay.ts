import { FairleadError } from '../../base/error.ts'
import { canonicalAddress } from '../../base/ip.ts'
import type { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { readSysctl, writeSysctls } from '../../linux/sysctl.ts'

/**
 * The address of a family among a node's.
 *
 * @throws FairleadError `INVALID_INPUT` when it has none.
 */
export function addressOf(addresses: readonly string[], family: 4 | 6): string {
  for (const text of addresses) {
    const address = canonicalAddress(text)
    if (address !== undefined && address.includes(':') === (family === 6)) return address
  }
  throw new FairleadError(
    'INVALID_INPUT',
    `The node has no IPv${family} address for its pods' packets: ${addresses.join(', ')}`,
  )
}

/** The links that have the node's addresses, and the smallest of their MTUs. */
export function findUnderlay(route: RouteSocket, nodeAddresses: readonly string[]): { names: string[]; mtu: number } {
  const wanted = new Set(nodeAddresses.map(canonicalAddress))
  const owners = route.addresses().filter(({ address }) => wanted.has(address.slice(0, address.indexOf('/'))))
  const indexes = new Set(owners.map((owner) => owner.linkIndex))
  const links = route.links().filter((link) => indexes.has(link.index))
  if (links.length === 0) {
    throw new FairleadError(
      'INVALID_INPUT',
      `No link of the node has one of its addresses: ${nodeAddresses.join(', ')}`,
    )
  }
  return { names: links.map((link) => link.name), mtu: Math.min(...links.map((link) => link.mtu)) }
}

/** Settings of the node's namespace; links that come later inherit the defaults. */
export function prepareNode(netns: string | undefined, underlay: readonly string[]): void {
  const settings: Record<string, number> = {
    'net/ipv4/ip_forward': 1,
    'net/ipv6/conf/all/forwarding': 1,
    // A link is of use at once, not only after two seconds of looking for a second one with its address.
    'net/ipv6/conf/default/accept_dad': 0,
  }
  for (const name of ['all', 'default', ...underlay]) {
    settings[`net/ipv4/conf/${name}/rp_filter`] = 0
    // Pods are sent to one another through the node: it must not tell them a shorter way.
    settings[`net/ipv4/conf/${name}/send_redirects`] = 0
  }
  for (const name of ['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables']) {
    // The node routes every packet of a pod; rules must not see it a second time as the bridge's.
    if (readSysctl(netns, name) !== undefined) settings[name] = 0
  }
  writeSysctls(netns, settings)
}
