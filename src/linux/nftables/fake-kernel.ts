/**
 * nf_tables in memory: takes the same batches as the kernel, keeps the same rules (all or nothing, `EEXIST` for a key with
 * another value, `ENOENT` for what is missing, `EBUSY` for what is in use) and gives the same dumps. For tests without
 * root, and for thousands of sequences.
 */
import { readMessages } from '../netlink/message.ts'
import { NetlinkError } from '../netlink/socket.ts'
import { NftBatch } from './batch.ts'
import * as nft from './constants.ts'
import { FakeRefusal, type FakeTable, FakeTables } from './fake-tables.ts'
import { familyOf, type NftFamily } from './family.ts'
import type { NftKernel } from './kernel.ts'
import type { Chain, Listed, ListedElement, ListedSet, NamedRef, Rule, Table, TableRef } from './program.ts'
import { refusalOf } from './refusal.ts'

const NFGENMSG_LENGTH = 4

export class FakeNftKernel implements NftKernel {
  #tables = new FakeTables()
  #generation = 1
  readonly #without: readonly NftFamily[]
  /** Asked before each batch; a reason makes the kernel refuse it, for nothing that is in it. */
  refuse: (() => string | undefined) | undefined

  /** @param without Families that this kernel was built without. */
  constructor(without: readonly NftFamily[] = []) {
    this.#without = without
  }

  commit(batch: NftBatch): void {
    const { bytes, last } = batch.seal()
    if (last === 0) return
    const errno = this.refuse?.()
    if (errno !== undefined) throw new NetlinkError('apply the batch', { errno, kernelText: '', sequence: 0 })
    const next = this.#tables.clone()
    for (const message of readMessages(bytes)) {
      if (message.type >> 8 !== nft.NFNL_SUBSYS_NFTABLES) continue
      const family = familyOf(message.payload.readUInt8(0))
      try {
        if (family === undefined) throw new FakeRefusal('EAFNOSUPPORT')
        if (this.#without.includes(family)) throw new FakeRefusal('EOPNOTSUPP')
        next.apply(message.type & 0xff, message.flags, family, message.payload.subarray(NFGENMSG_LENGTH))
      } catch (error) {
        if (!(error instanceof FakeRefusal)) throw error
        throw refusalOf(batch, message, { errno: error.errno, kernelText: '', sequence: message.sequence })
      }
    }
    this.#tables = next
    this.#generation += 1
  }

  async commitLater(batch: NftBatch): Promise<void> {
    this.commit(batch)
  }

  /** Deletes an element as somebody else would. */
  delete(set: NamedRef, { key, keyEnd, flags }: ListedElement): void {
    const batch = new NftBatch()
    batch.deleteElement(set, {
      key,
      ...(keyEnd === undefined ? {} : { keyEnd }),
      ...(flags === 0 ? {} : { flags }),
    })
    this.commit(batch)
  }

  generation(): number {
    return this.#generation
  }

  table(ref: TableRef): Listed<Table> | undefined {
    return this.#tables.get(ref)?.table
  }

  chains(ref: TableRef): Listed<Chain>[] {
    return [...(this.#tables.get(ref)?.chains.values() ?? [])].map(({ chain }) => chain)
  }

  rules(ref: TableRef, chain?: string): Listed<Rule>[] {
    const table: FakeTable | undefined = this.#tables.get(ref)
    const chains = [...(table?.chains.values() ?? [])]
    return chains.filter((one) => chain === undefined || one.chain.name === chain).flatMap(({ rules }) => rules)
  }

  sets(ref: TableRef): ListedSet[] {
    return [...(this.#tables.get(ref)?.sets.values() ?? [])].map(({ set }) => set)
  }

  elements(ref: NamedRef): ListedElement[] {
    const set = this.#tables.get(ref)?.sets.get(ref.name)
    if (set === undefined) {
      const action = `list elements of ${ref.family} ${ref.table} ${ref.name}`
      throw new NetlinkError(action, { errno: 'ENOENT', kernelText: '', sequence: 0 })
    }
    return [...set.elements.values()]
  }
}
