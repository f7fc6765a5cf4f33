import { requireAddress } from '../../base/ip.ts'
import { type ConntrackEntry, ConntrackSocket } from '../../linux/conntrack.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import type { Expression } from '../../linux/nftables/expression.ts'
import type { ChainHook, TableRef } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { NftTraceSocket, type TracedPacket, type TraceEvent } from '../../linux/nftables/trace-socket.ts'
import type { Place } from '../hop.ts'

/** Tells one packet, and the answer to it, from all others, wherever it is and whatever its addresses have become. */
export interface Nonce {
  /** Initial sequence number of a TCP connection; it and its complement are the first 8 bytes of a datagram. */
  readonly number: number
  readonly protocol: 6 | 17
}

/** Before conntrack and before all translation, so that a packet is seen as it came. */
const FIRST = -300
/** After all translation. */
const LAST = 290
const TH_RST = 0x04
const TH_SYN_OR_RST = 0x06

/**
 * One network namespace that the packet may pass. While it is open, a table of its own marks the packet for the kernel's
 * tracing; the kernel removes the table with the socket, also when the process is killed.
 */
export class WatchPoint implements Disposable {
  readonly place: Place
  readonly #netns: string
  readonly #nonce: Nonce
  readonly #traces: NftTraceSocket
  readonly #rules: NftSocket
  readonly #events: TraceEvent[] = []
  readonly #table: TableRef
  #connections: ConntrackSocket | undefined
  #isMarked = false

  constructor(place: Place, netns: string, nonce: Nonce) {
    this.place = place
    this.#netns = netns
    this.#nonce = nonce
    this.#traces = NftTraceSocket.open(netns)
    this.#rules = NftSocket.open(netns)
    made += 1
    this.#table = { family: 'inet', table: `fairlead-trace-${process.pid}-${made}` }
    this.#rules.commit(markingTable(this.#table, nonce))
    this.#isMarked = true
  }

  /** All that was told of the packet and its answer until now. */
  events(): readonly TraceEvent[] {
    this.#events.push(...this.#traces.read())
    return this.#events
  }

  /** What the rule with this handle is for, as its comment says. */
  commentOf({ family, table, chain, ruleHandle }: TraceEvent): string | undefined {
    return this.#rules.rules({ family, table }, chain).find(({ handle }) => handle === ruleHandle)?.comment
  }

  /** The connection's entry in this namespace, by the packet as it came. */
  connection(packet: TracedPacket): ConntrackEntry | undefined {
    this.#connections ??= ConntrackSocket.open(this.#netns)
    const [source, destination] = [requireAddress(packet.source), requireAddress(packet.destination)]
    const { sourcePort, destinationPort } = packet
    const tuple = { source, destination, protocol: this.#nonce.protocol, sourcePort, destinationPort }
    return this.#connections.find(source.length === 4 ? 'ip' : 'ip6', tuple)
  }

  forget(entry: ConntrackEntry): void {
    this.#connections?.delete(entry)
  }

  /**
   * Takes the table away. The kernel frees it when no packet can be in it any more, and whoever closes a socket waits for
   * that: of several points all are unmarked before the first is closed, so that they wait together.
   */
  unmark(): void {
    if (!this.#isMarked) return
    const batch = new NftBatch()
    batch.deleteTable(this.#table)
    this.#rules.commit(batch)
    this.#isMarked = false
  }

  [Symbol.dispose](): void {
    this.unmark()
    this.#traces[Symbol.dispose]()
    this.#connections?.[Symbol.dispose]()
    this.#rules[Symbol.dispose]()
  }
}

let made = 0

function markingTable(ref: TableRef, nonce: Nonce): NftBatch {
  const batch = new NftBatch()
  batch.addTable({ ...ref, comment: 'marks one packet for fairlead trace', owned: true })
  const chain = (name: string, hook: ChainHook['hook'], priority: number) =>
    batch.addChain({ ...ref, name, base: { type: 'filter', hook, priority } })
  chain('prerouting', 'prerouting', FIRST)
  chain('output', 'output', FIRST)
  chain('input', 'input', LAST)
  chain('postrouting', 'postrouting', LAST)
  for (const name of ['prerouting', 'output']) {
    for (const match of matches(nonce)) batch.addRule({ ...ref, chain: name, expressions: [...match, ...trace] })
  }
  return batch
}

const trace: readonly Expression[] = [
  { kind: 'immediate', dest: 0, data: Buffer.of(1) },
  { kind: 'meta-set', key: 'nftrace', source: 0 },
]

function matches({ number, protocol }: Nonce): (readonly Expression[])[] {
  const is: Expression[] = [
    { kind: 'meta', key: 'l4proto', dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(protocol) },
  ]
  if (protocol === 17) return [[...is, ...field(8, datagram(number))]]
  return [
    [...is, ...field(4, word(number))],
    [...is, ...oneOf(TH_RST), ...field(4, word(number + 1))],
    [...is, ...oneOf(TH_SYN_OR_RST), ...field(8, word(number + 1))],
  ]
}

function oneOf(flags: number): Expression[] {
  return [
    { kind: 'payload', base: 'transport', offset: 13, length: 1, dest: 0 },
    { kind: 'bitwise', source: 0, dest: 0, mask: Buffer.of(flags), xor: Buffer.of(0) },
    { kind: 'cmp', op: 'neq', source: 0, data: Buffer.of(0) },
  ]
}

function field(offset: number, data: Buffer): Expression[] {
  return [
    { kind: 'payload', base: 'transport', offset, length: data.length, dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data },
  ]
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** What a datagram begins with. */
export function datagram(number: number): Buffer {
  return Buffer.concat([word(number), word(~number)])
}
