/**
 * For tests: what the kernel's tables mean, read back without the compiler's help, and what they should mean by the model.
 * Both are texts, so that a difference can be read: `ip 10.96.0.1:80/6 cluster -> 10.244.1.2:8080 …`.
 */
import { formatAddress } from '../base/ip.ts'
import type { Expression } from '../linux/nftables/expression.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import type { ListedElement } from '../linux/nftables/program.ts'
import { claimOf, precedes } from './claims.ts'
import { PROTOCOL_NUMBERS } from './encoding.ts'
import { targetsOf } from './frontend-elements.ts'
import { layoutOf } from './layout.ts'
import type { NodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import type { ServiceObjects } from './program.ts'
import { type Backends, FAMILIES, type Family, type PortPlan } from './service-plan.ts'

const MAPS = ['clusterServices', 'externalServices', 'localServices', 'shortCircuits'] as const

/** What the tables do. Throws when an element leads nowhere. */
export function kernelMeaning(kernel: NftKernel, table = 'fairlead', families: readonly Family[] = FAMILIES): string[] {
  return families.flatMap((family) => familyMeaning(kernel, family, table)).sort()
}

function familyMeaning(kernel: NftKernel, family: Family, table: string): string[] {
  const { ref, sets } = layoutOf(family, table)
  const chains = new Map<number, string>()
  for (const { key, data } of kernel.elements(sets.chains)) {
    if (data !== undefined && 'chain' in data) chains.set(key.readUInt32LE(0) >>> 20, data.chain)
  }
  const rules = new Map<string, (readonly Expression[])[]>()
  for (const { chain, expressions } of kernel.rules(ref)) rules.set(chain, [...(rules.get(chain) ?? []), expressions])
  const endpoints = new Map<string, string>()
  for (const set of kernel.sets(ref).filter(({ name }) => name.startsWith('endpoints-'))) {
    for (const { key, data } of kernel.elements(set)) {
      if (!Buffer.isBuffer(data)) continue
      const slot = `${set.name} ${key.readUInt32LE(0)} ${key.readUInt32LE(4)}`
      endpoints.set(slot, hostPort(data.subarray(0, -4), data.readUInt16BE(data.length - 4)))
    }
  }
  const bound = new Map<number, string>()
  for (const { key, data } of kernel.elements(sets.stickyEndpoints)) {
    if (Buffer.isBuffer(data))
      bound.set(key.readUInt32LE(0), hostPort(data.subarray(0, -4), data.readUInt16BE(data.length - 4)))
  }
  for (const element of kernel.elements(sets.stickySlots)) {
    const slot = `sticky-slots ${element.key.readUInt32LE(0)} ${element.key.readUInt32LE(4)}`
    endpoints.set(slot, bound.get(wordOf(element)) ?? `nobody bound by ${wordOf(element)}`)
  }
  const behind = (value: number): string => {
    const chain = chains.get(value >>> 20) ?? `no chain of class ${value >>> 20}`
    const way = /^(rr|random|maglev)-\d+-\d+(-sticky-\d+)?$/.exec(chain)
    if (way === null) return chain
    const expressions = (rules.get(chain) ?? []).flat()
    const choice = expressions.find(({ kind }) => kind === 'numgen' || kind === 'jhash')
    const size = choice?.kind === 'numgen' || choice?.kind === 'jhash' ? choice.modulus : 0
    const set = expressions.flatMap((one) =>
      one.kind === 'lookup' && /slots|endpoints-./.test(one.set) && one.set !== 'sticky-endpoints' ? [one.set] : [],
    )[0]
    const slots = Array.from({ length: size }, (_, slot) => `${set} ${value & 0xfffff} ${slot}`)
    const counts = new Map<string, number>()
    for (const slot of slots) {
      const endpoint = endpoints.get(slot) ?? `nobody in ${slot}`
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1)
    }
    return backendsLine(size === 1 ? 'rr' : (way[1] ?? ''), way[2] ?? '', counts)
  }
  const frontends = MAPS.flatMap((map) =>
    kernel
      .elements(sets[map])
      .map((element) => `${family} ${frontendText(element)} ${map} -> ${behind(wordOf(element))}`),
  )
  const { clusterIps, hairpins, localPods, keepSource, podInterfaces, keepInterfaces } = sets
  const { serviceCidrs, firewalled, sourceRanges } = sets
  const sources = [localPods, keepSource, podInterfaces, keepInterfaces, sourceRanges]
  const plainSets = [clusterIps, hairpins, serviceCidrs, firewalled, ...sources]
  const plain = plainSets.flatMap((set) =>
    kernel
      .elements(set)
      .map(
        ({ key, keyEnd, flags }) =>
          `${family} ${set.name} ${key.toString('hex')} ${keyEnd?.toString('hex') ?? ''} ${flags & 1}`,
      ),
  )
  return [...frontends, ...plain]
}

