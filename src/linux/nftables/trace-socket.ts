/**
 * What the kernel tells of packets with `meta nftrace set 1`: each rule that matched, and how each chain ended.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_trace_attributes), net/netfilter/nf_tables_trace.c
 */
import { formatAddress } from '../../base/ip.ts'
import { isErrno, MSG_DONTWAIT } from '../libc.ts'
import { readAttributes, readString } from '../netlink/message.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts'
import * as nft from './constants.ts'
import { familyOf, type NftFamily } from './family.ts'

/** Both ends of a packet as it was when a chain began. */
export interface TracedPacket {
  readonly source: string
  readonly destination: string
  /** 6 TCP, 17 UDP. */
  readonly protocol: number
  readonly sourcePort: number
  readonly destinationPort: number
  /** Of TCP. */
  readonly sequence: number
}

export interface TraceEvent {
  readonly family: NftFamily
  readonly table: string
  readonly chain: string
  /** A rule matched; a chain was left; a base chain's policy decided. */
  readonly type: 'rule' | 'return' | 'policy'
  /** Numbers of include/uapi/linux/netfilter.h and nf_tables.h: 0 drop, 1 accept, -1 continue, -3 jump, -4 goto. */
  readonly verdict: number
  /** Where a jump or goto leads. */
  readonly to?: string
  readonly ruleHandle?: bigint
  /** The same for all events of one packet in one namespace. */
  readonly id: number
  /** With the first event of each base chain. */
  readonly packet?: TracedPacket
}

export const NF_DROP = 0

const NFGENMSG_LENGTH = 4
const BUFFER_BYTES = 1 << 20
const TYPES = ['policy', 'policy', 'return', 'rule'] as const

/** Listens to one namespace. Nothing is told before a rule marks packets. */
export class NftTraceSocket implements Disposable {
  readonly #socket: NetlinkSocket

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket
    socket.setBufferSize(BUFFER_BYTES)
    socket.join(nft.NFNLGRP_NFTRACE)
  }

  /** @param netns Path of the network namespace; the caller's own when left out. */
  static open(netns?: string): NftTraceSocket {
    return new NftTraceSocket(new NetlinkSocket(NETLINK_NETFILTER, netns, 1 << 16))
  }

  /** What was told since the last call; does not wait. */
  read(): TraceEvent[] {
    const events: TraceEvent[] = []
    for (;;) {
      try {
        for (const { type, payload } of this.#socket.receive(MSG_DONTWAIT)) {
          if (type !== ((nft.NFNL_SUBSYS_NFTABLES << 8) | nft.NFT_MSG_TRACE)) continue
          const event = readTraceEvent(payload)
          if (event !== undefined) events.push(event)
        }
      } catch (error) {
        if (isErrno(error, 'EAGAIN')) return events
        // Others are traced at the same time, and there was no room: what is missing is seen as missing.
        if (!isErrno(error, 'ENOBUFS')) throw error
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

/** Decodes NFT_MSG_TRACE; undefined for a family that tables do not have. */
export function readTraceEvent(payload: Buffer): TraceEvent | undefined {
  const family = familyOf(payload[0] ?? 0)
  if (family === undefined) return undefined
  const a = readAttributes(payload.subarray(NFGENMSG_LENGTH))
  const verdict = readAttributes(a.get(nft.NFTA_TRACE_VERDICT) ?? Buffer.alloc(0))
  const to = verdict.get(nft.NFTA_VERDICT_CHAIN)
  const policy = a.get(nft.NFTA_TRACE_POLICY)?.readUInt32BE(0)
  const code = verdict.get(nft.NFTA_VERDICT_CODE)?.readInt32BE(0)
  const handle = a.get(nft.NFTA_TRACE_RULE_HANDLE)?.readBigUInt64BE(0)
  const packet = readPacket(a)
  return {
    family,
    table: textOf(a.get(nft.NFTA_TRACE_TABLE)),
    chain: textOf(a.get(nft.NFTA_TRACE_CHAIN)),
    type: TYPES[a.get(nft.NFTA_TRACE_TYPE)?.readUInt32BE(0) ?? 0] ?? 'policy',
    verdict: code ?? policy ?? 1,
    id: a.get(nft.NFTA_TRACE_ID)?.readUInt32BE(0) ?? 0,
    ...(to === undefined ? {} : { to: readString(to) }),
    ...(handle === undefined ? {} : { ruleHandle: handle }),
    ...(packet === undefined ? {} : { packet }),
  }
}

function textOf(value: Buffer | undefined): string {
  return value === undefined ? '' : readString(value)
}

function readPacket(a: Map<number, Buffer>): TracedPacket | undefined {
  const network = a.get(nft.NFTA_TRACE_NETWORK_HEADER)
  const transport = a.get(nft.NFTA_TRACE_TRANSPORT_HEADER)
  if (network === undefined || transport === undefined || network.length < 20 || transport.length < 8) return undefined
  const six = (network[0] ?? 0) >> 4 === 6
  if (six && network.length < 40) return undefined
  const address = (offset: number, length: number) => formatAddress(network.subarray(offset, offset + length))
  return {
    source: six ? address(8, 16) : address(12, 4),
    destination: six ? address(24, 16) : address(16, 4),
    protocol: network[six ? 6 : 9] ?? 0,
    sourcePort: transport.readUInt16BE(0),
    destinationPort: transport.readUInt16BE(2),
    sequence: transport.readUInt32BE(4),
  }
}
