/**
 * Routes on the wire: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE.
 * Source: include/uapi/linux/rtnetlink.h
 */
import { formatAddress, formatCidr, requireAddress, requireCidr } from '../../../base/ip.ts'
import { AF_INET, AF_INET6 } from '../../libc.ts'
import { type MessageWriter, readAttributes } from '../message.ts'
import { type Scope, scopeName, scopeNumber } from './scope.ts'

export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26

/** The table that routes go to when none is said. */
export const MAIN_TABLE = 254
export const LOCAL_TABLE = 255
/** Protocol numbers: who made a route. */
export const PROTOCOL_KERNEL = 2
export const PROTOCOL_STATIC = 4

const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_TABLE = 15
const RTNH_F_ONLINK = 4
const RTM_F_CLONED = 0x200
const IPV6_DEFAULT_METRIC = 1024
const HEADER_BYTES = 12

const TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
}

export type RouteType = keyof typeof TYPES

const TYPE_NAMES = new Map(Object.entries(TYPES).map(([name, number]) => [number, name as RouteType]))

export interface RouteSpec {
  /** Prefix, `0.0.0.0/0` or `::/0` for the default route. */
  readonly destination: string
  readonly gateway?: string | undefined
  /** Name of the link that packets leave by. */
  readonly link?: string | undefined
  /** Source address for the host's own packets. */
  readonly source?: string | undefined
  /** @default 'link' for an IPv4 route without gateway, 'host' for a local one, else 'global' */
  readonly scope?: Scope
  /** The gateway is on the link although no address of the link says so. */
  readonly onlink?: boolean
  /** @default MAIN_TABLE */
  readonly table?: number
  /** @default 'unicast' */
  readonly type?: RouteType
  /** @default PROTOCOL_STATIC */
  readonly protocol?: number
  /** @default 0 for IPv4, 1024 for IPv6, as in the kernel */
  readonly metric?: number
}

/** A route with everything said. Routes without link (blackhole, ...) have none. */
export interface Route {
  readonly destination: string
  readonly gateway: string | undefined
  readonly link: string | undefined
  readonly source: string | undefined
  readonly scope: Scope
  readonly onlink: boolean
  readonly table: number
  readonly type: RouteType
  readonly protocol: number
  readonly metric: number
}

/** Fills in the defaults and spells addresses canonically, so that specs compare with what the kernel lists. */
export function completeRoute(spec: RouteSpec): Route {
  const destination = requireCidr(spec.destination)
  const type = spec.type ?? 'unicast'
  return {
    destination: formatCidr(destination),
    gateway: canonical(spec.gateway),
    link: hasNoLink(type) ? undefined : spec.link,
    source: canonical(spec.source),
    scope: destination.family === 6 ? 'global' : (spec.scope ?? defaultScope(type, spec.gateway)),
    onlink: spec.onlink ?? false,
    table: spec.table ?? MAIN_TABLE,
    type,
    protocol: spec.protocol ?? PROTOCOL_STATIC,
    metric: spec.metric ?? (destination.family === 6 ? IPV6_DEFAULT_METRIC : 0),
  }
}

/** What makes two routes the same entry of a table: a second one with this key replaces the first. */
export function routeKey(route: Route): string {
  return `${route.table} ${route.destination} ${route.metric}`
}

/** Writes the payload that adds or deletes a route; `linkIndex` is that of `route.link`. */
export function writeRoute(writer: MessageWriter, route: Route, linkIndex: number | undefined): void {
  const destination = requireCidr(route.destination)
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = destination.family === 4 ? AF_INET : AF_INET6
  header[1] = destination.prefixLength
  header[4] = route.table < 256 ? route.table : 0
  header[5] = route.protocol
  header[6] = scopeNumber(route.scope)
  header[7] = TYPES[route.type]
  header.writeUInt32LE(route.onlink ? RTNH_F_ONLINK : 0, 8)
  writer.raw(header)
  writer.attribute(RTA_DST, destination.network)
  writer.u32(RTA_TABLE, route.table)
  if (route.metric !== 0) writer.u32(RTA_PRIORITY, route.metric)
  if (route.gateway !== undefined) writer.attribute(RTA_GATEWAY, requireAddress(route.gateway))
  if (route.source !== undefined) writer.attribute(RTA_PREFSRC, requireAddress(route.source))
  if (linkIndex !== undefined) writer.u32(RTA_OIF, linkIndex)
}

/** Writes the payload of the dump request: every table of a family, or one. */
export function writeRouteSelector(writer: MessageWriter, family: 4 | 6, table?: number): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = family === 4 ? AF_INET : AF_INET6
  writer.raw(header)
  if (table !== undefined) writer.u32(RTA_TABLE, table)
}

/** Decodes the payload of RTM_NEWROUTE; undefined for what is no entry of a table (the cache's, multicast routing's). */
export function decodeRoute(payload: Buffer, linkName: (index: number) => string): Route | undefined {
  const type = TYPE_NAMES.get(payload[7] ?? 0)
  const flags = payload.readUInt32LE(8)
  if (type === undefined || (flags & RTM_F_CLONED) !== 0) return undefined
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const u32 = (attribute: number) => attributes.get(attribute)?.readUInt32LE(0)
  const address = (attribute: number) => {
    const bytes = attributes.get(attribute)
    return bytes === undefined ? undefined : formatAddress(bytes)
  }
  const link = u32(RTA_OIF)
  return {
    destination: `${address(RTA_DST) ?? (payload[0] === AF_INET ? '0.0.0.0' : '::')}/${payload[1]}`,
    gateway: address(RTA_GATEWAY),
    link: link === undefined || hasNoLink(type) ? undefined : linkName(link),
    source: address(RTA_PREFSRC),
    scope: scopeName(payload[6] ?? 0),
    onlink: (flags & RTNH_F_ONLINK) !== 0,
    table: u32(RTA_TABLE) ?? payload[4] ?? 0,
    type,
    protocol: payload[5] ?? 0,
    metric: u32(RTA_PRIORITY) ?? 0,
  }
}

function defaultScope(type: RouteType, gateway: string | undefined): Scope {
  if (type === 'local') return 'host'
  return type === 'unicast' && gateway === undefined ? 'link' : 'global'
}

function hasNoLink(type: RouteType): boolean {
  return type === 'blackhole' || type === 'unreachable' || type === 'prohibit'
}

function canonical(address: string | undefined): string | undefined {
  return address === undefined ? undefined : formatAddress(requireAddress(address))
}
