/**
 * Which sockets of a network namespace wait for connections or datagrams. Unlike /proc/net/tcp it looks at those alone,
 * not at every connection of the machine.
 * Source: include/uapi/linux/inet_diag.h, sock_diag.h
 */
import { formatAddress } from '../../base/ip.ts'
import { AF_INET, AF_INET6 } from '../libc.ts'
import { MessageWriter, NLM_F_DUMP, NLM_F_REQUEST, readAttributes } from './message.ts'
import { NetlinkSocket } from './socket.ts'

const NETLINK_SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const INET_DIAG_SKV6ONLY = 11
/** Lengths of struct inet_diag_sockid and inet_diag_msg. */
const SOCKID_BYTES = 48
const MESSAGE_BYTES = 72

/** States of include/net/tcp_states.h: LISTEN; a UDP socket that is not connected is CLOSE. */
const PROTOCOLS = { 6: 1 << 10, 17: 1 << 7 } as const
export type ListeningProtocol = keyof typeof PROTOCOLS

export interface ListeningSocket {
  readonly protocol: ListeningProtocol
  readonly address: string
  readonly port: number
  /** On `::` it takes IPv6 alone. */
  readonly onlyIpv6: boolean
}

/** Lists the waiting TCP (6) and UDP (17) sockets of a namespace. @throws NetlinkError */
export function listeningSockets(netns?: string): ListeningSocket[] {
  using socket = new NetlinkSocket(NETLINK_SOCK_DIAG, netns, 1 << 16)
  const found: ListeningSocket[] = []
  for (const protocol of [6, 17] as const) {
    for (const family of [AF_INET, AF_INET6]) {
      const sequence = socket.nextSequence()
      socket.send(request(family, protocol, sequence))
      socket.readReply('list listening sockets', sequence, ({ payload }) => {
        const one = readSocket(payload, protocol)
        if (one !== undefined) found.push(one)
      })
    }
  }
  return found
}

/** struct inet_diag_req_v2 */
function request(family: number, protocol: ListeningProtocol, sequence: number): Buffer {
  const out = new MessageWriter(128)
  const message = out.beginMessage(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, sequence)
  const body = Buffer.alloc(8 + SOCKID_BYTES)
  body[0] = family
  body[1] = protocol
  body.writeUInt32LE(PROTOCOLS[protocol], 4)
  out.raw(body)
  out.endMessage(message)
  return Buffer.from(out.bytes())
}

/** struct inet_diag_msg */
function readSocket(payload: Buffer, protocol: ListeningProtocol): ListeningSocket | undefined {
  if (payload.length < MESSAGE_BYTES) return undefined
  const port = payload.readUInt16BE(4)
  if (port === 0) return undefined
  const address = formatAddress(payload.subarray(8, 8 + (payload[0] === AF_INET6 ? 16 : 4)))
  const onlyIpv6 = readAttributes(payload.subarray(MESSAGE_BYTES)).get(INET_DIAG_SKV6ONLY)?.[0] === 1
  return { protocol, address, port, onlyIpv6 }
}
