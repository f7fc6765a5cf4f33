import { FairleadError } from '../../base/error.ts'
import { MessageWriter, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST } from '../netlink/message.ts'
import * as nft from './constants.ts'
import { writeElement, writeTextElement } from './element.ts'
import { writeSharedExpressions } from './expression-encoder.ts'
import { FAMILY_NUMBERS, type NftFamily } from './family.ts'
import {
  type Chain,
  type CtTimeout,
  type Element,
  HOOKS,
  type NamedRef,
  type NftSet,
  type Rule,
  type Table,
  type TableRef,
} from './program.ts'
import { writeSet } from './set.ts'
import { udataComment } from './userdata.ts'

/** A message carries elements until its list nears the 65,535 bytes that an attribute holds. */
const MAX_LIST_BYTES = 60_000

const PROTOCOLS = { tcp: 6 } as const

/** The message that elements of one set are being added to. */
interface OpenList {
  readonly verb: 'add' | 'delete'
  readonly set: NamedRef
  readonly message: number
  readonly list: number
}

export interface BatchOptions {
  /** The kernel refuses the batch (`ERESTART`) when its generation is another by then. */
  readonly generation?: number
  /** Bytes to reserve. The batch grows as needed. @default 4096 */
  readonly capacity?: number
}

/**
 * Changes that the kernel applies all or not at all, in order. The batch is written as netlink messages while it is
 * built, so that thousands of elements cost no object of their own.
 *
 * @example
 * const batch = new NftBatch()
 * batch.addTable({ family: 'ip', table: 'demo' })
 * batch.addSet({ family: 'ip', table: 'demo', name: 'nat', key: [ipv4Address], data: [ipv4Address] })
 * batch.addElement({ family: 'ip', table: 'demo', name: 'nat' }, { key: Buffer.of(203, 0, 113, 1), data: Buffer.of(10, 0, 0, 1) })
 * socket.commit(batch)
 */
export class NftBatch {
  readonly #out: MessageWriter
  /** What message `n + 1` does, for telling which one was refused. */
  readonly #messages: { readonly verb: string; readonly object: string }[] = []
  #open: OpenList | undefined
  #sets = 0
  #size = 0
  #elements = 0
  #last = 0
  #sealed = false

  constructor(options: BatchOptions = {}) {
    this.#out = new MessageWriter(options.capacity ?? 4096)
    const begin = this.#mark(nft.NFNL_MSG_BATCH_BEGIN, 0)
    if (options.generation !== undefined) this.#out.u32be(nft.NFNL_BATCH_GENID, options.generation)
    this.#out.endMessage(begin)
  }

  /** Number of changes; each element is one. */
  get size(): number {
    return this.#size
  }

  /** Number of elements added and deleted. */
  get elements(): number {
    return this.#elements
  }

  /** Creates a table; one that exists is left as it is. */
  addTable(table: Table): void {
    const message = this.#begin(nft.NFT_MSG_NEWTABLE, NLM_F_CREATE, table.family)
    this.#out.string(nft.NFTA_TABLE_NAME, table.table)
    this.#out.u32be(nft.NFTA_TABLE_FLAGS, table.owned ? nft.NFT_TABLE_F_OWNER : 0)
    this.#comment(nft.NFTA_TABLE_USERDATA, nft.NFTNL_UDATA_TABLE_COMMENT, table.comment)
    this.#end(message, 'add table', describe(table))
  }

  /** Deletes a table with all that is in it. */
  deleteTable(table: TableRef): void {
    const message = this.#begin(nft.NFT_MSG_DELTABLE, 0, table.family)
    this.#out.string(nft.NFTA_TABLE_NAME, table.table)
    this.#end(message, 'delete table', describe(table))
  }

  /** Deletes a table whether or not it exists (the kernel has a message of its own for that since 6.3 only). */
  destroyTable(table: TableRef): void {
    this.addTable(table)
    this.deleteTable(table)
  }

  /** Creates a chain; one that exists is left as it is. */
  addChain(chain: Chain): void {
    const message = this.#begin(nft.NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain.family)
    this.#out.string(nft.NFTA_CHAIN_TABLE, chain.table)
    this.#out.string(nft.NFTA_CHAIN_NAME, chain.name)
    if (chain.base !== undefined) {
      const hook = this.#out.beginNested(nft.NFTA_CHAIN_HOOK)
      this.#out.u32be(nft.NFTA_HOOK_HOOKNUM, HOOKS[chain.base.hook])
      this.#out.u32be(nft.NFTA_HOOK_PRIORITY, chain.base.priority)
      this.#out.endNested(hook)
      this.#out.u32be(nft.NFTA_CHAIN_POLICY, chain.base.policy === 'drop' ? 0 : 1)
      this.#out.string(nft.NFTA_CHAIN_TYPE, chain.base.type)
    }
    this.#comment(nft.NFTA_CHAIN_USERDATA, nft.NFTNL_UDATA_CHAIN_COMMENT, chain.comment)
    this.#end(message, 'add chain', describe(chain))
  }

