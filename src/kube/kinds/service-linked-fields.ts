import type { Draft } from '../kind.ts'
import { objectsIn } from './draft.ts'
import { allocatesNodePorts, needsClusterIp, needsHealthCheckPort } from './service-needs.ts'
import { isFilled, isSame } from './service-values.ts'

/**
 * Brings the linked fields of a written spec in line, in place, before anything is allocated: values that an update
 * left out are those it has, `clusterIPs` follows `clusterIP` of clients that know the one only (upstream
 * `patchAllocatedValues` and `normalizeClusterIPs`).
 */
export function linkServiceFields(spec: Draft, before: Draft | undefined): void {
  if (before !== undefined) keepAllocated(spec, before)
  linkClusterIps(spec, before)
}

function keepAllocated(spec: Draft, before: Draft): void {
  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP
    if (!isFilled(spec.clusterIPs) && isFilled(before.clusterIPs)) spec.clusterIPs = [...asList(before.clusterIPs)]
  }
  if (allocatesNodePorts(before) && allocatesNodePorts(spec)) keepNodePorts(spec, before)
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec) && !spec.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort
  }
}

/** A port keeps the node port of its name, unless the write gives that to another. */
function keepNodePorts(spec: Draft, before: Draft): void {
  const numbers = (of: Draft) => new Set(objectsIn(of, 'ports').flatMap(({ nodePort }) => nodePort || []))
  const given = numbers(spec)
  const byName = new Map(objectsIn(before, 'ports').map((port) => [port.name ?? '', port.nodePort]))
  for (const port of objectsIn(spec, 'ports')) {
    const known = byName.get(port.name ?? '')
    if (!port.nodePort && known && !given.has(known)) port.nodePort = known
  }
}

function linkClusterIps(spec: Draft, before: Draft | undefined): void {
  const single = spec.clusterIP || undefined
  if (before === undefined) {
    if (single !== undefined && !isFilled(spec.clusterIPs)) spec.clusterIPs = [single]
    return
  }
  if (isFilled(before.clusterIPs) && !isFilled(spec.clusterIPs) && isSame(single, before.clusterIP)) {
    spec.clusterIPs = [...asList(before.clusterIPs)]
  }
  if (isSame(single, before.clusterIP || undefined) || !isSame(spec.clusterIPs, before.clusterIPs)) return
  if (single === undefined) delete spec.clusterIPs
  else spec.clusterIPs = [single]
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
