/**
 * The kernel's table of connections: list and delete.
 * Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h
 */
import { MessageWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, readAttributes } from './netlink/message.ts'
import { isNetlinkErrno, NETLINK_NETFILTER, NetlinkSocket } from './netlink/socket.ts'

const NFNL_SUBSYS_CTNETLINK = 1
const IPCTNL_MSG_CT_GET = 1
const IPCTNL_MSG_CT_DELETE = 2
const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_REPLY = 2
const CTA_ID = 12
const CTA_FILTER = 25
const CTA_FILTER_ORIG_FLAGS = 1
const CTA_FILTER_REPLY_FLAGS = 2
const CTA_FILTER_F_PROTO_NUM = 1 << 3
const CTA_TUPLE_IP = 1
const CTA_TUPLE_PROTO = 2
const CTA_IP_V4_SRC = 1
const CTA_IP_V4_DST = 2
const CTA_IP_V6_SRC = 3
const CTA_IP_V6_DST = 4
const CTA_PROTO_NUM = 1
const CTA_PROTO_SRC_PORT = 2
const CTA_PROTO_DST_PORT = 3
const NFGENMSG_LENGTH = 4
const BUFFER_BYTES = 1 << 22
const FAMILIES = { ip: 2, ip6: 10 } as const
const DUMP_ATTEMPTS = 5

/** One direction of a connection. Addresses are bytes in network order. */
export interface ConntrackTuple {
  readonly source: Buffer
  readonly destination: Buffer
  readonly protocol: number
  readonly sourcePort: number
  readonly destinationPort: number
}

export interface ConntrackEntry {
  readonly family: keyof typeof FAMILIES
  /** As the first packet had it. */
  readonly original: ConntrackTuple
  /** As answers have it: source and destination differ from the original's where they were translated. */
  readonly reply: ConntrackTuple
  readonly id: number
}

/** A connection to the connection table of one network namespace. Calls are synchronous. */
export class ConntrackSocket implements Disposable {
  readonly #socket: NetlinkSocket
  readonly #out = new MessageWriter(256)

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket
    socket.setBufferSize(BUFFER_BYTES)
  }

  /** @param netns Path of the network namespace; the caller's own when left out. */
  static open(netns?: string): ConntrackSocket {
    return new ConntrackSocket(new NetlinkSocket(NETLINK_NETFILTER, netns))
  }

  /**
   * Connections of one protocol (6 TCP, 17 UDP, 132 SCTP).
   *
   * @throws NetlinkError
   */
  list(family: ConntrackEntry['family'], protocol: number): ConntrackEntry[] {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return this.#list(family, protocol)
      } catch (error) {
        if (!isNetlinkErrno(error, 'EINTR') || attempt >= DUMP_ATTEMPTS) throw error
      }
    }
  }

  /** The connection whose first packet had these addresses and ports; undefined when there is none. */
  find(family: ConntrackEntry['family'], original: ConntrackTuple): ConntrackEntry | undefined {
    const sequence = this.#begin(IPCTNL_MSG_CT_GET, NLM_F_ACK, family, () =>
      writeTuple(this.#out, CTA_TUPLE_ORIG, original),
    )
    let found: ConntrackEntry | undefined
    try {
      this.#socket.readReply('find a connection', sequence, ({ payload }) => {
        found = readEntry(family, payload.subarray(NFGENMSG_LENGTH))
      })
    } catch (error) {
      if (!isNetlinkErrno(error, 'ENOENT')) throw error
    }
    return found
  }

  /**
   * Forgets a connection: its next packet is the first of a new one. False when it was gone.
   *
   * @throws NetlinkError
   */
  delete(entry: ConntrackEntry): boolean {
    const sequence = this.#begin(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, entry.family, () => {
      writeTuple(this.#out, CTA_TUPLE_ORIG, entry.original)
      this.#out.u32be(CTA_ID, entry.id)
    })
    try {
      this.#socket.readReply('delete a connection', sequence)
      return true
    } catch (error) {
      if (isNetlinkErrno(error, 'ENOENT')) return false
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #list(family: ConntrackEntry['family'], protocol: number): ConntrackEntry[] {
    const entries: ConntrackEntry[] = []
    const sequence = this.#begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family, () => {
      const tuple = this.#out.beginNested(CTA_TUPLE_ORIG)
      const proto = this.#out.beginNested(CTA_TUPLE_PROTO)
      this.#out.u8(CTA_PROTO_NUM, protocol)
      this.#out.endNested(proto)
      this.#out.endNested(tuple)
      const filter = this.#out.beginNested(CTA_FILTER)
      this.#out.u32(CTA_FILTER_ORIG_FLAGS, CTA_FILTER_F_PROTO_NUM)
      this.#out.u32(CTA_FILTER_REPLY_FLAGS, 0)
      this.#out.endNested(filter)
    })
    this.#socket.readReply('list connections', sequence, ({ payload }) => {
      const entry = readEntry(family, payload.subarray(NFGENMSG_LENGTH))
      if (entry?.original.protocol === protocol) entries.push(entry)
    })
    return entries
  }

  #begin(type: number, flags: number, family: ConntrackEntry['family'], body: () => void): number {
    const sequence = this.#socket.nextSequence()
    this.#out.reset()
    const message = this.#out.beginMessage((NFNL_SUBSYS_CTNETLINK << 8) | type, NLM_F_REQUEST | flags, sequence)
    this.#out.raw(Buffer.of(FAMILIES[family], 0, 0, 0))
    body()
    this.#out.endMessage(message)
    this.#socket.send(this.#out.bytes())
    return sequence
  }
}

