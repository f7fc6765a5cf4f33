/**
 * Addresses of links on the wire: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR.
 * Source: include/uapi/linux/if_addr.h
 */
import { formatAddress, requireCidr } from '../../../base/ip.ts'
import { AF_INET, AF_INET6 } from '../../libc.ts'
import { type MessageWriter, readAttributes } from '../message.ts'
import { type Scope, scopeName, scopeNumber } from './scope.ts'

export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x2
const IFA_F_NOPREFIXROUTE = 0x200
const HEADER_BYTES = 8

export interface AddressSpec {
  /** With the length of the prefix, e.g. `10.244.1.1/24`. */
  readonly address: string
  /** @default 'global' */
  readonly scope?: Scope
  /** Leave out the route to the prefix that the kernel would add. */
  readonly noPrefixRoute?: boolean
}

/** An address as the kernel describes it. */
export interface LinkAddress {
  readonly linkIndex: number
  readonly address: string
  readonly scope: Scope
  readonly noPrefixRoute: boolean
}

/** Writes the payload that adds or deletes an address. IPv6 addresses are used at once, without duplicate detection. */
export function writeAddress(writer: MessageWriter, linkIndex: number, spec: AddressSpec): void {
  const cidr = requireCidr(spec.address)
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = cidr.family === 4 ? AF_INET : AF_INET6
  header[1] = cidr.prefixLength
  header[3] = scopeNumber(spec.scope ?? 'global')
  header.writeUInt32LE(linkIndex, 4)
  writer.raw(header)
  writer.attribute(IFA_LOCAL, cidr.address)
  writer.attribute(IFA_ADDRESS, cidr.address)
  writer.u32(IFA_FLAGS, (cidr.family === 6 ? IFA_F_NODAD : 0) | (spec.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0))
}

/** Writes the payload of the dump request: all addresses, or one link's. */
export function writeAddressSelector(writer: MessageWriter, linkIndex = 0): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(linkIndex, 4)
  writer.raw(header)
}

/** Decodes the payload of RTM_NEWADDR. */
export function decodeAddress(payload: Buffer): LinkAddress {
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? Buffer.alloc(4)
  const flags = attributes.get(IFA_FLAGS)?.readUInt32LE(0) ?? 0
  return {
    linkIndex: payload.readUInt32LE(4),
    address: `${formatAddress(address)}/${payload[1]}`,
    scope: scopeName(payload[3] ?? 0),
    noPrefixRoute: (flags & IFA_F_NOPREFIXROUTE) !== 0,
  }
}
