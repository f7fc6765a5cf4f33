import { NftBatch } from '../linux/nftables/batch.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import {
  elementsOf,
  type FoundTable,
  findTable,
  mustRebuild,
  NOTHING_FOUND,
  writeLayout,
  writeRules,
} from '../linux/nftables/owned-table.ts'
import type { ListedElement } from '../linux/nftables/program.ts'
import type { ElementMap } from './element-map.ts'
import { type FamilyTable, SERVICE_MAPS } from './family-table.ts'
import { readHints } from './hints.ts'
import { fixedPart } from './layout.ts'
import type { Family } from './service-plan.ts'

/** An element with its comment, or a counter chain's share: room to begin with. */
const BYTES_PER_CHANGE = 128

/** What a comparison with the kernel led to. */
export interface Repair {
  /** Changes sent: 0 when the kernel had everything. */
  readonly changes: number
  /** Families whose table was missing or of another shape, and was made anew. */
  readonly rebuilt: readonly string[]
}

/** A table that is in the kernel, and what it says. */
interface Reading {
  readonly table: FamilyTable
  readonly found: FoundTable
  readonly rebuild: boolean
  readonly elements: ReadonlyMap<ElementMap, readonly ListedElement[]>
}

/**
 * Brings the tables of both families into the kernel: each {@link commit} is one transaction with what changed.
 */
export class TableDriver {
  readonly #kernel: NftKernel
  readonly #tables: readonly FamilyTable[]
  #readings: readonly Reading[] | undefined

  constructor(kernel: NftKernel, tables: readonly FamilyTable[]) {
    this.#kernel = kernel
    this.#tables = tables
  }

  get families(): readonly Family[] {
    return this.#tables.map(({ family }) => family)
  }

  /** Whether the kernel has nothing of ours yet; then {@link create} comes before the first commit. */
  isEmpty(): boolean {
    return this.#tables.every(({ layout }) => !findTable(this.#kernel, fixedPart(layout).table).exists)
  }

  /** Creates the tables without elements, and without hooks: no packet sees them before {@link hook}. */
  create(): void {
    const batch = new NftBatch()
    for (const { layout } of this.#tables) {
      const fixed = fixedPart(layout)
      const chains = fixed.chains.filter(({ base }) => base === undefined)
      writeLayout(batch, { ...fixed, chains }, NOTHING_FOUND)
    }
    this.#kernel.commit(batch)
  }

  /** What makes packets go through the tables that {@link create} made. */
  hook(): NftBatch {
    const batch = new NftBatch()
    for (const { layout } of this.#tables) {
      for (const chain of layout.chains) {
        if (chain.base === undefined) continue
        batch.addChain(chain)
        for (const rule of layout.rules) if (rule.chain === chain.name) batch.addRule(rule)
      }
    }
    return batch
  }

  /**
   * Makes the tables keep to the numbers, counters and slots that the kernel has. Call before the first Service; the
   * next {@link repair} compares with what was read here.
   */
  adopt(): void {
    this.#readings = this.#read()
    for (const { table, found, rebuild, elements } of this.#readings) {
      if (rebuild) continue
      const { maps, pool } = table
      for (const { key, data } of elements.get(maps.chains) ?? []) {
        if (data === undefined || data instanceof Uint8Array || !('chain' in data)) continue
        if (found.chains.has(data.chain)) pool.adopt(key.toString('latin1'), data.chain)
      }
      const services = new Map(SERVICE_MAPS.map((name) => [name, elements.get(maps[name]) ?? []]))
      const endpoints = table.endpoints.flatMap((map) => elements.get(map) ?? [])
      const sticky = {
        slots: elements.get(maps.stickySlots) ?? [],
        endpoints: elements.get(maps.stickyEndpoints) ?? [],
      }
      table.keepTo(readHints(services, endpoints, sticky))
    }
  }

  /** The kernel has changed since {@link adopt}. */
  forgetReadings(): void {
    this.#readings = undefined
  }

  /** The numbers of Services that are not there are free again. */
  forgetHints(): void {
    for (const table of this.#tables) table.forgetHints()
  }

  /** Sends what changed since the last time, as one transaction; nothing when nothing did. */
  commit(): number {
    return this.#send(this.#changes())
  }

  /** What changed since the last time, as one transaction that counts as sent. */
  take(): NftBatch {
    const batch = this.#changes()
    for (const table of this.#tables) table.committed()
    return batch
  }

  /** Reads what the kernel has and sends the difference to what is wanted, as one transaction. */
  repair(): Repair {
    const batch = new NftBatch()
    const rebuilt: string[] = []
    const readings = this.#readings ?? this.#read()
    this.#readings = undefined
    for (const { table, found, rebuild, elements } of readings) {
      const { layout, pool } = table
      if (rebuild && found.exists) batch.destroyTable(layout.ref)
      if (rebuild) rebuilt.push(layout.ref.family)
      const present = rebuild ? NOTHING_FOUND : found
      writeLayout(batch, fixedPart(layout), present)
      for (const map of table.allMaps) map.compare(rebuild ? [] : (elements.get(map) ?? []))
      const fixed = new Set(layout.chains.map(({ name }) => name))
      pool.compare(new Set(present.chains.keys()), fixed)
      for (const [name, rules] of pool.chains()) {
        if (present.chains.has(name)) writeRules(batch, { ...layout.ref, name }, rules, present)
      }
      table.write(batch)
    }
    return { changes: this.#send(batch), rebuilt }
  }

  #changes(): NftBatch {
    const changes = this.#tables.reduce((sum, table) => sum + table.changes, 0)
    const batch = new NftBatch({ capacity: 4096 + changes * BYTES_PER_CHANGE })
    for (const table of this.#tables) table.write(batch)
    return batch
  }

  #send(batch: NftBatch): number {
    if (batch.size > 0) this.#kernel.commit(batch)
    for (const table of this.#tables) table.committed()
    return batch.size
  }

  #read(): Reading[] {
    return this.#tables.map((table) => {
      const found = findTable(this.#kernel, fixedPart(table.layout).table)
      const rebuild = !found.exists || mustRebuild(found, fixedPart(table.layout))
      const elements = new Map<ElementMap, ListedElement[]>()
      for (const map of table.allMaps) {
        if (!rebuild) elements.set(map, elementsOf(this.#kernel, found, map.set))
      }
      return { table, found, rebuild, elements }
    })
  }
}
