import { isErrno, MSG_DONTWAIT } from '../libc.ts'
import {
  MessageWriter,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  readAttributes,
} from '../netlink/message.ts'
import { isNetlinkErrno, NETLINK_NETFILTER, NetlinkError, NetlinkSocket, readAck } from '../netlink/socket.ts'
import type { NftBatch } from './batch.ts'
import * as nft from './constants.ts'
import { readElements } from './element.ts'
import { FAMILY_NUMBERS, familyOf, type NftFamily } from './family.ts'
import type { NftKernel } from './kernel.ts'
import type { Chain, Listed, ListedElement, ListedSet, NamedRef, Rule, Table, TableRef } from './program.ts'
import { readChain, readRule, readTable } from './reader.ts'
import { refusalOf } from './refusal.ts'
import { readSet } from './set.ts'

const NFGENMSG_LENGTH = 4
const BUFFER_BYTES = 1 << 21
/** A dump that other people's changes keep disturbing is begun anew this often. */
const DUMP_ATTEMPTS = 20

/**
 * A connection to nf_tables of one network namespace. All calls but `commitLater` are synchronous; a
 * commit is applied when it returns.
 *
 * @example
 * using socket = NftSocket.open('/run/netns/node-1')
 * socket.commit(batch)
 */
export class NftSocket implements NftKernel, Disposable {
  readonly #socket: NetlinkSocket
  readonly #out = new MessageWriter(256)
  #bufferSize = BUFFER_BYTES

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket
    socket.setBufferSize(this.#bufferSize)
  }

  /** @param netns Path of the network namespace; the caller's own when left out. */
  static open(netns?: string): NftSocket {
    return new NftSocket(new NetlinkSocket(NETLINK_NETFILTER, netns))
  }

  /**
   * Applies a batch: all of it or nothing.
   *
   * Only the last message asks for an acknowledgement, so that answers never overflow the socket however large the batch.
   *
   * @throws NetlinkError that names the first refused operation, with the kernel's own words; `ERESTART` when the batch
   * was made for another generation; `ENOBUFS` when the kernel could not tell: list and compare then.
   */
  commit(batch: NftBatch): void {
    const { bytes, last } = batch.seal()
    if (last === 0) return
    this.#makeRoom(bytes.length)
    this.#socket.send(bytes)
    this.#readAnswers(batch, last)
  }

  /** As {@link commit}, while the event loop goes on; nothing else may be asked before it is done. */
  async commitLater(batch: NftBatch): Promise<void> {
    const { bytes, last } = batch.seal()
    if (last === 0) return
    this.#makeRoom(bytes.length)
    await this.#socket.sendLater(bytes)
    this.#readAnswers(batch, last)
  }

