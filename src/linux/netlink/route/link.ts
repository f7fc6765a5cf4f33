/**
 * Links (network devices) on the wire: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK.
 * Sources: include/uapi/linux/if_link.h, include/uapi/linux/rtnetlink.h, include/uapi/linux/veth.h
 */
import { formatAddress, requireAddress } from '../../../base/ip.ts'
import { formatMac, parseMac } from '../../mac-address.ts'
import { type MessageWriter, readAttributes, readString } from '../message.ts'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18

const IFF_UP = 0x1
const IFF_LOWER_UP = 0x10000
const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINK = 5
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_NET_NS_FD = 28
const IFLA_EXT_MASK = 29
const IFLA_LINK_NETNSID = 37
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_INFO_SLAVE_DATA = 5
const VETH_INFO_PEER = 1
const IFLA_VXLAN_ID = 1
const IFLA_VXLAN_LOCAL = 4
const IFLA_VXLAN_LEARNING = 7
const IFLA_VXLAN_PORT = 15
const IFLA_VXLAN_LOCAL6 = 17
const IFLA_BRPORT_MODE = 4
const RTEXT_FILTER_SKIP_STATS = 8
const HEADER_BYTES = 16

/** What every new link may say. */
export interface LinkBase {
  readonly name: string
  readonly mtu?: number
  /** Ethernet address. */
  readonly address?: string
  readonly up?: boolean
}

/** The other end of a veth pair, made together with the first. It starts down: the kernel refuses it up. */
export interface VethPeer extends Omit<LinkBase, 'up'> {
  /** Path of the namespace that it is created in. The other end's when left out. */
  readonly netns?: string
}

export type LinkSpec =
  | (LinkBase & { readonly kind: 'veth'; readonly peer: VethPeer; readonly master?: string })
  | (LinkBase & { readonly kind: 'bridge' })
  | (LinkBase & {
      readonly kind: 'vxlan'
      readonly vni: number
      /** Source address of the tunnel, IPv4 or IPv6. */
      readonly local: string
      readonly port: number
      readonly learning: boolean
    })

/** What to change of a link; left out stays. */
export interface LinkChange {
  readonly up?: boolean
  readonly mtu?: number
  readonly address?: string
  /** Name of the bridge; `null` takes the link out of it. */
  readonly master?: string | null
  /** Path of the namespace to move the link to. */
  readonly netns?: string
  readonly alias?: string
  readonly rename?: string
}

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number
  readonly name: string
  /** `veth`, `bridge`, `vxlan`, ...; undefined for loopback and hardware. */
  readonly kind: string | undefined
  readonly mtu: number
  readonly address: string | undefined
  readonly up: boolean
  /** Up, and what it is plugged into is up too. */
  readonly carrier: boolean
  /** Index of the bridge that it is a port of. */
  readonly master: number | undefined
  /** Index of the other end (veth), in the namespace that `peerNetnsId` says; here when that is undefined. */
  readonly peer: number | undefined
  readonly peerNetnsId: number | undefined
  readonly alias: string | undefined
  /** Of a bridge port: whether a frame may leave by the port that it came in by. */
  readonly hairpin: boolean | undefined
  readonly vxlan: { vni: number; local: string | undefined; port: number; learning: boolean } | undefined
}

/** Turns names into what the wire wants. */
export interface LinkResolver {
  /** Index of a link of this namespace. */
  index(name: string): number
  /** An open descriptor of the namespace at a path. */
  netns(path: string): number
}

/** Writes the payload of the request that creates a link; a veth pair is created with both ends. */
export function writeNewLink(writer: MessageWriter, spec: LinkSpec, resolve: LinkResolver): void {
  writeBase(writer, spec)
  if (spec.kind === 'veth' && spec.master !== undefined) writer.u32(IFLA_MASTER, resolve.index(spec.master))
  const info = writer.beginNested(IFLA_LINKINFO)
  writer.string(IFLA_INFO_KIND, spec.kind)
  const data = writer.beginNested(IFLA_INFO_DATA)
  if (spec.kind === 'veth') writePeer(writer, spec.peer, resolve)
  if (spec.kind === 'vxlan') writeVxlan(writer, spec)
  writer.endNested(data)
  writer.endNested(info)
}

/** Writes the payload of the request that changes the link `name`. */
export function writeLinkChange(writer: MessageWriter, name: string, change: LinkChange, resolve: LinkResolver): void {
  const index = change.rename === undefined ? 0 : resolve.index(name)
  writeHeader(writer, { index, up: change.up })
  writer.string(IFLA_IFNAME, change.rename ?? name)
  if (change.mtu !== undefined) writer.u32(IFLA_MTU, change.mtu)
  if (change.address !== undefined) writer.attribute(IFLA_ADDRESS, parseMac(change.address))
  if (change.master !== undefined) writer.u32(IFLA_MASTER, change.master === null ? 0 : resolve.index(change.master))
  if (change.alias !== undefined) writer.attribute(IFLA_IFALIAS, Buffer.from(change.alias))
  if (change.netns !== undefined) writer.u32(IFLA_NET_NS_FD, resolve.netns(change.netns))
}

