/** A table that is one's own: compares its fixed part with the kernel's, and writes the difference. */
import { FairleadError } from '../../base/error.ts'
import type { NftBatch } from './batch.ts'
import { NFT_DATA_VERDICT } from './constants.ts'
import { lengthOf, typeIdOf } from './data-type.ts'
import type { NftKernel } from './kernel.ts'
import type { Chain, ChainHook, ListedElement, ListedSet, NftSet, Rule, Table } from './program.ts'
import { setFlags } from './set.ts'

/** What of a table is always the same, whatever elements there are. */
export interface FixedPart {
  /** Its comment tells it from another one of its name. */
  readonly table: Table & { readonly comment: string }
  readonly sets: readonly NftSet[]
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
}

/** What the kernel has of a table. */
export interface FoundTable {
  readonly exists: boolean
  readonly sets: ReadonlyMap<string, ListedSet>
  readonly chains: ReadonlyMap<string, Chain>
  readonly rules: ReadonlyMap<string, readonly Rule[]>
}

export const NOTHING_FOUND: FoundTable = { exists: false, sets: new Map(), chains: new Map(), rules: new Map() }

/**
 * Reads sets, chains and rules of our table.
 *
 * @throws FairleadError `KERNEL_REFUSED` when somebody else's table has our name.
 */
export function findTable(kernel: NftKernel, wanted: FixedPart['table']): FoundTable {
  const table = kernel.table(wanted)
  if (table === undefined) return NOTHING_FOUND
  if (table.comment !== wanted.comment) {
    const name = `${wanted.family} ${wanted.table}`
    throw new FairleadError(
      'KERNEL_REFUSED',
      `Cannot keep "${wanted.comment}" in table ${name}: it belongs to somebody else (comment "${table.comment ?? ''}")`,
      { hint: `Delete it if nobody needs it: nft delete table ${name}` },
    )
  }
  const rules = new Map<string, Rule[]>()
  for (const rule of kernel.rules(wanted)) {
    const others = rules.get(rule.chain)
    if (others === undefined) rules.set(rule.chain, [rule])
    else others.push(rule)
  }
  return {
    exists: true,
    sets: new Map(kernel.sets(wanted).map((set) => [set.name, set])),
    chains: new Map(kernel.chains(wanted).map((chain) => [chain.name, chain])),
    rules,
  }
}

/** Whether the table has sets or hooks of another shape, which cannot be changed in place. */
export function mustRebuild(found: FoundTable, layout: FixedPart): boolean {
  const setDiffers = layout.sets.some((set) => {
    const existing = found.sets.get(set.name)
    return existing !== undefined && !sameShape(existing, set)
  })
  const chainDiffers = layout.chains.some((chain) => {
    const existing = found.chains.get(chain.name)
    return existing !== undefined && !sameHook(existing.base, chain.base)
  })
  return setDiffers || chainDiffers
}

/** Writes what is missing of the fixed part. Elements stay; rules are replaced where they differ. */
export function writeLayout(batch: NftBatch, layout: FixedPart, found: FoundTable): void {
  if (!found.exists) batch.addTable(layout.table)
  for (const set of layout.sets) if (!found.sets.has(set.name)) batch.addSet(set)
  for (const chain of layout.chains) if (!found.chains.has(chain.name)) batch.addChain(chain)
  for (const { name } of layout.chains) {
    const wanted = layout.rules.filter(({ chain }) => chain === name)
    writeRules(batch, { family: layout.table.family, table: layout.table.table, name }, wanted, found)
  }
  const known = new Set(layout.sets.map(({ name }) => name))
  for (const { name } of found.sets.values())
    if (!known.has(name)) batch.deleteSet({ family: layout.table.family, table: layout.table.table, name })
}

/** Makes these the rules of a chain, if they are not. */
export function writeRules(batch: NftBatch, chain: Chain, wanted: readonly Rule[], found: FoundTable): void {
  const existing = found.rules.get(chain.name) ?? []
  if (existing.length === wanted.length && wanted.every((rule, index) => sameRule(rule, existing[index]))) return
  if (existing.length > 0) batch.flushChain(chain)
  for (const rule of wanted) batch.addRule(rule)
}

function sameRule(a: Rule, b: Rule | undefined): boolean {
  if (b === undefined || a.comment !== b.comment || a.expressions.length !== b.expressions.length) return false
  return a.expressions.every((expression, index) => sameValue(expression, b.expressions[index]))
}

/** Compares plain data; bytes by what they are, a field left out like an undefined one. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  for (const name in left) if (!sameValue(left[name], right[name])) return false
  for (const name in right) if (right[name] !== undefined && !(name in left)) return false
  return true
}

function sameShape(existing: ListedSet, wanted: NftSet): boolean {
  if (existing.flags !== setFlags(wanted) || existing.keyType !== typeIdOf(wanted.key)) return false
  if (existing.keyLength !== lengthOf(wanted.key)) return false
  if (wanted.data === undefined) return true
  if (wanted.data === 'verdict') return existing.dataType === NFT_DATA_VERDICT
  return existing.dataType === typeIdOf(wanted.data) && existing.dataLength === lengthOf(wanted.data)
}

function sameHook(existing: ChainHook | undefined, wanted: ChainHook | undefined): boolean {
  if (existing === undefined || wanted === undefined) return existing === wanted
  return existing.type === wanted.type && existing.hook === wanted.hook && existing.priority === wanted.priority
}

/** Elements of a set; none when the set was not found. */
export function elementsOf(kernel: NftKernel, found: FoundTable, set: NftSet): ListedElement[] {
  return found.sets.has(set.name) ? kernel.elements(set) : []
}
