import type { NftBatch } from './batch.ts'
import type { Chain, Listed, ListedElement, ListedSet, NamedRef, Rule, Table, TableRef } from './program.ts'

/** nf_tables of one network namespace: the kernel's (`NftSocket`), or one in memory that behaves like it. */
export interface NftKernel {
  /** Applies a batch, all of it or nothing; throws NetlinkError. */
  commit(batch: NftBatch): void
  /** As `commit`, while the caller goes on: it must leave the batch alone, and this connection too, until it is done. */
  commitLater(batch: NftBatch): Promise<void>
  /** Grows with every applied batch, whoever sent it. */
  generation(): number
  table(ref: TableRef): Listed<Table> | undefined
  chains(table: TableRef): Listed<Chain>[]
  rules(table: TableRef, chain?: string): Listed<Rule>[]
  sets(table: TableRef): ListedSet[]
  elements(set: NamedRef): ListedElement[]
}
