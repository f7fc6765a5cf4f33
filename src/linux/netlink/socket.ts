import { FairleadError } from '../../base/error.ts'
import {
  AF_NETLINK,
  bind,
  close,
  errnoName,
  receive,
  SOCK_RAW,
  SOL_SOCKET,
  send,
  sendAsync,
  setSocketOption,
  setSocketOptionInt,
  socket,
} from '../libc.ts'
import { inNetns } from '../netns.ts'
import {
  HEADER_LENGTH,
  type NetlinkMessage,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
  readString,
} from './message.ts'

export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12

const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const SO_RCVTIMEO = 20
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const NLMSGERR_ATTR_MSG = 1
const RECEIVE_BYTES = 1 << 20
const REPLY_SECONDS = 30

/** What the kernel refused: its reason and, from the extended acknowledgement, its own words. */
export class NetlinkError extends FairleadError {
  /** Symbolic reason such as `EEXIST`. */
  readonly errno: string
  /** The kernel's text; empty when it gave none. */
  readonly kernelText: string
  /** Sequence number of the refused message. */
  readonly sequence: number

  constructor(action: string, reply: { errno: string; kernelText: string; sequence: number }) {
    super(
      'KERNEL_REFUSED',
      `Cannot ${action}: ${reply.errno}${reply.kernelText === '' ? '' : ` (${reply.kernelText})`}`,
    )
    this.name = 'NetlinkError'
    this.errno = reply.errno
    this.kernelText = reply.kernelText
    this.sequence = reply.sequence
  }
}

/** Whether `error` is a {@link NetlinkError} with one of these reasons. */
export function isNetlinkErrno(error: unknown, ...names: string[]): error is NetlinkError {
  return error instanceof NetlinkError && names.includes(error.errno)
}

/** An acknowledgement (`errno` undefined) or a refusal. */
export interface NetlinkAck {
  readonly sequence: number
  readonly errno: string | undefined
  readonly kernelText: string
}

/**
 * A netlink socket in one network namespace. It stays there whatever the thread does later. All calls but one are synchronous:
 * the kernel answers before send(2) returns.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number
  readonly #buffer: Buffer
  #sequence = 1
  #open = true

  /**
   * @param netns Path of the namespace; the caller's own when left out.
   * @param receiveBytes The largest datagram that is expected.
   */
  constructor(protocol: number, netns?: string, receiveBytes = RECEIVE_BYTES) {
    this.#buffer = Buffer.allocUnsafe(receiveBytes)
    this.#fd = inNetns(netns, () => socket(AF_NETLINK, SOCK_RAW, protocol))
    const address = Buffer.alloc(12)
    address.writeUInt16LE(AF_NETLINK, 0)
    bind(this.#fd, address, 'netlink')
    setSocketOptionInt(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, 1)
    setSocketOptionInt(this.#fd, SOL_NETLINK, NETLINK_CAP_ACK, 1)
    if (protocol === NETLINK_ROUTE) setSocketOptionInt(this.#fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
    const timeout = Buffer.alloc(16)
    timeout.writeBigInt64LE(BigInt(REPLY_SECONDS), 0)
    setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeout)
  }

  /** Makes room for `bytes` in both directions, above the system's limits (needs CAP_NET_ADMIN). */
  setBufferSize(bytes: number): void {
    setSocketOptionInt(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)
    setSocketOptionInt(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)
  }

  /** Receives what the kernel tells a multicast group. */
  join(group: number): void {
    setSocketOptionInt(this.#fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
  }

  /** The next free sequence number. */
  nextSequence(): number {
    const sequence = this.#sequence
    this.#sequence = (this.#sequence + 1) >>> 0 || 1
    return sequence
  }

  send(bytes: Uint8Array): void {
    send(this.#fd, bytes)
  }

  /** As `send`, while the event loop goes on; nothing else may be asked of this socket before it is done. */
  sendLater(bytes: Uint8Array): Promise<void> {
    return sendAsync(this.#fd, bytes)
  }

  /**
   * The messages of the next datagram, as views that the next call overwrites.
   *
   * @param flags MSG_DONTWAIT to throw `EAGAIN` instead of waiting.
   */
  receive(flags = 0): NetlinkMessage[] {
    const length = receive(this.#fd, this.#buffer, flags)
    return [...readMessages(this.#buffer.subarray(0, length))]
  }

  /**
   * Reads until the request `sequence` is acknowledged, calling `visit` for each message of the answer (views that are
   * valid only during the call).
   *
   * @throws NetlinkError when the kernel refuses, `EINTR` when a dump was disturbed by a change and must be repeated.
   */
  readReply(action: string, sequence: number, visit: (message: NetlinkMessage) => void = ignore): void {
    let interrupted = false
    for (;;) {
      for (const message of this.receive()) {
        if (message.sequence !== sequence) continue
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const ack = readAck(message)
          if (ack.errno !== undefined) throw new NetlinkError(action, { ...ack, errno: ack.errno })
          if (interrupted) throw new NetlinkError(action, { errno: 'EINTR', kernelText: 'dump interrupted', sequence })
          return
        }
        visit(message)
      }
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return
    this.#open = false
    close(this.#fd)
  }
}

function ignore(): void {}

/** Decodes NLMSG_ERROR and NLMSG_DONE, with the extended acknowledgement's text. */
export function readAck(message: NetlinkMessage): NetlinkAck {
  const code = message.payload.length >= 4 ? message.payload.readInt32LE(0) : 0
  return {
    sequence: message.sequence,
    errno: code === 0 ? undefined : errnoName(-code),
    kernelText: kernelText(message),
  }
}

function kernelText(message: NetlinkMessage): string {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return ''
  let offset = 4
  if (message.type === NLMSG_ERROR) {
    // The refused message's header follows the code; its payload too, unless the kernel capped it.
    const requestLength = message.payload.readUInt32LE(4)
    offset += (message.flags & NLM_F_CAPPED) !== 0 ? HEADER_LENGTH : (requestLength + 3) & ~3
  }
  const text = readAttributes(message.payload.subarray(offset)).get(NLMSGERR_ATTR_MSG)
  return text === undefined ? '' : readString(text)
}
