/** The state of the fake kernel and what each message does to it. */
import { NLM_F_EXCL, readAttributes, readString } from '../netlink/message.ts'
import * as nft from './constants.ts'
import { readElements } from './element.ts'
import type { Expression } from './expression.ts'
import type { NftFamily } from './family.ts'
import type { Chain, Listed, ListedElement, ListedSet, Rule, Table, TableRef } from './program.ts'
import { readChain, readRule, readTable } from './reader.ts'
import { readSet } from './set.ts'

/** Why a message was refused. */
export class FakeRefusal {
  readonly errno: string

  constructor(errno: string) {
    this.errno = errno
  }
}

interface FakeChain {
  readonly chain: Listed<Chain>
  readonly rules: readonly Listed<Rule>[]
}

interface FakeSet {
  readonly set: ListedSet
  /** By key and flags. */
  readonly elements: Map<string, ListedElement>
}

export interface FakeTable {
  readonly table: Listed<Table>
  readonly chains: Map<string, FakeChain>
  readonly sets: Map<string, FakeSet>
}

type Attributes = Map<number, Buffer>

export class FakeTables {
  readonly #tables = new Map<string, FakeTable>()
  #handle = 0n

  /** Another state that may be changed without touching this one. Elements are copied when they change. */
  clone(): FakeTables {
    const copy = new FakeTables()
    copy.#handle = this.#handle
    for (const [key, { table, chains, sets }] of this.#tables) {
      const setCopies = [...sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }] as const)
      copy.#tables.set(key, { table, chains: new Map(chains), sets: new Map(setCopies) })
    }
    return copy
  }

  get(ref: TableRef): FakeTable | undefined {
    return this.#tables.get(`${ref.family} ${ref.table}`)
  }

  /** Does what a message says. @throws FakeRefusal */
  apply(type: number, flags: number, family: NftFamily, bytes: Buffer): void {
    const attributes = readAttributes(bytes)
    switch (type) {
      case nft.NFT_MSG_NEWTABLE:
        this.#newTable(family, bytes)
        return
      case nft.NFT_MSG_DELTABLE:
        this.#tableOf(family, attributes, nft.NFTA_TABLE_NAME)
        this.#tables.delete(`${family} ${text(attributes, nft.NFTA_TABLE_NAME)}`)
        return
      case nft.NFT_MSG_NEWCHAIN:
        this.#newChain(this.#tableOf(family, attributes), decoded(readChain, family, bytes))
        return
      case nft.NFT_MSG_DELCHAIN:
        deleteChain(this.#tableOf(family, attributes), text(attributes, nft.NFTA_CHAIN_NAME))
        return
      case nft.NFT_MSG_NEWRULE:
        this.#newRule(this.#tableOf(family, attributes), decoded(readRule, family, bytes))
        return
      case nft.NFT_MSG_DELRULE:
        deleteRules(this.#tableOf(family, attributes), attributes)
        return
      case nft.NFT_MSG_NEWSET:
        this.#newSet(this.#tableOf(family, attributes), decoded(readSet, family, bytes))
        return
      case nft.NFT_MSG_DELSET:
        deleteSet(this.#tableOf(family, attributes), text(attributes, nft.NFTA_SET_NAME))
        return
      case nft.NFT_MSG_NEWSETELEM:
        addElements(this.#tableOf(family, attributes), attributes, (flags & NLM_F_EXCL) !== 0)
        return
      case nft.NFT_MSG_DELSETELEM:
        deleteElements(this.#tableOf(family, attributes), attributes)
        return
      default:
        throw new FakeRefusal('EOPNOTSUPP')
    }
  }

  #newTable(family: NftFamily, bytes: Buffer): void {
    const table = readTable(family, bytes)
    const key = `${family} ${table.table}`
    if (this.#tables.has(key)) return
    this.#handle += 1n
    this.#tables.set(key, { table: { ...table, handle: this.#handle }, chains: new Map(), sets: new Map() })
  }

  #newChain(table: FakeTable, chain: Listed<Chain>): void {
    const existing = table.chains.get(chain.name)
    if (existing === undefined) {
      this.#handle += 1n
      table.chains.set(chain.name, { chain: { ...chain, handle: this.#handle }, rules: [] })
    } else if (chain.base !== undefined && existing.chain.base?.hook !== chain.base.hook)
      throw new FakeRefusal('EEXIST')
  }

  #newRule(table: FakeTable, rule: Listed<Rule>): void {
    const chain = table.chains.get(rule.chain)
    if (chain === undefined) throw new FakeRefusal('ENOENT')
    for (const expression of rule.expressions) checkReferences(table, expression)
    this.#handle += 1n
    table.chains.set(rule.chain, { ...chain, rules: [...chain.rules, { ...rule, handle: this.#handle }] })
  }

  #newSet(table: FakeTable, set: ListedSet): void {
    const existing = table.sets.get(set.name)?.set
    if (existing === undefined) {
      this.#handle += 1n
      const verdicts = set.dataType === nft.NFT_DATA_VERDICT ? { dataLength: 16 } : {}
      table.sets.set(set.name, { set: { ...set, ...verdicts, handle: this.#handle }, elements: new Map() })
    } else if (existing.flags !== set.flags || existing.keyLength !== set.keyLength) throw new FakeRefusal('EEXIST')
  }

  #tableOf(family: NftFamily, attributes: Attributes, name = nft.NFTA_CHAIN_TABLE): FakeTable {
    // The table's name is attribute 1 of every message.
    const table = this.get({ family, table: text(attributes, name) })
    if (table === undefined) throw new FakeRefusal('ENOENT')
    return table
  }
}

type Decode<T> = (family: NftFamily, bytes: Buffer) => T

const cache = new Map<unknown, Map<string, unknown>>()
const MAX_CACHED = 10_000

/** Decodes a message, the same bytes once only: tests make the same tables thousands of times. Results are frozen data. */
function decoded<T>(decode: Decode<T>, family: NftFamily, bytes: Buffer): T {
  let known = cache.get(decode)
  if (known === undefined || known.size > MAX_CACHED) {
    known = new Map()
    cache.set(decode, known)
  }
  const key = family + bytes.toString('latin1')
  let value = known.get(key) as T | undefined
  if (value === undefined) {
    // What was decoded points into its bytes, which the batch's buffer may lend to others.
    value = decode(family, Buffer.from(bytes))
    known.set(key, value)
  }
  return value
}

function text(attributes: Attributes, type: number): string {
  const value = attributes.get(type)
  return value === undefined ? '' : readString(value)
}

function deleteChain(table: FakeTable, name: string): void {
  const chain = table.chains.get(name)
  if (chain === undefined) throw new FakeRefusal('ENOENT')
  if (chain.rules.length > 0 || isTarget(table, name)) throw new FakeRefusal('EBUSY')
  table.chains.delete(name)
}

function deleteRules(table: FakeTable, attributes: Attributes): void {
  const name = text(attributes, nft.NFTA_RULE_CHAIN)
  const chain = table.chains.get(name)
  if (chain === undefined) throw new FakeRefusal('ENOENT')
  const handle = attributes.get(nft.NFTA_RULE_HANDLE)?.readBigUInt64BE(0)
  const rules = handle === undefined ? [] : chain.rules.filter((rule) => rule.handle !== handle)
  if (handle !== undefined && rules.length === chain.rules.length) throw new FakeRefusal('ENOENT')
  table.chains.set(name, { ...chain, rules })
}

function deleteSet(table: FakeTable, name: string): void {
  if (!table.sets.has(name)) throw new FakeRefusal('ENOENT')
  const used = [...table.chains.values()].some(({ rules }) =>
    rules.some(({ expressions }) => expressions.some((expression) => setOf(expression) === name)),
  )
  if (used) throw new FakeRefusal('EBUSY')
  table.sets.delete(name)
}

function addElements(table: FakeTable, attributes: Attributes, exclusive: boolean): void {
  const set = setNamed(table, attributes)
  readElements(listOf(attributes), (element) => {
    if (element.key.length !== set.set.keyLength) throw new FakeRefusal('EINVAL')
    if ((set.set.flags & nft.NFT_SET_MAP) !== 0 && element.data === undefined && (element.flags & 1) === 0) {
      throw new FakeRefusal('EINVAL')
    }
    checkTarget(table, element.data)
    const key = elementKey(element)
    const existing = set.elements.get(key)
    if (existing === undefined) set.elements.set(key, element)
    else if (exclusive || dataText(existing) !== dataText(element)) throw new FakeRefusal('EEXIST')
  })
}

function deleteElements(table: FakeTable, attributes: Attributes): void {
  const set = setNamed(table, attributes)
  if (!attributes.has(nft.NFTA_SET_ELEM_LIST_ELEMENTS)) set.elements.clear()
  readElements(listOf(attributes), (element) => {
    if (!set.elements.delete(elementKey(element))) throw new FakeRefusal('ENOENT')
  })
}

function setNamed(table: FakeTable, attributes: Attributes): FakeSet {
  const set = table.sets.get(text(attributes, nft.NFTA_SET_ELEM_LIST_SET))
  if (set === undefined) throw new FakeRefusal('ENOENT')
  return set
}

function listOf(attributes: Attributes): Buffer {
  return attributes.get(nft.NFTA_SET_ELEM_LIST_ELEMENTS) ?? Buffer.alloc(0)
}

function elementKey({ key, keyEnd, flags }: ListedElement): string {
  return `${key.toString('latin1')} ${keyEnd?.toString('latin1') ?? ''} ${flags & 1}`
}

function dataText({ data }: ListedElement): string {
  return Buffer.isBuffer(data) ? data.toString('hex') : JSON.stringify(data ?? null)
}

function checkReferences(table: FakeTable, expression: Expression): void {
  const set = setOf(expression)
  if (set !== undefined && !table.sets.has(set)) throw new FakeRefusal('ENOENT')
  if (expression.kind === 'verdict') checkTarget(table, expression.verdict)
}

function checkTarget(table: FakeTable, data: ListedElement['data']): void {
  if (data !== undefined && 'chain' in data && !table.chains.has(data.chain)) throw new FakeRefusal('ENOENT')
}

function isTarget(table: FakeTable, name: string): boolean {
  const leadsThere = (data: ListedElement['data']) => data !== undefined && 'chain' in data && data.chain === name
  const inElements = [...table.sets.values()].some(
    ({ set, elements }) =>
      set.dataType === nft.NFT_DATA_VERDICT && [...elements.values()].some(({ data }) => leadsThere(data)),
  )
  if (inElements) return true
  return [...table.chains.values()].some(({ rules }) =>
    rules.some(({ expressions }) => expressions.some((e) => e.kind === 'verdict' && leadsThere(e.verdict))),
  )
}

function setOf(expression: Expression): string | undefined {
  return expression.kind === 'lookup' || expression.kind === 'dynset' ? expression.set : undefined
}
