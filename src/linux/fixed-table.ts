import { isDeepStrictEqual } from 'node:util'
import { NftBatch } from './nftables/batch.ts'
import type { Chain, Element, NftSet, Rule, Table } from './nftables/program.ts'
import type { NftSocket } from './nftables/socket.ts'

/** A table whose chains and rules never change; what varies are elements of its sets. */
export interface FixedTable {
  readonly table: Table
  readonly sets: readonly NftSet[]
  readonly chains: readonly Chain[]
  /** In the order of their chains. */
  readonly rules: readonly Omit<Rule, 'family' | 'table'>[]
  /** What sets hold from the start, by name. */
  readonly elements?: Readonly<Record<string, readonly Element[]>>
}

/**
 * Installs a table. One that is there with the same sets, chains and rules, and at least these elements, is not touched;
 * any other of its name is replaced in one transaction.
 *
 * @returns Whether something was changed.
 */
export function ensureFixedTable(socket: NftSocket, fixed: FixedTable): boolean {
  if (isInstalled(socket, fixed)) return false
  const { table, sets, chains, rules, elements = {} } = fixed
  const batch = new NftBatch()
  // Deleting waits until no packet is in the old rules; not needed where there are none.
  if (socket.table(table) !== undefined) batch.deleteTable(table)
  batch.addTable(table)
  // Elements may lead to chains, and rules look into sets.
  for (const chain of chains) batch.addChain(chain)
  for (const set of sets) {
    batch.addSet(set)
    for (const element of elements[set.name] ?? []) batch.addElement(set, element)
  }
  for (const rule of rules) batch.addRule({ ...rule, family: table.family, table: table.table })
  socket.commit(batch)
  return true
}

function isInstalled(socket: NftSocket, { table, sets, chains, rules, elements = {} }: FixedTable): boolean {
  if (socket.table(table) === undefined) return false
  const present = socket.rules(table).map(({ chain, comment, expressions }) => ({ chain, comment, expressions }))
  const wanted = rules.map(({ chain, comment, expressions }) => ({ chain, comment, expressions }))
  return (
    isDeepStrictEqual(present, wanted) &&
    sameNames(socket.chains(table), chains) &&
    sameNames(socket.sets(table), sets) &&
    sets.every((set) => hasElements(socket, set, elements[set.name] ?? []))
  )
}

function sameNames(a: readonly { readonly name: string }[], b: readonly { readonly name: string }[]): boolean {
  return isDeepStrictEqual(new Set(a.map(({ name }) => name)), new Set(b.map(({ name }) => name)))
}

function hasElements(socket: NftSocket, set: NftSet, elements: readonly Element[]): boolean {
  if (elements.length === 0) return true
  const text = (element: { key: Uint8Array; flags?: number }) =>
    `${Buffer.from(element.key).toString('hex')} ${element.flags ?? 0}`
  const present = new Set(socket.elements(set).map(text))
  return elements.every((element) => present.has(text(element)))
}
