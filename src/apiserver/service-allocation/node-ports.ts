import { allocatesNodePorts, needsHealthCheckPort, needsNodePort } from '../../kube/kinds/service-needs.ts'
import type { ServicePort, ServiceSpec } from '../../kube/types/core.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { REGISTRY_PREFIX } from '../object-key.ts'
import type { AllocationContext } from './allocation-context.ts'
import { pickFree, preferredBands, staticBandSize } from './band.ts'
import type { DraftSpec } from './mutable-service.ts'
import { failure, type Refusal, refusal, unknownFailure } from './refusal.ts'
import type { ServiceOwner } from './service-owner.ts'

/** How much of the range is left to those who ask for a port: a thirty-second, 16 to 128 (KEP-3668). */
const STATIC_BAND = { min: 16, max: 128, share: 32 }
/** Where node ports are written down. */
export const NODE_PORTS_PREFIX = `${REGISTRY_PREFIX}fairlead/nodeports/`
const ALLOCATED = 'provided port is already allocated'

/**
 * Chooses the node ports that a spec needs and lacks, takes those that the Service did not have, and gives back those
 * that it has no more.
 *
 * As upstream, a number belongs to one Service whatever the protocol. Within a Service, ports of the same number (DNS
 * over UDP and TCP) share a node port when the Service is made; later, those that are asked to.
 */
export function planNodePorts(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  context: AllocationContext,
): Refusal | undefined {
  const held = heldNodePorts(old)
  const refused = needsNodePort(spec)
    ? old === undefined
      ? chooseForNew(spec, context)
      : chooseForChanged(spec, held, context)
    : undefined
  if (refused !== undefined) return refused
  const failed = planHealthCheckPort(spec, old, context)
  if (failed !== undefined) return failed
  const kept = heldNodePorts(spec)
  releaseNodePorts(
    held.filter((port) => !kept.includes(port)),
    context,
  )
  return undefined
}

/** Gives back ports that are the Service's. */
export function releaseNodePorts(ports: readonly number[], { reservations, owner }: AllocationContext): void {
  for (const port of ports) reservations.release(nodePortKey(port), (entry) => isOwnedBy(entry, owner))
}

/** The node ports that a stored Service has, with the one for health checks, each once. */
export function heldNodePorts(spec: ServiceSpec | undefined): readonly number[] {
  if (spec === undefined) return []
  const ports = needsNodePort(spec) ? (spec.ports ?? []).map((port) => port.nodePort ?? 0) : []
  const healthCheck = needsHealthCheckPort(spec) ? (spec.healthCheckNodePort ?? 0) : 0
  return [...new Set([...ports, healthCheck])].filter((port) => port !== 0)
}

/** Upstream's `initNodePorts`. */
function chooseForNew(spec: DraftSpec, context: AllocationContext): Refusal | undefined {
  const byServicePort = new Map<number, number>()
  for (const [index, port] of spec.ports.entries()) {
    if (!port.nodePort && !allocatesNodePorts(spec)) continue
    const shared = byServicePort.get(port.port)
    if (shared === undefined) {
      const asked = spec.ports.find((each) => each.port === port.port && each.nodePort)?.nodePort
      const refused = assign(port, { index, asked }, context)
      if (refused !== undefined) return refused
      byServicePort.set(port.port, port.nodePort ?? 0)
    } else if (!port.nodePort) port.nodePort = shared
    else if (port.nodePort !== shared) {
      const refused = assign(port, { index, asked: port.nodePort }, context)
      if (refused !== undefined) return refused
    }
  }
  return undefined
}

/** Upstream's `updateNodePorts`. */
function chooseForChanged(spec: DraftSpec, held: readonly number[], context: AllocationContext): Refusal | undefined {
  const have = new Set(held)
  const used = new Set<string>()
  for (const [index, port] of spec.ports.entries()) {
    if (!port.nodePort && !allocatesNodePorts(spec)) continue
    if (!port.nodePort || !have.has(port.nodePort)) {
      const refused = assign(port, { index, asked: port.nodePort }, context)
      if (refused !== undefined) return refused
      have.add(port.nodePort ?? 0)
    }
    const pair = `{${port.protocol} ${port.nodePort}}`
    if (used.has(pair)) return unknownFailure(`duplicate nodePort: ${pair}`)
    used.add(pair)
  }
  return undefined
}

function assign(
  port: DraftSpec['ports'][number],
  { index, asked }: { readonly index: number; readonly asked: ServicePort['nodePort'] },
  context: AllocationContext,
): Refusal | undefined {
  const taken = take(asked, context)
  if (typeof taken === 'number') {
    port.nodePort = taken
    return undefined
  }
  if (!asked) return failure(`failed to allocate a nodePort: ${taken}`)
  return refusal([invalid(`spec.ports[${index}].nodePort`, asked, taken)])
}

function planHealthCheckPort(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  context: AllocationContext,
): Refusal | undefined {
  const needed = old !== undefined && needsHealthCheckPort(old)
  if (!needsHealthCheckPort(spec) || needed) return undefined
  const asked = spec.healthCheckNodePort
  const taken = take(asked, context)
  if (typeof taken === 'number') {
    spec.healthCheckNodePort = taken
    return undefined
  }
  const what = asked ? `requested HealthCheck NodePort ${asked}` : 'a HealthCheck NodePort 0'
  return failure(`failed to allocate ${what}: ${taken}`)
}

/** Takes the port that is asked for, or any. Returns its number, or why it cannot be had. */
function take(asked: number | undefined, context: AllocationContext): number | string {
  const { reservations, nodePorts, random, owner } = context
  const { first, last } = nodePorts
  const isFree = (port: number) => reservations.isFree(nodePortKey(port))
  if (asked) {
    if (asked < first || asked > last) {
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`
    }
    if (!isFree(asked)) return ALLOCATED
  }
  const all = { first: BigInt(first), last: BigInt(last) }
  const bands = preferredBands(all, staticBandSize(all.last - all.first + 1n, STATIC_BAND))
  const port = asked || Number(pickFree(bands, random, (candidate) => isFree(Number(candidate))) ?? 0)
  if (port === 0) return 'range is full'
  reservations.take(nodePortKey(port), encodeOwner(owner))
  return port
}

/** Where it is written down whose a node port is. */
export function nodePortKey(port: number): string {
  return `${NODE_PORTS_PREFIX}${port}`
}

/** What is written down for it. */
export function encodeOwner({ namespace, name }: ServiceOwner): Uint8Array {
  return Buffer.from(JSON.stringify({ namespace, name }))
}

function isOwnedBy(entry: Entry, owner: ServiceOwner): boolean {
  return Buffer.from(entry.value).equals(encodeOwner(owner))
}