  /** Deletes a chain; it must be without rules and nothing may jump to it. */
  deleteChain(chain: NamedRef): void {
    const message = this.#begin(nft.NFT_MSG_DELCHAIN, 0, chain.family)
    this.#out.string(nft.NFTA_CHAIN_TABLE, chain.table)
    this.#out.string(nft.NFTA_CHAIN_NAME, chain.name)
    this.#end(message, 'delete chain', describe(chain))
  }

  /** Deletes all rules of a chain. */
  flushChain(chain: NamedRef): void {
    const message = this.#begin(nft.NFT_MSG_DELRULE, 0, chain.family)
    this.#out.string(nft.NFTA_RULE_TABLE, chain.table)
    this.#out.string(nft.NFTA_RULE_CHAIN, chain.name)
    this.#end(message, 'flush chain', describe(chain))
  }

  /** Appends a rule to its chain. */
  addRule(rule: Rule): void {
    const message = this.#begin(nft.NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule.family)
    this.#out.string(nft.NFTA_RULE_TABLE, rule.table)
    this.#out.string(nft.NFTA_RULE_CHAIN, rule.chain)
    const list = this.#out.beginNested(nft.NFTA_RULE_EXPRESSIONS)
    writeSharedExpressions(this.#out, rule.expressions)
    this.#out.endNested(list)
    this.#comment(nft.NFTA_RULE_USERDATA, nft.NFTNL_UDATA_RULE_COMMENT, rule.comment)
    this.#end(message, 'add rule to chain', `${rule.family} ${rule.table} ${rule.chain}`)
  }

  /** Deletes the rule that a dump named by this handle. */
  deleteRule(chain: NamedRef, handle: bigint): void {
    const message = this.#begin(nft.NFT_MSG_DELRULE, 0, chain.family)
    this.#out.string(nft.NFTA_RULE_TABLE, chain.table)
    this.#out.string(nft.NFTA_RULE_CHAIN, chain.name)
    this.#out.u64be(nft.NFTA_RULE_HANDLE, handle)
    this.#end(message, `delete rule ${handle} of chain`, describe(chain))
  }

  /** Creates a timeout object; one that exists by this name is left as it is. */
  addCtTimeout(object: CtTimeout): void {
    const message = this.#begin(nft.NFT_MSG_NEWOBJ, NLM_F_CREATE, object.family)
    const out = this.#out
    out.string(nft.NFTA_OBJ_TABLE, object.table)
    out.string(nft.NFTA_OBJ_NAME, object.name)
    out.u32be(nft.NFTA_OBJ_TYPE, nft.NFT_OBJECT_CT_TIMEOUT)
    const data = out.beginNested(nft.NFTA_OBJ_DATA)
    out.u16be(nft.NFTA_CT_TIMEOUT_L3PROTO, FAMILY_NUMBERS[object.family])
    out.u8(nft.NFTA_CT_TIMEOUT_L4PROTO, PROTOCOLS[object.protocol])
    const policy = out.beginNested(nft.NFTA_CT_TIMEOUT_DATA)
    out.u32be(nft.CTA_TIMEOUT_TCP_ESTABLISHED, object.established)
    out.endNested(policy)
    out.endNested(data)
    this.#end(message, 'add ct timeout', describe(object))
  }

  /** Creates a set or map; one that exists with the same shape is left as it is. */
  addSet(set: NftSet): void {
    const message = this.#begin(nft.NFT_MSG_NEWSET, NLM_F_CREATE, set.family)
    this.#sets += 1
    writeSet(this.#out, set, this.#sets)
    this.#end(message, set.data === undefined ? 'add set' : 'add map', describe(set))
  }

  /** Deletes a set or map that no rule uses. */
  deleteSet(set: NamedRef): void {
    const message = this.#begin(nft.NFT_MSG_DELSET, 0, set.family)
    this.#out.string(nft.NFTA_SET_TABLE, set.table)
    this.#out.string(nft.NFTA_SET_NAME, set.name)
    this.#end(message, 'delete set', describe(set))
  }

  /** Deletes all elements of a set or map. */
  flushSet(set: NamedRef): void {
    const message = this.#begin(nft.NFT_MSG_DELSETELEM, 0, set.family)
    this.#out.string(nft.NFTA_SET_ELEM_LIST_TABLE, set.table)
    this.#out.string(nft.NFTA_SET_ELEM_LIST_SET, set.name)
    this.#end(message, 'flush set', describe(set))
  }

  /**
   * Adds an element. One with this key and value may exist; with another value the batch is refused (`EEXIST`): delete
   * it first, in the same batch.
   *
   * @param set An object reused for consecutive elements lets them share a message.
   */
  addElement(set: NamedRef, element: Element): void {
    this.#list('add', set)
    writeElement(this.#out, element)
  }

  /** {@link addElement} for very many: key, value and comment (at most 127) are strings of one byte a character. */
  addText(set: NamedRef, key: string, data = '', comment = ''): void {
    this.#list('add', set)
    writeTextElement(this.#out, key, data, comment)
  }

  /** Deletes an element, which must exist (`ENOENT`). Only its key counts. */
  deleteElement(set: NamedRef, element: Element): void {
    this.#list('delete', set)
    writeElement(this.#out, keyOnly(element))
  }

  /** The finished batch and the sequence number of its last message, which asks for an acknowledgement. */
  seal(): { readonly bytes: Buffer; readonly last: number } {
    if (!this.#sealed) {
      this.#closeList()
      this.#sealed = true
      const bytes = this.#out.bytes()
      if (this.#messages.length > 0) bytes.writeUInt16LE(bytes.readUInt16LE(this.#last + 6) | NLM_F_ACK, this.#last + 6)
      this.#out.endMessage(this.#mark(nft.NFNL_MSG_BATCH_END, this.#messages.length + 1))
    }
    return { bytes: this.#out.bytes(), last: this.#messages.length }
  }

  /** What the message with this sequence number does: `add chain ip fairlead services`. */
  describe(sequence: number): string {
    const message = this.#messages[sequence - 1]
    return message === undefined ? 'apply the batch' : `${message.verb} ${message.object}`
  }

  #mark(type: number, sequence: number): number {
    const message = this.#out.beginMessage(type, NLM_F_REQUEST, sequence)
    this.#out.raw(Buffer.of(0, 0, 0, nft.NFNL_SUBSYS_NFTABLES))
    return message
  }

  #begin(type: number, flags: number, family: NftFamily): number {
    if (this.#sealed) throw new FairleadError('BUG', 'A batch that was committed cannot be changed')
    this.#closeList()
    return this.#beginMessage(type, flags, family)
  }

  #beginMessage(type: number, flags: number, family: NftFamily): number {
    const kind = (nft.NFNL_SUBSYS_NFTABLES << 8) | type
    const message = this.#out.beginMessage(kind, NLM_F_REQUEST | flags, this.#messages.length + 1)
    this.#out.raw(Buffer.of(FAMILY_NUMBERS[family], 0, 0, 0))
    return message
  }

  #end(message: number, verb: string, object: string): void {
    this.#out.endMessage(message)
    this.#last = message
    this.#messages.push({ verb, object })
    this.#size += 1
  }

  #comment(attribute: number, type: number, comment: string | undefined): void {
    if (comment !== undefined) this.#out.attribute(attribute, udataComment(type, comment))
  }

  /** Makes the open list one of `set` with room for another element. */
  #list(verb: 'add' | 'delete', set: NamedRef): void {
    if (this.#sealed) throw new FairleadError('BUG', 'A batch that was committed cannot be changed')
    this.#size += 1
    this.#elements += 1
    const open = this.#open
    if (open !== undefined) {
      if (open.set === set && open.verb === verb && this.#out.length - open.list < MAX_LIST_BYTES) return
      this.#closeList()
    }
    const type = verb === 'add' ? nft.NFT_MSG_NEWSETELEM : nft.NFT_MSG_DELSETELEM
    const message = this.#beginMessage(type, verb === 'add' ? NLM_F_CREATE : 0, set.family)
    this.#out.string(nft.NFTA_SET_ELEM_LIST_TABLE, set.table)
    this.#out.string(nft.NFTA_SET_ELEM_LIST_SET, set.name)
    this.#open = { verb, set, message, list: this.#out.beginNested(nft.NFTA_SET_ELEM_LIST_ELEMENTS) }
  }

  #closeList(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    this.#out.endNested(open.list)
    this.#out.endMessage(open.message)
    this.#last = open.message
    const object = `elements ${open.verb === 'add' ? 'to' : 'of'} ${describe(open.set)}`
    this.#messages.push({ verb: open.verb, object })
  }
}

function keyOnly({ key, keyEnd, flags }: Element): Element {
  return { key, ...(keyEnd === undefined ? {} : { keyEnd }), ...(flags === undefined ? {} : { flags }) }
}

function describe(object: TableRef | NamedRef): string {
  const table = `${object.family} ${object.table}`
  return 'name' in object ? `${table} ${object.name}` : table
}
