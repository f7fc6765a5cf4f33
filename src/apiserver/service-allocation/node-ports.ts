import type { FieldError } from '../../kube/kind.ts'
import { needsHealthCheckPort, needsNodePort } from '../../kube/kinds/service-needs.ts'
import type { ServicePort, ServiceSpec } from '../../kube/types/core.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { REGISTRY_PREFIX } from '../object-key.ts'
import type { AllocationContext } from './allocation-context.ts'
import { pickFree, preferredBands, staticBandSize } from './band.ts'
import type { DraftSpec } from './mutable-service.ts'
import type { ServiceOwner } from './service-owner.ts'

/** How much of the range is left to those who ask for a port: a thirty-second, 16 to 128 (KEP-3668). */
const STATIC_BAND = { min: 16, max: 128, share: 32 }
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
): readonly FieldError[] {
  const held = heldNodePorts(old)
  const errors = !needsNodePort(asRecord(spec))
    ? []
    : old === undefined
      ? chooseForNew(spec, context)
      : chooseForChanged(spec, held, context)
  if (errors.length > 0) return errors
  const refused = planHealthCheckPort(spec, old, context)
  if (refused.length > 0) return refused
  const kept = heldNodePorts(spec)
  releaseNodePorts(
    held.filter((port) => !kept.includes(port)),
    context,
  )
  return []
}

/** Gives back ports that are the Service's. */
export function releaseNodePorts(ports: readonly number[], { reservations, owner }: AllocationContext): void {
  for (const port of ports) reservations.release(nodePortKey(port), (entry) => isOwnedBy(entry, owner))
}

/** The node ports that a stored Service has, with the one for health checks, each once. */
export function heldNodePorts(spec: ServiceSpec | undefined): readonly number[] {
  if (spec === undefined) return []
  const ports = needsNodePort(asRecord(spec)) ? (spec.ports ?? []).map((port) => port.nodePort ?? 0) : []
  const healthCheck = needsHealthCheckPort(asRecord(spec)) ? (spec.healthCheckNodePort ?? 0) : 0
  return [...new Set([...ports, healthCheck])].filter((port) => port !== 0)
}

/** Upstream's `initNodePorts`. */
function chooseForNew(spec: DraftSpec, context: AllocationContext): readonly FieldError[] {
  const byServicePort = new Map<number, number>()
  for (const [index, port] of spec.ports.entries()) {
    if (!port.nodePort && !allocatesPorts(spec)) continue
    const shared = byServicePort.get(port.port)
    if (shared === undefined) {
      const asked = spec.ports.find((each) => each.port === port.port && each.nodePort)?.nodePort
      const error = assign(port, { index, asked }, context)
      if (error !== undefined) return [error]
      byServicePort.set(port.port, port.nodePort ?? 0)
    } else if (!port.nodePort) port.nodePort = shared
    else if (port.nodePort !== shared) {
      const error = assign(port, { index, asked: port.nodePort }, context)
      if (error !== undefined) return [error]
    }
  }
  return []
}

/** Upstream's `updateNodePorts`. */
function chooseForChanged(spec: DraftSpec, held: readonly number[], context: AllocationContext): readonly FieldError[] {
  const have = new Set(held)
  for (const [index, port] of spec.ports.entries()) {
    if (port.nodePort ? have.has(port.nodePort) : !allocatesPorts(spec)) continue
    const error = assign(port, { index, asked: port.nodePort }, context)
    if (error !== undefined) return [error]
    have.add(port.nodePort ?? 0)
  }
  return []
}

function assign(
  port: DraftSpec['ports'][number],
  { index, asked }: { readonly index: number; readonly asked: ServicePort['nodePort'] },
  context: AllocationContext,
): FieldError | undefined {
  const path = `spec.ports[${index}].nodePort`
  const taken = take(asked, context)
  if (typeof taken === 'string')
    return invalid(path, asked ?? 0, asked ? taken : `failed to allocate a nodePort: ${taken}`)
  port.nodePort = taken
  return undefined
}

function planHealthCheckPort(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  context: AllocationContext,
): readonly FieldError[] {
  const needed = old !== undefined && needsHealthCheckPort(asRecord(old))
  if (!needsHealthCheckPort(asRecord(spec)) || (needed && spec.healthCheckNodePort)) return []
  const asked = spec.healthCheckNodePort
  const taken = take(asked, context)
  if (typeof taken !== 'string') {
    spec.healthCheckNodePort = taken
    return []
  }
  const what = asked ? `requested HealthCheck NodePort ${asked}` : 'a HealthCheck NodePort'
  return [invalid('spec.healthCheckNodePort', asked ?? 0, `failed to allocate ${what}: ${taken}`)]
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

function allocatesPorts(spec: ServiceSpec): boolean {
  return spec.type !== 'LoadBalancer' || spec.allocateLoadBalancerNodePorts !== false
}

function nodePortKey(port: number): string {
  return `${REGISTRY_PREFIX}fairlead/nodeports/${port}`
}

function encodeOwner({ namespace, name }: ServiceOwner): Uint8Array {
  return Buffer.from(JSON.stringify({ namespace, name }))
}

function isOwnedBy(entry: Entry, owner: ServiceOwner): boolean {
  return Buffer.from(entry.value).equals(encodeOwner(owner))
}

function asRecord(spec: ServiceSpec): Readonly<Record<string, unknown>> {
  return spec as unknown as Readonly<Record<string, unknown>>
}
