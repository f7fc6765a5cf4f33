import { MessageWriter, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from '../message.ts'
import { isNetlinkErrno, NETLINK_ROUTE, NetlinkSocket } from '../socket.ts'

const RECEIVE_BYTES = 64 << 10
const DUMP_ATTEMPTS = 20

/** One rtnetlink message to send. */
export interface RouteRequest {
  /** What is done, for the error: "add the link cni0". */
  readonly action: string
  readonly type: number
  readonly flags?: number
  write(writer: MessageWriter): void
}

/** Sends rtnetlink requests in one network namespace and reads their answers; knows nothing of what they mean. */
export class RouteRequests implements Disposable {
  readonly #socket: NetlinkSocket

  /** @param netns Path of the namespace; the caller's own when left out. */
  constructor(netns: string | undefined) {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, netns, RECEIVE_BYTES)
  }

  /**
   * Sends a request and waits for its acknowledgement; `visit` is called for each message of the answer.
   *
   * @throws NetlinkError
   */
  send(request: RouteRequest, visit?: (payload: Buffer) => void): void {
    const sequence = this.#write(request, NLM_F_REQUEST | NLM_F_ACK | (request.flags ?? 0))
    this.#socket.readReply(request.action, sequence, (message) => visit?.(message.payload))
  }

  /** Like {@link send}; false when the kernel refused for one of these reasons. */
  sendUnless(reasons: readonly string[], request: RouteRequest, visit?: (payload: Buffer) => void): boolean {
    try {
      this.send(request, visit)
      return true
    } catch (error) {
      if (isNetlinkErrno(error, ...reasons)) return false
      throw error
    }
  }

  /** Repeats a dump that a change disturbed, so that a list is always of one moment. */
  dump<T>(request: RouteRequest, decode: (payload: Buffer) => T): T[] {
    for (let attempt = 1; ; attempt++) {
      const found: T[] = []
      const sequence = this.#write(request, NLM_F_REQUEST | NLM_F_DUMP)
      try {
        this.#socket.readReply(request.action, sequence, (message) => found.push(decode(message.payload)))
        return found
      } catch (error) {
        if (!isNetlinkErrno(error, 'EINTR') || attempt === DUMP_ATTEMPTS) throw error
      }
    }
  }

  /** Like {@link dump}; undefined when the kernel refused for one of these reasons. */
  dumpUnless<T>(reasons: readonly string[], request: RouteRequest, decode: (payload: Buffer) => T): T[] | undefined {
    try {
      return this.dump(request, decode)
    } catch (error) {
      if (isNetlinkErrno(error, ...reasons)) return undefined
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #write(request: RouteRequest, flags: number): number {
    // A nested look-up while a request is being written must not share its buffer.
    const writer = new MessageWriter(512)
    const sequence = this.#socket.nextSequence()
    const start = writer.beginMessage(request.type, flags, sequence)
    request.write(writer)
    writer.endMessage(start)
    this.#socket.send(writer.bytes())
    return sequence
  }
}
