/** Compares the fixed part of a table with the kernel's, and writes the difference. */
import { FairleadError } from '../base/error.ts'
import type { NftBatch } from '../linux/nftables/batch.ts'
import { NFT_DATA_VERDICT } from '../linux/nftables/constants.ts'
import { lengthOf, typeIdOf } from '../linux/nftables/data-type.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import type { Chain, ChainHook, ListedElement, ListedSet, NftSet, Rule } from '../linux/nftables/program.ts'
import { setFlags } from '../linux/nftables/set.ts'
import { allSets, type Layout, OWNER_COMMENT } from './layout.ts'

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
export function findTable(kernel: NftKernel, { ref }: Layout): FoundTable {
  const table = kernel.table(ref)
  if (table === undefined) return NOTHING_FOUND
  if (table.comment !== OWNER_COMMENT) {
    throw new FairleadError(
      'KERNEL_REFUSED',
      `Cannot keep Services in table ${ref.family} ${ref.table}: it belongs to somebody else (comment "${table.comment ?? ''}")`,
      { hint: `Delete it if nobody needs it: nft delete table ${ref.family} ${ref.table}` },
    )
  }
  const rules = new Map<string, Rule[]>()
  for (const rule of kernel.rules(ref)) {
    const others = rules.get(rule.chain)
    if (others === undefined) rules.set(rule.chain, [rule])
    else others.push(rule)
  }
  return {
    exists: true,
    sets: new Map(kernel.sets(ref).map((set) => [set.name, set])),
    chains: new Map(kernel.chains(ref).map((chain) => [chain.name, chain])),
    rules,
  }
}

/** Whether the table has sets or hooks of another shape, which cannot be changed in place. */
export function mustRebuild(found: FoundTable, layout: Layout): boolean {
  const setDiffers = allSets(layout).some((set) => {
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
export function writeLayout(batch: NftBatch, layout: Layout, found: FoundTable): void {
  if (!found.exists) batch.addTable({ ...layout.ref, comment: OWNER_COMMENT })
  for (const set of allSets(layout)) if (!found.sets.has(set.name)) batch.addSet(set)
  for (const chain of layout.chains) if (!found.chains.has(chain.name)) batch.addChain(chain)
  for (const { name } of layout.chains) {
    const wanted = layout.rules.filter(({ chain }) => chain === name)
    writeRules(batch, { ...layout.ref, name }, wanted, found)
  }
  const known = new Set(allSets(layout).map(({ name }) => name))
  for (const { name } of found.sets.values()) if (!known.has(name)) batch.deleteSet({ ...layout.ref, name })
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