  /** @param last The message that asks for an acknowledgement. */
  #readAnswers(batch: NftBatch, last: number): void {
    let refused: NetlinkError | undefined
    for (;;) {
      const messages = this.#receiveNow()
      if (messages === undefined) break
      for (const message of messages) {
        if (message.type !== NLMSG_ERROR) continue
        const ack = readAck(message)
        if (ack.errno !== undefined) refused ??= refusalOf(batch, message, { ...ack, errno: ack.errno })
        else if (message.sequence === last && refused === undefined) return
      }
    }
    throw refused ?? new NetlinkError('apply the batch', { errno: 'ENOBUFS', kernelText: 'no answer', sequence: last })
  }

  /** Number of the last change of any table in this namespace. */
  generation(): number {
    let generation = 0
    this.#request(nft.NFT_MSG_GETGEN, { family: 'ip', action: 'read the generation' }, (bytes) => {
      generation = readAttributes(bytes).get(nft.NFTA_GEN_ID)?.readUInt32BE(0) ?? 0
    })
    return generation
  }

  /** Tables of a family, or of all. */
  tables(family?: NftFamily): Listed<Table>[] {
    return this.#dump('list tables', nft.NFT_MSG_GETTABLE, family, readTable)
  }

  /** One table, undefined when there is none of this name. */
  table(ref: TableRef): Listed<Table> | undefined {
    let found: Listed<Table> | undefined
    const action = `read table ${ref.family} ${ref.table}`
    try {
      this.#request(
        nft.NFT_MSG_GETTABLE,
        { family: ref.family, action, strings: [[nft.NFTA_TABLE_NAME, ref.table]] },
        (bytes) => {
          found = readTable(ref.family, bytes)
        },
      )
    } catch (error) {
      if (!isNetlinkErrno(error, 'ENOENT')) throw error
    }
    return found
  }

  /** Chains of a table. */
  chains(table: TableRef): Listed<Chain>[] {
    const chains = this.#dump('list chains', nft.NFT_MSG_GETCHAIN, table.family, readChain)
    return chains.filter((chain) => chain.table === table.table)
  }

  /** Rules of a table in their order, or of one chain of it. */
  rules(table: TableRef, chain?: string): Listed<Rule>[] {
    const strings: Strings = [[nft.NFTA_RULE_TABLE, table.table]]
    if (chain !== undefined) strings.push([nft.NFTA_RULE_CHAIN, chain])
    const action = `list rules of ${table.family} ${table.table}`
    return this.#dump(action, nft.NFT_MSG_GETRULE, table.family, readRule, strings)
  }

  /** Sets and maps of a table, without their elements. */
  sets(table: TableRef): ListedSet[] {
    const action = `list sets of ${table.family} ${table.table}`
    return this.#dump(action, nft.NFT_MSG_GETSET, table.family, readSet, [[nft.NFTA_SET_TABLE, table.table]])
  }

  /** Elements of a set or map, in no order. */
  elements(set: NamedRef): ListedElement[] {
    const action = `list elements of ${set.family} ${set.table} ${set.name}`
    const strings: Strings = [
      [nft.NFTA_SET_ELEM_LIST_TABLE, set.table],
      [nft.NFTA_SET_ELEM_LIST_SET, set.name],
    ]
    return repeatDump(() => {
      const elements: ListedElement[] = []
      this.#request(nft.NFT_MSG_GETSETELEM, { family: set.family, action, strings, dump: true }, (bytes) => {
        const list = readAttributes(bytes).get(nft.NFTA_SET_ELEM_LIST_ELEMENTS)
        if (list !== undefined) readElements(list, (element) => elements.push(element))
      })
      return elements
    })
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }

  #dump<T>(
    action: string,
    type: number,
    family: NftFamily | undefined,
    read: (family: NftFamily, bytes: Buffer) => T,
    strings: Strings = [],
  ): T[] {
    return repeatDump(() => {
      const found: T[] = []
      this.#request(type, { family, action, strings, dump: true }, (bytes, number) => {
        const actual = familyOf(number)
        if (actual !== undefined) found.push(read(actual, bytes))
      })
      return found
    })
  }

  #request(type: number, request: Request, visit: (bytes: Buffer, family: number) => void): void {
    const out = this.#out
    const sequence = this.#socket.nextSequence()
    out.reset()
    const kind = (nft.NFNL_SUBSYS_NFTABLES << 8) | type
    const flags = NLM_F_REQUEST | (request.dump ? NLM_F_DUMP : NLM_F_ACK)
    const message = out.beginMessage(kind, flags, sequence)
    out.raw(Buffer.of(request.family === undefined ? 0 : FAMILY_NUMBERS[request.family], 0, 0, 0))
    for (const [attribute, value] of request.strings ?? []) out.string(attribute, value)
    out.endMessage(message)
    this.#socket.send(out.bytes())
    this.#socket.readReply(request.action, sequence, ({ payload }) => {
      if (payload.length >= NFGENMSG_LENGTH) visit(payload.subarray(NFGENMSG_LENGTH), payload.readUInt8(0))
    })
  }

  /** The next datagram that is there already; answers to a batch are queued before send(2) returns. */
  #receiveNow(): NetlinkMessage[] | undefined {
    try {
      return this.#socket.receive(MSG_DONTWAIT)
    } catch (error) {
      if (isErrno(error, 'EAGAIN')) return undefined
      if (isErrno(error, 'ENOBUFS')) return []
      throw error
    }
  }

  #makeRoom(bytes: number): void {
    if (bytes < this.#bufferSize) return
    this.#bufferSize = bytes * 2
    this.#socket.setBufferSize(this.#bufferSize)
  }
}

type Strings = (readonly [attribute: number, value: string])[]

interface Request {
  readonly family: NftFamily | undefined
  readonly action: string
  readonly strings?: Strings
  readonly dump?: boolean
}

function repeatDump<T>(dump: () => T): T {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return dump()
    } catch (error) {
      if (!isNetlinkErrno(error, 'EINTR') || attempt >= DUMP_ATTEMPTS) throw error
    }
  }
}
