/**
 * For tests: what the kernel's tables mean, read back without the compiler's help, and what they should mean by the model.
 * Both are texts, so that a difference can be read: `ip 10.96.0.1:80/6 cluster -> 10.244.1.2:8080 …`.
 */
import { formatAddress } from '../base/ip.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import type { ListedElement } from '../linux/nftables/program.ts'
import { claimOrder } from './claims.ts'
import { PROTOCOL_NUMBERS } from './encoding.ts'
import { mapOf } from './frontend-elements.ts'
import { layoutOf } from './layout.ts'
import type { NodeView } from './node-view.ts'
import { planService } from './plan-service.ts'
import type { ServiceObjects } from './program.ts'
import { type Backends, FAMILIES, type Family, type PortPlan } from './service-plan.ts'

const MAPS = ['clusterServices', 'externalServices', 'localServices', 'shortCircuits'] as const

/** What the tables do. Throws when an element leads nowhere. */
export function kernelMeaning(kernel: NftKernel, table = 'fairlead'): string[] {
  return FAMILIES.flatMap((family) => familyMeaning(kernel, family, table)).sort()
}

function familyMeaning(kernel: NftKernel, family: Family, table: string): string[] {
  const { ref, sets } = layoutOf(family, table)
  const chains = new Map<number, string>()
  for (const { key, data } of kernel.elements(sets.chains)) {
    if (data !== undefined && 'chain' in data) chains.set(key.readUInt32LE(0) >>> 20, data.chain)
  }
  const rules = new Map(kernel.rules(ref).map((rule) => [rule.chain, rule.expressions]))
  const endpoints = new Map<string, string>()
  for (const set of kernel.sets(ref).filter(({ name }) => name.startsWith('endpoints-'))) {
    for (const { key, data } of kernel.elements(set)) {
      if (!Buffer.isBuffer(data)) continue
      const slot = `${set.name} ${key.readUInt32LE(0)} ${key.readUInt32LE(4)}`
      endpoints.set(slot, hostPort(data.subarray(0, -4), data.readUInt16BE(data.length - 4)))
    }
  }
  const behind = (value: number): string => {
    const chain = chains.get(value >>> 20) ?? `no chain of class ${value >>> 20}`
    if (!chain.startsWith('rr-')) return chain
    const expressions = rules.get(chain) ?? []
    const numgen = expressions.find((expression) => expression.kind === 'numgen')
    const lookup = expressions.find((expression) => expression.kind === 'lookup')
    if (numgen?.kind !== 'numgen' || lookup?.kind !== 'lookup') return `no counter in ${chain}`
    const slots = Array.from({ length: numgen.modulus }, (_, slot) => `${lookup.set} ${value & 0xfffff} ${slot}`)
    return slots
      .map((slot) => endpoints.get(slot) ?? `nobody in ${slot}`)
      .sort()
      .join(' ')
  }
  const frontends = MAPS.flatMap((map) =>
    kernel
      .elements(sets[map])
      .map((element) => `${family} ${frontendText(element)} ${map} -> ${behind(wordOf(element))}`),
  )
  const plain = [sets.clusterIps, sets.hairpins, sets.localPods, sets.keepSource].flatMap((set) =>
    kernel.elements(set).map(({ key, flags }) => `${family} ${set.name} ${key.toString('hex')} ${flags & 1}`),
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
        const lines = (['cluster', 'local'] as const).flatMap((scope) => {
          const map = mapOf(frontend, scope)
          const backends = scope === 'local' ? (port.local ?? port.cluster) : port.cluster
          return map === undefined ? [] : [`${at} (${comment}) ${map} -> ${backendsText(backends)}`]
        })
        const other = claims.get(at)
        if (other === undefined || claimOrder(port) <= claimOrder(other.plan)) claims.set(at, { plan: port, lines })
      }
    }
  }
  return [...claims.values()].flatMap(({ lines }) => lines).sort()
}

function backendsText(backends: Backends): string {
  if (backends.kind === 'reject') return 'no-endpoints'
  if (backends.kind === 'drop') return 'no-local-endpoints'
  return backends.endpoints
    .map(({ address, port }) => `${address}:${port}`)
    .sort()
    .join(' ')
}

/** Only the lines about frontends. */
export function frontendLines(meaning: readonly string[]): string[] {
  return meaning.filter((line) => line.includes(' -> '))
}
