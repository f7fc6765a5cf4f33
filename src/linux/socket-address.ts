import { formatAddress, hostPort, requireAddress } from '../base/ip.ts'
import { AF_INET, AF_INET6 } from './libc.ts'

/** An IP address and a port. */
export interface SocketAddress {
  readonly host: string
  readonly port: number
}

/** `struct sockaddr_in` or `sockaddr_in6` (netinet/in.h) of an address; `host` is an IP address, never a name. */
export function encodeSocketAddress(address: SocketAddress): Buffer {
  const host = requireAddress(address.host)
  const bytes = Buffer.alloc(host.length === 4 ? 16 : 28)
  bytes.writeUInt16LE(host.length === 4 ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(address.port, 2)
  bytes.set(host, host.length === 4 ? 4 : 8)
  return bytes
}

/** The inverse of {@link encodeSocketAddress}. */
export function decodeSocketAddress(bytes: Buffer): SocketAddress {
  const host = bytes.readUInt16LE(0) === AF_INET ? bytes.subarray(4, 8) : bytes.subarray(8, 24)
  return { host: formatAddress(host), port: bytes.readUInt16BE(2) }
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function formatSocketAddress(address: SocketAddress): string {
  return hostPort(address.host, address.port)
}
