import { formatAddress, requireAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { anyBit } from '../../linux/nftables/bits.ts'
import { ipv4Address } from '../../linux/nftables/data-type.ts'
import { CT_STATE, CT_STATUS, type Expression } from '../../linux/nftables/expression.ts'
import { destinationAddress, IP_HEADERS, sourceAddress } from '../../linux/nftables/ip-header.ts'
import type { NftSet } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { INTERNET_DEVICE } from './fabric-names.ts'

const TABLE = { family: 'ip', table: 'fairlead-eip' } as const
const INWARD: NftSet = { ...TABLE, name: 'eip-to-node', key: [ipv4Address], data: [ipv4Address] }
const OUTWARD: NftSet = { ...TABLE, name: 'node-to-eip', key: [ipv4Address], data: [ipv4Address] }
/** The address and its EIP: who asks himself. */
const OWN: NftSet = { ...TABLE, name: 'own-eip', key: [ipv4Address, ipv4Address] }
const DSTNAT = -100
const SRCNAT = 100
const IFNAME_BYTES = 16

/** A public address and the private one that it stands for. */
export interface EipBinding {
  readonly eip: string
  readonly address: string
}

/**
 * Elastic IP addresses: each stands for one private address of the VPC, in both directions, and callers keep their own
 * address. Only who asks its own EIP is seen as that, since nobody takes in a packet that says it is from himself. The
 * rules are the same for any number of them; a binding is an element of each of three sets. Who has none reaches nobody
 * on the internet.
 */
export class EipTable implements Disposable {
  readonly #socket: NftSocket

  /** Takes over the bindings that are there. */
  constructor(netns: string) {
    this.#socket = NftSocket.open(netns)
    ensureFixedTable(this.#socket, this.#keepingElements(eipTable()))
  }

  /** What is bound now. */
  list(): EipBinding[] {
    return this.#socket
      .elements(INWARD)
      .flatMap(({ key, data }) =>
        Buffer.isBuffer(data) ? { eip: formatAddress(key), address: formatAddress(data) } : [],
      )
  }

  /** Binds a public address; either side's former binding ends with it. */
  bind(binding: EipBinding): void {
    const [eip, address] = [requireAddress(binding.eip), requireAddress(binding.address)]
    const batch = new NftBatch()
    for (const former of this.list()) {
      if (former.eip === formatAddress(eip) || former.address === formatAddress(address)) remove(batch, former)
    }
    batch.addElement(INWARD, { key: eip, data: address })
    batch.addElement(OUTWARD, { key: address, data: eip })
    batch.addElement(OWN, { key: Buffer.concat([address, eip]) })
    this.#socket.commit(batch)
  }

  /** Ends a binding; false when there was none. Connections that are open go on. */
  unbind(eip: string): boolean {
    const canonical = formatAddress(requireAddress(eip))
    const former = this.list().find((binding) => binding.eip === canonical)
    if (former === undefined) return false
    const batch = new NftBatch()
    remove(batch, former)
    this.#socket.commit(batch)
    return true
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  /** Should the rules be of another version, bindings outlive their replacement. */
  #keepingElements(fixed: FixedTable): FixedTable {
    if (this.#socket.table(TABLE) === undefined) return fixed
    const bindings = this.list().map(({ eip, address }) => [requireAddress(eip), requireAddress(address)] as const)
    return {
      ...fixed,
      elements: {
        [INWARD.name]: bindings.map(([eip, address]) => ({ key: eip, data: address })),
        [OUTWARD.name]: bindings.map(([eip, address]) => ({ key: address, data: eip })),
        [OWN.name]: bindings.map(([eip, address]) => ({ key: Buffer.concat([address, eip]) })),
      },
    }
  }
}

function remove(batch: NftBatch, binding: EipBinding): void {
  const [eip, address] = [requireAddress(binding.eip), requireAddress(binding.address)]
  batch.deleteElement(INWARD, { key: eip })
  batch.deleteElement(OUTWARD, { key: address })
  batch.deleteElement(OWN, { key: Buffer.concat([address, eip]) })
}

/** The table's content, as values. */
export function eipTable(): FixedTable {
  const [saddr, daddr] = [sourceAddress('ip', 0), destinationAddress('ip', 0)]
  const nat = { kind: 'nat', family: 'ip', addressMin: 1 } as const
  return {
    table: { ...TABLE, comment: 'elastic IP addresses of the VPC' },
    sets: [INWARD, OUTWARD, OWN],
    chains: [
      { ...TABLE, name: 'prerouting', base: { type: 'nat', hook: 'prerouting', priority: DSTNAT } },
      { ...TABLE, name: 'postrouting', base: { type: 'nat', hook: 'postrouting', priority: SRCNAT } },
      { ...TABLE, name: 'after-snat', base: { type: 'filter', hook: 'postrouting', priority: SRCNAT + 10 } },
    ],
    rules: [
      {
        chain: 'prerouting',
        comment: 'to the address behind an EIP',
        expressions: [daddr, { kind: 'lookup', set: INWARD.name, source: 0, dest: 1 }, { ...nat, type: 'dnat' }],
      },
      {
        chain: 'postrouting',
        comment: 'as its EIP',
        expressions: [
          ...toInternet(),
          saddr,
          { kind: 'lookup', set: OUTWARD.name, source: 0, dest: 1 },
          { ...nat, type: 'snat' },
        ],
      },
      {
        chain: 'postrouting',
        comment: 'back to itself, as its EIP',
        expressions: [
          saddr,
          { kind: 'ct', key: IP_HEADERS.ip.daddrKey, direction: 'original', dest: 1 },
          { kind: 'lookup', set: OWN.name, source: 0 },
          { kind: 'lookup', set: OUTWARD.name, source: 0, dest: 1 },
          { ...nat, type: 'snat' },
        ],
      },
      {
        chain: 'after-snat',
        comment: 'nobody without an EIP',
        expressions: [
          ...toInternet(),
          { kind: 'ct', key: 'state', dest: 0 },
          ...anyBit(CT_STATE.new),
          { kind: 'ct', key: 'status', dest: 0 },
          ...anyBit(CT_STATUS.sourceNat, 'eq'),
          { kind: 'verdict', verdict: { kind: 'drop' } },
        ],
      },
    ],
  }
}

/** Matches what leaves for the internet. */
export function toInternet(): Expression[] {
  const name = Buffer.alloc(IFNAME_BYTES)
  name.write(INTERNET_DEVICE)
  return [
    { kind: 'meta', key: 'oifname', dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: name },
  ]
}
