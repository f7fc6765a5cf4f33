import { isDeepStrictEqual } from 'node:util'
import { type Cidr, maskAddress, nthAddress } from '../../base/ip.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { ipv4Address, ipv6Address } from '../../linux/nftables/data-type.ts'
import { rangeElements } from '../../linux/nftables/element.ts'
import { type Expression, NAT_FLAGS } from '../../linux/nftables/expression.ts'
import type { Element, NftSet } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'

const TABLE = 'fairlead-flannel'
const CHAIN = 'postrouting'
const SET = 'cluster-cidrs'
const SRCNAT = 100
/** Set by the node proxy on what it will masquerade itself. */
const PROXY_MARK = 0x4000

interface Program {
  readonly set: NftSet
  readonly elements: readonly Element[]
  readonly rules: readonly { readonly comment: string; readonly expressions: readonly Expression[] }[]
}

/**
 * Gives traffic that leaves the pod network its node's address, for one address family: `table ip fairlead-flannel` (or
 * ip6). What is there and right is not touched.
 *
 * @param cidrs Ranges of all pods of the cluster, of the family.
 */
export function ensureMasquerade(netns: string | undefined, family: 4 | 6, cidrs: readonly Cidr[]): void {
  const program = masqueradeProgram(family, cidrs)
  using socket = NftSocket.open(netns)
  if (isInstalled(socket, program)) return
  const { set } = program
  const table = { family: set.family, table: TABLE }
  const batch = new NftBatch()
  batch.destroyTable(table)
  batch.addTable({ ...table, comment: 'traffic from pods to elsewhere carries the address of its node' })
  batch.addSet(set)
  for (const element of program.elements) batch.addElement(set, element)
  batch.addChain({ ...table, name: CHAIN, base: { type: 'nat', hook: 'postrouting', priority: SRCNAT } })
  for (const rule of program.rules) batch.addRule({ ...table, chain: CHAIN, ...rule })
  socket.commit(batch)
}

/** The table's content, as values. */
export function masqueradeProgram(family: 4 | 6, cidrs: readonly Cidr[]): Program {
  const field = family === 4 ? ipv4Address : ipv6Address
  const length = field.length
  const saddr: Expression = { kind: 'payload', base: 'network', offset: family === 4 ? 12 : 8, length, dest: 0 }
  const daddr: Expression = { ...saddr, offset: family === 4 ? 16 : 24 }
  // 224.0.0.0/4, ff00::/8
  const [bits, first] = family === 4 ? [4, 0xe0] : [8, 0xff]
  const mask = maskAddress(Buffer.alloc(length, 0xff), bits)
  const multicast = Buffer.alloc(length)
  multicast[0] = first
  return {
    set: { family: family === 4 ? 'ip' : 'ip6', table: TABLE, name: SET, key: [field], interval: true },
    elements: cidrs.flatMap((cidr) => rangeElements(cidr.network, nthAddress(cidr, -1))),
    rules: [
      {
        comment: 'the node proxy does it',
        expressions: [
          { kind: 'meta', key: 'mark', dest: 0 },
          { kind: 'bitwise', source: 0, dest: 0, mask: u32(PROXY_MARK), xor: u32(0) },
          { kind: 'cmp', op: 'neq', source: 0, data: u32(0) },
          { kind: 'verdict', verdict: { kind: 'return' } },
        ],
      },
      {
        comment: 'pods to elsewhere',
        expressions: [
          saddr,
          { kind: 'lookup', set: SET, source: 0 },
          daddr,
          { kind: 'lookup', set: SET, source: 0, invert: true },
          daddr,
          { kind: 'bitwise', source: 0, dest: 0, mask, xor: Buffer.alloc(length) },
          { kind: 'cmp', op: 'neq', source: 0, data: multicast },
          { kind: 'masquerade', flags: NAT_FLAGS.fullyRandom },
        ],
      },
    ],
  }
}

function isInstalled(socket: NftSocket, { set, elements, rules }: Program): boolean {
  const table = { family: set.family, table: TABLE }
  if (socket.table(table) === undefined) return false
  const listed = socket.rules(table, CHAIN).map(({ comment, expressions }) => ({ comment, expressions }))
  if (!isDeepStrictEqual(listed, rules)) return false
  const keys = socket.elements(set).map((element) => `${element.key.toString('hex')} ${element.flags}`)
  const wanted = elements.map((element) => `${Buffer.from(element.key).toString('hex')} ${element.flags ?? 0}`)
  return wanted.every((key) => keys.includes(key))
}

/** A mark is in the machine's byte order. */
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
