import { requireAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { ipv4Address } from '../../linux/nftables/data-type.ts'
import { rangeElements } from '../../linux/nftables/element.ts'
import { sourceAddress } from '../../linux/nftables/ip-header.ts'
import type { Element, NftSet } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { INTERNET_DEVICE } from './fabric-names.ts'
import { bytesOf, type SnatRange, snatSegments } from './snat-ranges.ts'

const TABLE = { family: 'ip', table: 'fairlead-snat' } as const
const SOURCES: NftSet = { ...TABLE, name: 'source-to-eip', key: [ipv4Address], data: [ipv4Address], interval: true }
/** After EIPs (100), which count more, and before who has neither is dropped (110). */
const AFTER_EIPS = 105
const IFNAME_BYTES = 16

/** SNAT of NAT gateways: sources without an EIP of their own reach the internet by the gateway's. One rule for any number. */
export class SnatTable implements Disposable {
  readonly #socket: NftSocket
  #applied: string | undefined

  constructor(netns: string) {
    this.#socket = NftSocket.open(netns)
  }

  /** Makes the kernel's entries equal to these. Connections that are open go on. */
  apply(ranges: readonly SnatRange[]): void {
    const segments = snatSegments(ranges)
    const text = JSON.stringify(segments)
    if (text === this.#applied) return
    const elements = segments.flatMap(({ first, last, snatIp }): Element[] => {
      const [start, ...end] = rangeElements(bytesOf(first), bytesOf(last))
      return start === undefined ? [] : [{ ...start, data: requireAddress(snatIp) }, ...end]
    })
    ensureFixedTable(this.#socket, SNAT_TABLE)
    if (!this.#holds(elements)) {
      const batch = new NftBatch()
      batch.flushSet(SOURCES)
      for (const element of elements) batch.addElement(SOURCES, element)
      this.#socket.commit(batch)
    }
    this.#applied = text
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #holds(elements: readonly Element[]): boolean {
    const present = this.#socket
      .elements(SOURCES)
      .map(({ data, ...element }) => wordsOf(data === undefined ? element : { ...element, data }))
    return JSON.stringify(present.sort()) === JSON.stringify(elements.map(wordsOf).sort())
  }
}

function wordsOf({ key, data, flags = 0 }: Pick<Element, 'key' | 'data' | 'flags'>): string {
  const value = data instanceof Uint8Array ? Buffer.from(data).toString('hex') : ''
  return `${Buffer.from(key).toString('hex')} ${value} ${flags}`
}

const SNAT_TABLE: FixedTable = {
  table: { ...TABLE, comment: 'NAT gateways of the VPC' },
  sets: [SOURCES],
  chains: [{ ...TABLE, name: 'postrouting', base: { type: 'nat', hook: 'postrouting', priority: AFTER_EIPS } }],
  rules: [
    {
      chain: 'postrouting',
      comment: 'as an EIP of the NAT gateway',
      expressions: [
        { kind: 'meta', key: 'oifname', dest: 0 },
        { kind: 'cmp', op: 'eq', source: 0, data: interfaceName() },
        sourceAddress('ip', 0),
        { kind: 'lookup', set: SOURCES.name, source: 0, dest: 1 },
        { kind: 'nat', type: 'snat', family: 'ip', addressMin: 1 },
      ],
    },
  ],
}

function interfaceName(): Buffer {
  const name = Buffer.alloc(IFNAME_BYTES)
  name.write(INTERNET_DEVICE)
  return name
}
