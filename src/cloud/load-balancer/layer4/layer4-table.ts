import { NftBatch } from '../../../linux/nftables/batch.ts'
import type { NftKernel } from '../../../linux/nftables/kernel.ts'
import {
  elementsOf,
  type FoundTable,
  findTable,
  mustRebuild,
  NOTHING_FOUND,
  writeLayout,
  writeRules,
} from '../../../linux/nftables/owned-table.ts'
import type { ListedElement, Rule } from '../../../linux/nftables/program.ts'
import { ElementMap } from '../../../proxy/element-map.ts'
import { textOf, wordAt } from '../../../proxy/encoding.ts'
import {
  compileLayer4,
  type Layer4Elements,
  type Layer4Listener,
  type Layer4Memory,
  NO_MEMORY,
} from './compile-layer4.ts'
import { CHOOSE_CHAIN, type Family, type Layer4Layout, type Layer4Sets, layer4Layout } from './layout.ts'
import { parsePickChain, parseTimeoutChain, pickRules, timeoutChainName } from './pick-chains.ts'

/** Packets and bytes of one frontend. */
export interface FrontendTraffic {
  readonly newConnections: bigint
  readonly inBytes: bigint
  readonly outBytes: bigint
}

/**
 * The layer-4 listeners of one family in the kernel. Each {@link apply} is one transaction with what changed; the first
 * one reads back what is there and keeps to it, so that a new process changes nothing that is right.
 */
export class Layer4Table {
  readonly #kernel: NftKernel
  readonly #family: Family
  readonly #layout: Layer4Layout
  #maps: Readonly<Record<keyof Layer4Sets, ElementMap>>
  #wanted: Layer4Elements | undefined
  #memory: Layer4Memory = NO_MEMORY
  /** What the kernel has besides elements; undefined until it was read, and after a refusal. */
  #found: FoundTable | undefined
  #chains = new Set<string>()

  constructor(kernel: NftKernel, family: Family) {
    this.#kernel = kernel
    this.#family = family
    this.#layout = layer4Layout(family)
    this.#maps = emptyMaps(this.#layout)
  }