/** Writes the payload of the request that sets hairpin mode of a bridge port. */
export function writeHairpin(writer: MessageWriter, name: string, hairpin: boolean): void {
  writeHeader(writer, {})
  writer.string(IFLA_IFNAME, name)
  const info = writer.beginNested(IFLA_LINKINFO)
  writer.string(IFLA_INFO_SLAVE_KIND, 'bridge')
  const data = writer.beginNested(IFLA_INFO_SLAVE_DATA)
  writer.u8(IFLA_BRPORT_MODE, hairpin ? 1 : 0)
  writer.endNested(data)
  writer.endNested(info)
}

/** Writes the payload that names one link, or none for all, without statistics in the answer. */
export function writeLinkSelector(writer: MessageWriter, name?: string): void {
  writeHeader(writer, {})
  if (name !== undefined) writer.string(IFLA_IFNAME, name)
  writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
}

/** Decodes the payload of RTM_NEWLINK. */
export function decodeLink(payload: Buffer): Link {
  const flags = payload.readUInt32LE(8)
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const u32 = (type: number) => attributes.get(type)?.readUInt32LE(0)
  const text = (type: number) => optional(attributes.get(type), readString)
  const mac = attributes.get(IFLA_ADDRESS)
  return {
    index: payload.readInt32LE(4),
    name: text(IFLA_IFNAME) ?? '',
    mtu: u32(IFLA_MTU) ?? 0,
    address: mac?.length === 6 ? formatMac(mac) : undefined,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    master: u32(IFLA_MASTER),
    peer: u32(IFLA_LINK),
    peerNetnsId: u32(IFLA_LINK_NETNSID),
    alias: text(IFLA_IFALIAS),
    ...decodeInfo(attributes.get(IFLA_LINKINFO)),
  }
}

function writeHeader(writer: MessageWriter, link: { index?: number; up?: boolean | undefined }): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeInt32LE(link.index ?? 0, 4)
  header.writeUInt32LE(link.up === true ? IFF_UP : 0, 8)
  header.writeUInt32LE(link.up === undefined ? 0 : IFF_UP, 12)
  writer.raw(header)
}

function writeBase(writer: MessageWriter, link: LinkBase): void {
  writeHeader(writer, { up: link.up })
  writer.string(IFLA_IFNAME, link.name)
  if (link.mtu !== undefined) writer.u32(IFLA_MTU, link.mtu)
  if (link.address !== undefined) writer.attribute(IFLA_ADDRESS, parseMac(link.address))
}

function writePeer(writer: MessageWriter, peer: VethPeer, resolve: LinkResolver): void {
  const start = writer.beginNested(VETH_INFO_PEER)
  writeBase(writer, peer)
  if (peer.netns !== undefined) writer.u32(IFLA_NET_NS_FD, resolve.netns(peer.netns))
  writer.endNested(start)
}

function writeVxlan(writer: MessageWriter, spec: LinkSpec & { kind: 'vxlan' }): void {
  const local = requireAddress(spec.local)
  writer.u32(IFLA_VXLAN_ID, spec.vni)
  writer.attribute(local.length === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local)
  writer.u8(IFLA_VXLAN_LEARNING, spec.learning ? 1 : 0)
  writer.u16be(IFLA_VXLAN_PORT, spec.port)
}

function decodeInfo(info: Buffer | undefined): Pick<Link, 'kind' | 'hairpin' | 'vxlan'> {
  const attributes = info === undefined ? new Map<number, Buffer>() : readAttributes(info)
  const kind = optional(attributes.get(IFLA_INFO_KIND), readString)
  const data = attributes.get(IFLA_INFO_DATA)
  const slaveData = attributes.get(IFLA_INFO_SLAVE_DATA)
  const isPort = optional(attributes.get(IFLA_INFO_SLAVE_KIND), readString) === 'bridge'
  return {
    kind,
    hairpin: isPort && slaveData !== undefined ? readAttributes(slaveData).get(IFLA_BRPORT_MODE)?.[0] === 1 : undefined,
    vxlan: kind === 'vxlan' && data !== undefined ? decodeVxlan(data) : undefined,
  }
}

function decodeVxlan(data: Buffer): NonNullable<Link['vxlan']> {
  const attributes = readAttributes(data)
  return {
    vni: attributes.get(IFLA_VXLAN_ID)?.readUInt32LE(0) ?? 0,
    local: optional(attributes.get(IFLA_VXLAN_LOCAL) ?? attributes.get(IFLA_VXLAN_LOCAL6), formatAddress),
    port: attributes.get(IFLA_VXLAN_PORT)?.readUInt16BE(0) ?? 0,
    learning: attributes.get(IFLA_VXLAN_LEARNING)?.[0] === 1,
  }
}

function optional<T>(value: Buffer | undefined, read: (value: Buffer) => T): T | undefined {
  return value === undefined ? undefined : read(value)
}
