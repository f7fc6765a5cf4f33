/**
 * IP addresses and prefixes, between text and bytes. An address is its bytes in network order: 4 of them for IPv4,
 * 16 for IPv6. Text is read strictly (no leading zeros in IPv4, no zone) and written canonically.
 * Source: RFC 4291 §2.2 (reading), RFC 5952 (writing)
 */
import { FairleadError } from './error.ts'

export type AddressFamily = 4 | 6

/** A prefix such as `10.244.1.0/24`. */
export interface Cidr {
  readonly family: AddressFamily
  /** The address as it was written, host bits kept. */
  readonly address: Buffer
  /** The first address of the prefix: host bits are zero. */
  readonly network: Buffer
  /** 0-32 or 0-128. */
  readonly prefixLength: number
}

/** The bytes of an address, 4 or 16; `undefined` when `text` is not an address. */
export function parseAddress(text: string): Buffer | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** 4, 6, or `undefined` when `text` is not an address. */
export function addressFamily(text: string): AddressFamily | undefined {
  const bytes = parseAddress(text)
  return bytes === undefined ? undefined : familyOf(bytes)
}

/**
 * The bytes of an address that must be one.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function requireAddress(text: string): Buffer {
  const bytes = parseAddress(text)
  if (bytes === undefined) throw new FairleadError('INVALID_INPUT', `"${text}" is not an IP address`)
  return bytes
}

/** The canonical text of 4 or 16 bytes (RFC 5952; `::ffff:192.0.2.1` for addresses mapped from IPv4). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
  if (bytes.length === 16) return formatIpv6(bytes)
  throw new FairleadError('BUG', `An IP address has 4 or 16 bytes, not ${bytes.length}`)
}

/** The canonical spelling of an address; `undefined` when `text` is not an address. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text)
  return bytes === undefined ? undefined : formatAddress(bytes)
}

/** `10.96.0.10:80`, `[fd00::1]:80`: an address, or a host's name, with a port. */
export function hostPort(host: string, port: number | string): string {
  return `${bracketed(host)}:${port}`
}

/** A host as URLs have it: an IPv6 address in brackets, all others as they are (RFC 3986 §3.2.2). */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Reads `ADDRESS/LENGTH`; `undefined` when `text` is not a prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const address = parseAddress(text.slice(0, slash))
  const prefixLength = parseDecimal(text, slash + 1, text.length, 128)
  if (address === undefined || prefixLength < 0 || prefixLength > address.length * 8) return undefined
  return { family: familyOf(address), address, network: maskAddress(address, prefixLength), prefixLength }
}

/**
 * Reads a prefix that must be one.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined) {
    throw new FairleadError('INVALID_INPUT', `"${text}" is not an address range; wanted is one such as 10.244.0.0/16`)
  }
  return cidr
}

/** The canonical text of the whole prefix, without host bits. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.network)}/${cidr.prefixLength}`
}

/** Whether the prefix holds the address. Never, when their families differ. */
export function cidrContains(cidr: Cidr, address: Uint8Array): boolean {
  if (address.length !== cidr.network.length) return false
  const whole = cidr.prefixLength >> 3
  for (let i = 0; i < whole; i++) if (address[i] !== cidr.network[i]) return false
  const rest = cidr.prefixLength & 7
  if (rest === 0) return true
  return ((address[whole] ?? 0) ^ (cidr.network[whole] ?? 0)) >> (8 - rest) === 0
}

/** Whether two prefixes share an address. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.prefixLength <= b.prefixLength ? cidrContains(a, b.network) : cidrContains(b, a.network)
}

/** How many addresses the prefix has. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt(cidr.network.length * 8 - cidr.prefixLength)
}

/**
 * The n-th address of a prefix, 0 being the network's own; negative counts from the end (-1 is the last).
 *
 * @throws FairleadError `INVALID_INPUT` when the prefix is smaller.
 */
export function nthAddress(cidr: Cidr, n: bigint | number): Buffer {
  const size = cidrSize(cidr)
  const index = BigInt(n) < 0n ? size + BigInt(n) : BigInt(n)
  if (index < 0n || index >= size) {
    throw new FairleadError('INVALID_INPUT', `${formatCidr(cidr)} has ${size} addresses, none with the number ${n}`)
  }
  return addressFromInteger(addressToInteger(cidr.network) + index, cidr.family)
}

/** Which address of the prefix this is, 0 for the network's own; `undefined` when it is outside. */
export function addressOffset(cidr: Cidr, address: Uint8Array): bigint | undefined {
  return cidrContains(cidr, address) ? addressToInteger(address) - addressToInteger(cidr.network) : undefined
}

/** The address as one number. */
export function addressToInteger(address: Uint8Array): bigint {
  let value = 0n
  for (const byte of address) value = (value << 8n) | BigInt(byte)
  return value
}

/** The inverse of {@link addressToInteger}. */
export function addressFromInteger(value: bigint, family: AddressFamily): Buffer {
  const bytes = Buffer.alloc(family === 4 ? 4 : 16)
  for (let i = bytes.length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

/** The address with all bits after the first `prefixLength` zeroed. */
export function maskAddress(address: Uint8Array, prefixLength: number): Buffer {
  const network = Buffer.from(address)
  const whole = prefixLength >> 3
  if (whole >= network.length) return network
  network[whole] = (network[whole] ?? 0) & (0xff00 >> (prefixLength & 7))
  return network.fill(0, whole + 1)
}

function familyOf(address: Uint8Array): AddressFamily {
  return address.length === 4 ? 4 : 6
}

/** A decimal number without leading zeros in `text[start, end)`; -1 when it is none or above `limit`. */
function parseDecimal(text: string, start: number, end: number, limit: number): number {
  const length = end - start
  if (length < 1 || length > 3 || (length > 1 && text.charCodeAt(start) === 0x30)) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value <= limit ? value : -1
}

function parseIpv4(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(4)
  let start = 0
  for (let i = 0; i < 4; i++) {
    const dot = text.indexOf('.', start)
    if (dot < 0 !== (i === 3)) return undefined
    const end = dot < 0 ? text.length : dot
    const value = parseDecimal(text, start, end, 255)
    if (value < 0) return undefined
    bytes[i] = value
    start = end + 1
  }
  return bytes
}

function parseIpv6(text: string): Buffer | undefined {
  const gap = text.indexOf('::')
  if (gap < 0) {
    const groups = parseGroups(text, true)
    return groups?.length === 16 ? Buffer.from(groups) : undefined
  }
  const head = gap === 0 ? [] : parseGroups(text.slice(0, gap), false)
  const tail = gap + 2 === text.length ? [] : parseGroups(text.slice(gap + 2), true)
  // "::" stands for at least one group.
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined
  const bytes = Buffer.alloc(16)
  bytes.set(head, 0)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

/** The bytes of groups between colons, the last of them perhaps in IPv4 notation. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes('.')) {
      const ipv4 = parseIpv4(group)
      if (ipv4 === undefined) return undefined
      bytes.push(...ipv4)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatAddress(bytes.subarray(12))}`
  }
  const run = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (run.length < 2) return hex.join(':')
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  }
  return best
}
