import { type Cidr, maskAddress, nthAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { anyBit } from '../../linux/nftables/bits.ts'
import { rangeElements } from '../../linux/nftables/element.ts'
import { type Expression, NAT_FLAGS } from '../../linux/nftables/expression.ts'
import { destinationAddress, IP_HEADERS, type IpFamily, sourceAddress } from '../../linux/nftables/ip-header.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'

const TABLE = 'fairlead-flannel'
const CHAIN = 'postrouting'
const SET = 'cluster-cidrs'
const SRCNAT = 100
/** Set by the node proxy on what it will masquerade itself. */
const PROXY_MARK = 0x4000

/**
 * Gives traffic that leaves the pod network its node's address, for one address family: `table ip fairlead-flannel` (or
 * ip6). What is there and right is not touched.
 *
 * @param cidrs Ranges of all pods of the cluster, of the family.
 */
export function ensureMasquerade(netns: string | undefined, family: 4 | 6, cidrs: readonly Cidr[]): void {
  using socket = NftSocket.open(netns)
  ensureFixedTable(socket, masqueradeTable(family, cidrs))
}

/** The table's content, as values. */
export function masqueradeTable(family: 4 | 6, cidrs: readonly Cidr[]): FixedTable {
  const ip = family === 4 ? 'ip' : 'ip6'
  const ref = { family: ip, table: TABLE } as const
  return {
    table: { ...ref, comment: 'traffic from pods to elsewhere carries the address of its node' },
    sets: [{ ...ref, name: SET, key: [IP_HEADERS[ip].type], interval: true }],
    elements: { [SET]: cidrs.flatMap((cidr) => rangeElements(cidr.network, nthAddress(cidr, -1))) },
    chains: [{ ...ref, name: CHAIN, base: { type: 'nat', hook: 'postrouting', priority: SRCNAT } }],
    rules: [
      { chain: CHAIN, comment: 'the node proxy does it', expressions: isMarkedByProxy() },
      { chain: CHAIN, comment: 'pods to elsewhere', expressions: masqueradeElsewhere(ip) },
    ],
  }
}

function isMarkedByProxy(): Expression[] {
  return [
    { kind: 'meta', key: 'mark', dest: 0 },
    ...anyBit(PROXY_MARK),
    { kind: 'verdict', verdict: { kind: 'return' } },
  ]
}

function masqueradeElsewhere(ip: IpFamily): Expression[] {
  const { length } = IP_HEADERS[ip].type
  const daddr = destinationAddress(ip, 0)
  // 224.0.0.0/4, ff00::/8
  const [bits, first] = ip === 'ip' ? [4, 0xe0] : [8, 0xff]
  const mask = maskAddress(Buffer.alloc(length, 0xff), bits)
  const multicast = Buffer.alloc(length)
  multicast[0] = first
  return [
    sourceAddress(ip, 0),
    { kind: 'lookup', set: SET, source: 0 },
    daddr,
    { kind: 'lookup', set: SET, source: 0, invert: true },
    daddr,
    { kind: 'bitwise', source: 0, dest: 0, mask, xor: Buffer.alloc(length) },
    { kind: 'cmp', op: 'neq', source: 0, data: multicast },
    { kind: 'masquerade', flags: NAT_FLAGS.fullyRandom },
  ]
}
