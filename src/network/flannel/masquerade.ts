import { type Cidr, maskAddress, nthAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { ipv4Address, ipv6Address } from '../../linux/nftables/data-type.ts'
import { rangeElements } from '../../linux/nftables/element.ts'
import { type Expression, NAT_FLAGS } from '../../linux/nftables/expression.ts'
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
  const ref = { family: family === 4 ? ('ip' as const) : ('ip6' as const), table: TABLE }
  const field = family === 4 ? ipv4Address : ipv6Address
  return {
    table: { ...ref, comment: 'traffic from pods to elsewhere carries the address of its node' },
    sets: [{ ...ref, name: SET, key: [field], interval: true }],
    elements: { [SET]: cidrs.flatMap((cidr) => rangeElements(cidr.network, nthAddress(cidr, -1))) },
    chains: [{ ...ref, name: CHAIN, base: { type: 'nat', hook: 'postrouting', priority: SRCNAT } }],
    rules: [
      { chain: CHAIN, comment: 'the node proxy does it', expressions: isMarkedByProxy() },
      { chain: CHAIN, comment: 'pods to elsewhere', expressions: masqueradeElsewhere(family) },
    ],
  }
}

function isMarkedByProxy(): Expression[] {
  return [
    { kind: 'meta', key: 'mark', dest: 0 },
    { kind: 'bitwise', source: 0, dest: 0, mask: u32(PROXY_MARK), xor: u32(0) },
    { kind: 'cmp', op: 'neq', source: 0, data: u32(0) },
    { kind: 'verdict', verdict: { kind: 'return' } },
  ]
}

function masqueradeElsewhere(family: 4 | 6): Expression[] {
  const length = family === 4 ? 4 : 16
  const saddr: Expression = { kind: 'payload', base: 'network', offset: family === 4 ? 12 : 8, length, dest: 0 }
  const daddr: Expression = { ...saddr, offset: family === 4 ? 16 : 24 }
  // 224.0.0.0/4, ff00::/8
  const [bits, first] = family === 4 ? [4, 0xe0] : [8, 0xff]
  const mask = maskAddress(Buffer.alloc(length, 0xff), bits)
  const multicast = Buffer.alloc(length)
  multicast[0] = first
  return [
    saddr,
    { kind: 'lookup', set: SET, source: 0 },
    daddr,
    { kind: 'lookup', set: SET, source: 0, invert: true },
    daddr,
    { kind: 'bitwise', source: 0, dest: 0, mask, xor: Buffer.alloc(length) },
    { kind: 'cmp', op: 'neq', source: 0, data: multicast },
    { kind: 'masquerade', flags: NAT_FLAGS.fullyRandom },
  ]
}

/** A mark is in the machine's byte order. */
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
