/**
 * Neighbours (ARP, NDP, proxies) and forwarding entries (FDB) on the wire: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH.
 * Source: include/uapi/linux/neighbour.h
 */
import { formatAddress, requireAddress } from '../../../base/ip.ts'
import { AF_INET, AF_INET6 } from '../../libc.ts'
import { formatMac, parseMac } from '../../mac-address.ts'
import { type MessageWriter, readAttributes } from '../message.ts'

export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30

const AF_BRIDGE = 7
const NDA_DST = 1
const NDA_LLADDR = 2
const NUD_PERMANENT = 0x80
const NTF_SELF = 0x2
const NTF_PROXY = 0x8
const HEADER_BYTES = 12

/** Where a neighbour is: the address of layer 3 and that of layer 2. */
export interface NeighbourSpec {
  readonly address: string
  readonly mac: string
}

/** A neighbour as the kernel describes it. */
export interface Neighbour {
  readonly linkIndex: number
  readonly address: string
  /** Undefined while the kernel still asks for it. */
  readonly mac: string | undefined
  readonly permanent: boolean
}

/** Behind which tunnel endpoint an Ethernet address is. */
export interface ForwardingSpec {
  readonly mac: string
  /** Address of the tunnel's other end. */
  readonly destination: string
}

/** A forwarding entry as the kernel describes it; `destination` is undefined for those of bridges and devices. */
export interface Forwarding {
  readonly linkIndex: number
  readonly mac: string
  readonly destination: string | undefined
  readonly permanent: boolean
}

/** Writes the payload that sets or deletes a permanent neighbour. */
export function writeNeighbour(writer: MessageWriter, linkIndex: number, spec: NeighbourSpec): void {
  const address = requireAddress(spec.address)
  writer.raw(header({ family: ipFamily(address), linkIndex, state: NUD_PERMANENT }))
  writer.attribute(NDA_DST, address)
  writer.attribute(NDA_LLADDR, parseMac(spec.mac))
}

/** Writes the payload that deletes the neighbour with an address, whatever its MAC. */
export function writeNeighbourKey(writer: MessageWriter, linkIndex: number, address: string): void {
  const bytes = requireAddress(address)
  writer.raw(header({ family: ipFamily(bytes), linkIndex }))
  writer.attribute(NDA_DST, bytes)
}

/** Writes the payload that makes the link answer for an address, or no longer. */
export function writeProxy(writer: MessageWriter, linkIndex: number, address: string): void {
  const bytes = requireAddress(address)
  writer.raw(header({ family: ipFamily(bytes), linkIndex, flags: NTF_PROXY }))
  writer.attribute(NDA_DST, bytes)
}

/** Writes the payload that sets or deletes a permanent forwarding entry of a tunnel device. */
export function writeForwarding(writer: MessageWriter, linkIndex: number, spec: ForwardingSpec): void {
  writer.raw(header({ family: AF_BRIDGE, linkIndex, state: NUD_PERMANENT, flags: NTF_SELF }))
  writer.attribute(NDA_LLADDR, parseMac(spec.mac))
  writer.attribute(NDA_DST, requireAddress(spec.destination))
}

/** Writes the payload of the dump request for neighbours or for the addresses that links answer for. */
export function writeNeighbourSelector(writer: MessageWriter, family: 4 | 6, what: 'neighbours' | 'proxies'): void {
  writer.raw(
    header({ family: family === 4 ? AF_INET : AF_INET6, linkIndex: 0, flags: what === 'proxies' ? NTF_PROXY : 0 }),
  )
}

/** Writes the payload of the dump request for one link's forwarding entries. */
export function writeForwardingSelector(writer: MessageWriter, linkIndex: number): void {
  writer.raw(header({ family: AF_BRIDGE, linkIndex }))
}

/** Decodes the payload of RTM_NEWNEIGH of an IP family. */
export function decodeNeighbour(payload: Buffer): Neighbour {
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const mac = attributes.get(NDA_LLADDR)
  return {
    linkIndex: payload.readInt32LE(4),
    address: formatAddress(attributes.get(NDA_DST) ?? Buffer.alloc(4)),
    mac: mac?.length === 6 ? formatMac(mac) : undefined,
    permanent: (payload.readUInt16LE(8) & NUD_PERMANENT) !== 0,
  }
}

/** Decodes the payload of RTM_NEWNEIGH of family AF_BRIDGE. */
export function decodeForwarding(payload: Buffer): Forwarding {
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const destination = attributes.get(NDA_DST)
  return {
    linkIndex: payload.readInt32LE(4),
    mac: formatMac(attributes.get(NDA_LLADDR) ?? Buffer.alloc(6)),
    destination: destination === undefined ? undefined : formatAddress(destination),
    permanent: (payload.readUInt16LE(8) & NUD_PERMANENT) !== 0,
  }
}

function ipFamily(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6
}

function header(entry: { family: number; linkIndex: number; state?: number; flags?: number }): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes[0] = entry.family
  bytes.writeInt32LE(entry.linkIndex, 4)
  bytes.writeUInt16LE(entry.state ?? 0, 8)
  bytes[10] = entry.flags ?? 0
  return bytes
}