  /** Frontends that the kernel has, as `daddr . l4proto . dport`. */
  frontends(): ReadonlySet<string> {
    if (this.#found === undefined) this.#read()
    return new Set(this.#memory.numbers.keys())
  }

  /**
   * Makes these all the listeners of the family.
   *
   * @returns Number of changes.
   * @throws NetlinkError; nothing is changed then, and the next call compares with the kernel again.
   */
  apply(listeners: readonly Layer4Listener[]): number {
    const batch = new NftBatch()
    if (this.#found === undefined) this.#read(batch)
    const { elements, picks, timeouts, memory } = compileLayer4(this.#family, listeners, this.#memory)
    this.#put(elements)
    const rules = new Map<string, readonly Rule[]>([
      ...[...picks].map(([name, pick]) => [name, this.#rules(name, pickRules(this.#family, pick))] as const),
      ...[...timeouts].map((seconds) => [timeoutChainName(seconds), this.#timeoutRules(seconds)] as const),
    ])
    for (const map of Object.values(this.#maps)) map.writeDeletes(batch)
    this.#deleteChains(batch, rules)
    for (const seconds of timeouts) this.#addTimeout(batch, seconds)
    this.#addChains(batch, rules)
    for (const map of Object.values(this.#maps)) map.writeAdds(batch)
    this.#commit(batch)
    this.#memory = memory
    this.#chains = new Set(rules.keys())
    return batch.size
  }

  /** What was counted since the listener is there, by `daddr . l4proto . dport`. */
  traffic(): Map<string, FrontendTraffic> {
    const { sets } = this.#layout
    if (this.#kernel.table(this.#layout.ref) === undefined) return new Map()
    const counted = (name: 'connections' | 'inbound' | 'outbound') => {
      return countersOf([...this.#kernel.elements(sets[name]), ...this.#kernel.elements(sets[`range-${name}`])])
    }
    const [into, out] = [counted('inbound'), counted('outbound')]
    return new Map(
      [...counted('connections')].map(([frontend, { packets }]) => [
        frontend,
        {
          newConnections: packets,
          inBytes: into.get(frontend)?.bytes ?? 0n,
          outBytes: out.get(frontend)?.bytes ?? 0n,
        },
      ]),
    )
  }

  #read(batch?: NftBatch): void {
    const { fixed, sets } = this.#layout
    const existing = findTable(this.#kernel, fixed.table)
    const rebuild = existing.exists && mustRebuild(existing, fixed)
    const found = rebuild ? NOTHING_FOUND : existing
    this.#maps = emptyMaps(this.#layout)
    this.#wanted = undefined
    for (const map of Object.values(this.#maps)) map.compare(elementsOf(this.#kernel, found, map.set))
    this.#memory = memoryOf({
      listeners: [sets.listeners, sets.ranges].flatMap((set) => elementsOf(this.#kernel, found, set)),
      picks: elementsOf(this.#kernel, found, sets.picks),
      slots: elementsOf(this.#kernel, found, sets.slots),
      backends: elementsOf(this.#kernel, found, sets.backends),
    })
    this.#chains = new Set([...found.chains.keys()].filter(isOwnChain))
    if (batch === undefined) return
    if (rebuild) batch.destroyTable(this.#layout.ref)
    writeLayout(batch, fixed, found)
    this.#found = found
  }

  #put(elements: Layer4Elements): void {
    for (const name of Object.keys(elements) as (keyof Layer4Sets)[]) {
      const [map, before, now] = [this.#maps[name], this.#wanted?.[name], elements[name]]
      for (const key of before?.keys() ?? []) if (!now.has(key)) map.delete(key)
      for (const [key, element] of now) {
        const old = before?.get(key)
        if (old === undefined || old.data !== element.data || old.comment !== element.comment) map.put(key, element)
      }
    }
    this.#wanted = elements
  }

  #rules(chain: string, rules: ReturnType<typeof pickRules>): Rule[] {
    return rules.map((expressions) => ({ ...this.#layout.ref, chain, expressions }))
  }

  #timeoutRules(seconds: number): Rule[] {
    const chain = timeoutChainName(seconds)
    return this.#rules(chain, [
      [{ kind: 'objref', type: 'ct-timeout', name: chain }],
      [{ kind: 'verdict', verdict: { kind: 'goto', chain: CHOOSE_CHAIN } }],
    ])
  }

  #addTimeout(batch: NftBatch, seconds: number): void {
    const name = timeoutChainName(seconds)
    if (this.#chains.has(name)) return
    batch.addCtTimeout({ ...this.#layout.ref, name, protocol: 'tcp', established: seconds })
  }

  #deleteChains(batch: NftBatch, wanted: ReadonlyMap<string, unknown>): void {
    for (const name of this.#chains) {
      if (wanted.has(name)) continue
      batch.flushChain({ ...this.#layout.ref, name })
      batch.deleteChain({ ...this.#layout.ref, name })
    }
  }

  #addChains(batch: NftBatch, wanted: ReadonlyMap<string, readonly Rule[]>): void {
    const found = this.#found ?? NOTHING_FOUND
    for (const [name, rules] of wanted) {
      const chain = { ...this.#layout.ref, name }
      if (!this.#chains.has(name)) {
        batch.addChain(chain)
        for (const rule of rules) batch.addRule(rule)
      } else if (found.chains.has(name)) writeRules(batch, chain, rules, found)
    }
  }

  #commit(batch: NftBatch): void {
    try {
      if (batch.size > 0) this.#kernel.commit(batch)
    } catch (error) {
      this.#found = undefined
      throw error
    }
    for (const map of Object.values(this.#maps)) map.committed()
    // From now on only this process writes: what it found is of no more use.
    this.#found = { ...NOTHING_FOUND, exists: true }
  }
}

function emptyMaps({ sets }: Layer4Layout): Record<keyof Layer4Sets, ElementMap> {
  const map = (name: keyof Layer4Sets) => new ElementMap(sets[name])
  // In this order elements are added: what leads to others comes last.
  return {
    backends: map('backends'),
    slots: map('slots'),
    timeouts: map('timeouts'),
    picks: map('picks'),
    allowed: map('allowed'),
    guarded: map('guarded'),
    denied: map('denied'),
    listeners: map('listeners'),
    connections: map('connections'),
    inbound: map('inbound'),
    outbound: map('outbound'),
    ranges: map('ranges'),
    'range-connections': map('range-connections'),
    'range-inbound': map('range-inbound'),
    'range-outbound': map('range-outbound'),
  }
}

function isOwnChain(name: string): boolean {
  return parsePickChain(name) !== undefined || parseTimeoutChain(name) !== undefined
}

/** Numbers, slots and chains as the kernel has them. */
function memoryOf(
  listed: Readonly<Record<'listeners' | 'picks' | 'slots' | 'backends', readonly ListedElement[]>>,
): Layer4Memory {
  const bytes = ({ data }: ListedElement) => (Buffer.isBuffer(data) ? textOf(data) : '')
  const destinations = new Map(listed.backends.map((element) => [textOf(element.key), bytes(element)]))
  const ordinals = new Map<number, Map<string, number>>()
  for (const [binding, destination] of destinations) {
    const number = wordAt(binding, 0) & 0xfffff
    const own = ordinals.get(number) ?? new Map<string, number>()
    own.set(destination, wordAt(binding, 0) >>> 20)
    ordinals.set(number, own)
  }
  const slots = new Map<number, string[]>()
  for (const element of listed.slots) {
    const key = textOf(element.key)
    const own = slots.get(wordAt(key, 0)) ?? []
    own[wordAt(key, 4)] = destinations.get(bytes(element)) ?? ''
    slots.set(wordAt(key, 0), own)
  }
  const picks = listed.picks.flatMap(({ key, data }) => {
    const chain = data !== undefined && 'chain' in data ? parsePickChain(data.chain) : undefined
    return chain === undefined ? [] : [[wordAt(textOf(key), 0), chain] as const]
  })
  return {
    numbers: new Map(listed.listeners.map((element) => [textOf(element.key), wordAt(bytes(element), 0)])),
    ordinals,
    slots: new Map([...slots].map(([number, own]) => [number, Array.from(own, (occupant) => occupant ?? '')])),
    picks: new Map(picks),
  }
}

function countersOf(elements: readonly ListedElement[]): Map<string, { packets: bigint; bytes: bigint }> {
  return new Map(elements.flatMap(({ key, counter }) => (counter === undefined ? [] : [[textOf(key), counter]])))
}
