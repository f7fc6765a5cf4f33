import { formatAddress, requireAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { ipv4Address } from '../../linux/nftables/data-type.ts'
import { sourceAddress } from '../../linux/nftables/ip-header.ts'
import type { NftSet } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { toInternet } from './eip-table.ts'

const TABLE = { family: 'ip', table: 'fairlead-eip-traffic' } as const
const SENT: NftSet = { ...TABLE, name: 'sent', key: [ipv4Address], counter: true }
/** After every translation: what leaves has its public address. */
const AFTER_NAT = 120

/** What every EIP sends to the internet, whoever stands behind it: counted by the kernel, one rule for any number. */
export class EipTraffic implements Disposable {
  readonly #socket: NftSocket

  constructor(netns: string) {
    this.#socket = NftSocket.open(netns)
    ensureFixedTable(this.#socket, TRAFFIC_TABLE)
  }

  /** Counts these addresses; those that are counted already go on. */
  count(addresses: readonly string[]): void {
    const wanted = new Set(addresses)
    const batch = new NftBatch()
    const there = new Set(this.bytes().keys())
    for (const address of there) {
      if (!wanted.has(address)) batch.deleteElement(SENT, { key: requireAddress(address) })
    }
    for (const address of wanted) if (!there.has(address)) batch.addElement(SENT, { key: requireAddress(address) })
    if (batch.size > 0) this.#socket.commit(batch)
  }

  /** Bytes since an address is counted. */
  bytes(): Map<string, bigint> {
    const elements = this.#socket.elements(SENT)
    return new Map(elements.map(({ key, counter }) => [formatAddress(key), counter?.bytes ?? 0n]))
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

const TRAFFIC_TABLE: FixedTable = {
  table: { ...TABLE, comment: 'what EIPs send to the internet' },
  sets: [SENT],
  chains: [{ ...TABLE, name: 'postrouting', base: { type: 'filter', hook: 'postrouting', priority: AFTER_NAT } }],
  rules: [
    {
      chain: 'postrouting',
      comment: 'counted by the element',
      expressions: [...toInternet(), sourceAddress('ip', 0), { kind: 'lookup', set: SENT.name, source: 0 }],
    },
  ],
}