function frontendText({ key, comment }: ListedElement): string {
  const end = key.length - 8
  return `${hostPort(key.subarray(0, end), key.readUInt16BE(end + 4))}/${key[end]} (${comment})`
}

function wordOf({ data }: ListedElement): number {
  return Buffer.isBuffer(data) ? data.readUInt32LE(0) : 0
}

function hostPort(address: Buffer, port: number): string {
  return `${formatAddress(address)}:${port}`
}

/** What the tables should do for these Services: the frontends' part of {@link kernelMeaning}. */
export function modelMeaning(objects: readonly ServiceObjects[], node: NodeView): string[] {
  const claims = new Map<string, { plan: PortPlan; lines: string[] }>()
  for (const { service, slices } of objects) {
    const plan = service === undefined ? undefined : planService(service, slices, node)
    for (const port of plan?.kind === 'programmed' ? plan.ports : []) {
      for (const frontend of port.frontends) {
        const name = port.name === '' ? '' : `:${port.name}`
        const at = `${port.family} ${frontend.address}:${frontend.port}/${PROTOCOL_NUMBERS[port.protocol]}`
        const comment = `${port.namespace}/${port.service}${name} ${frontend.source}`
        const lines = targetsOf(frontend).map(([map, scope]) => {
          const backends = scope === 'local' ? (port.local ?? port.cluster) : port.cluster
          return `${at} (${comment}) ${map} -> ${backendsText(port, backends)}`
        })
        const other = claims.get(at)
        if (other === undefined || !precedes(claimOf(other.plan), claimOf(port))) claims.set(at, { plan: port, lines })
      }
    }
  }
  return [...claims.values()].flatMap(({ lines }) => lines).sort()
}

function backendsText({ balancing = 'round-robin', affinitySeconds }: PortPlan, backends: Backends): string {
  if (backends.kind === 'reject') return 'no-endpoints'
  if (backends.kind === 'drop') return 'no-local-endpoints'
  const one = backends.endpoints.length === 1
  const counts = backends.endpoints.map(
    ({ address, port, weight = 1 }) => [`${address}:${port}`, one ? 1 : weight] as const,
  )
  const way = one || balancing === 'round-robin' ? 'rr' : balancing
  return backendsLine(way, affinitySeconds === undefined ? '' : `-sticky-${affinitySeconds}`, new Map(counts))
}

/** Endpoints with their shares, those of Maglev left out: they are nearly right only. */
function backendsLine(way: string, sticky: string, counts: ReadonlyMap<string, number>): string {
  const divisor = [...counts.values()].reduce(common, 0)
  const share = (count: number) => (way === 'maglev' || count === divisor ? '' : `*${count / divisor}`)
  const endpoints = [...counts].map(([endpoint, count]) => `${endpoint}${share(count)}`).sort()
  return [...(way === 'rr' ? [] : [way]), ...(sticky === '' ? [] : [sticky.slice(1)]), ...endpoints].join(' ')
}

function common(a: number, b: number): number {
  return b === 0 ? a : common(b, a % b)
}

/** Only the lines about frontends. */
export function frontendLines(meaning: readonly string[]): string[] {
  return meaning.filter((line) => line.includes(' -> '))
}