function writeTuple(out: MessageWriter, type: number, tuple: ConntrackTuple): void {
  const ipv4 = tuple.source.length === 4
  const nested = out.beginNested(type)
  const ip = out.beginNested(CTA_TUPLE_IP)
  out.attribute(ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, tuple.source)
  out.attribute(ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, tuple.destination)
  out.endNested(ip)
  const proto = out.beginNested(CTA_TUPLE_PROTO)
  out.u8(CTA_PROTO_NUM, tuple.protocol)
  out.u16be(CTA_PROTO_SRC_PORT, tuple.sourcePort)
  out.u16be(CTA_PROTO_DST_PORT, tuple.destinationPort)
  out.endNested(proto)
  out.endNested(nested)
}

function readEntry(family: ConntrackEntry['family'], bytes: Buffer): ConntrackEntry | undefined {
  const attributes = readAttributes(bytes)
  const original = readTuple(attributes.get(CTA_TUPLE_ORIG))
  const reply = readTuple(attributes.get(CTA_TUPLE_REPLY))
  if (original === undefined || reply === undefined) return undefined
  return { family, original, reply, id: attributes.get(CTA_ID)?.readUInt32BE(0) ?? 0 }
}

function readTuple(bytes: Buffer | undefined): ConntrackTuple | undefined {
  if (bytes === undefined) return undefined
  const tuple = readAttributes(bytes)
  const ip = readAttributes(tuple.get(CTA_TUPLE_IP) ?? Buffer.alloc(0))
  const proto = readAttributes(tuple.get(CTA_TUPLE_PROTO) ?? Buffer.alloc(0))
  const source = ip.get(CTA_IP_V4_SRC) ?? ip.get(CTA_IP_V6_SRC)
  const destination = ip.get(CTA_IP_V4_DST) ?? ip.get(CTA_IP_V6_DST)
  const protocol = proto.get(CTA_PROTO_NUM)?.readUInt8(0)
  if (source === undefined || destination === undefined || protocol === undefined) return undefined
  return {
    source: Buffer.from(source),
    destination: Buffer.from(destination),
    protocol,
    sourcePort: proto.get(CTA_PROTO_SRC_PORT)?.readUInt16BE(0) ?? 0,
    destinationPort: proto.get(CTA_PROTO_DST_PORT)?.readUInt16BE(0) ?? 0,
  }
}
