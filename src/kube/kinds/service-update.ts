import type { Draft } from '../kind.ts'
import type { Service } from '../types/core.ts'
import { ensureObject, objectsIn } from './draft.ts'
import { isExternallyAccessible, needsClusterIp, needsHealthCheckPort, needsNodePort } from './service-needs.ts'

/**
 * Brings the linked fields of a written Service in line: `clusterIP` with `clusterIPs`, values that an update left out
 * with those it has, and fields that the new type cannot have with nothing, unless the user set or changed them in this
 * very write: then validation refuses them (upstream `pkg/registry/core/service`).
 */
export function prepareService(draft: Draft, old: Service | undefined): void {
  const spec = ensureObject(draft, 'spec')
  const before = old?.spec as Draft | undefined
  linkClusterIps(spec, before)
  if (before === undefined) {
    draft.status = { loadBalancer: {} }
    return
  }
  keepAllocated(spec, before)
  dropTypeDependent(spec, before)
}

function linkClusterIps(spec: Draft, before: Draft | undefined): void {
  const single = spec.clusterIP
  const given = typeof single === 'string' && single !== ''
  if (before === undefined) {
    if (given && !isFilled(spec.clusterIPs)) spec.clusterIPs = [single]
    return
  }
  if (same(spec.clusterIP, before.clusterIP) || !same(spec.clusterIPs, before.clusterIPs)) return
  if (!given) delete spec.clusterIPs
  else spec.clusterIPs = [single, ...(Array.isArray(spec.clusterIPs) ? spec.clusterIPs.slice(1) : [])]
}

function keepAllocated(spec: Draft, before: Draft): void {
  if (needsClusterIp(before) && needsClusterIp(spec)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP
    const sameIp = spec.clusterIP === before.clusterIP
    if (!isFilled(spec.clusterIPs) && sameIp && before.clusterIPs !== undefined) spec.clusterIPs = before.clusterIPs
    if (!isFilled(spec.ipFamilies) && before.ipFamilies !== undefined) spec.ipFamilies = before.ipFamilies
    if (!spec.ipFamilyPolicy && before.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy = before.ipFamilyPolicy
  }
  if (needsNodePort(before) && needsNodePort(spec)) keepNodePorts(spec, before)
  if (needsHealthCheckPort(before) && needsHealthCheckPort(spec) && !spec.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort
  }
}

function keepNodePorts(spec: Draft, before: Draft): void {
  const key = (port: Draft, nodePort: unknown) => `${port.protocol}/${nodePort}`
  const used = new Set(objectsIn(spec, 'ports').flatMap((port) => (port.nodePort ? [key(port, port.nodePort)] : [])))
  const byName = new Map(objectsIn(before, 'ports').map((port) => [port.name ?? '', port.nodePort]))
  for (const port of objectsIn(spec, 'ports')) {
    const known = byName.get(port.name ?? '')
    if (port.nodePort || !known || used.has(key(port, known))) continue
    port.nodePort = known
    used.add(key(port, known))
  }
}

function dropTypeDependent(spec: Draft, before: Draft): void {
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (same(spec.clusterIP, before.clusterIP)) dropUnchanged(spec, before, ['clusterIPs', 'clusterIP'])
    dropUnchanged(spec, before, ['ipFamilies', 'ipFamilyPolicy'])
  }
  if (needsNodePort(before) && !needsNodePort(spec) && sameNodePorts(spec, before)) {
    for (const port of objectsIn(spec, 'ports')) delete port.nodePort
  }
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec)) dropUnchanged(spec, before, ['healthCheckNodePort'])
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropUnchanged(spec, before, ['allocateLoadBalancerNodePorts', 'loadBalancerClass'])
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) {
    dropUnchanged(spec, before, ['externalTrafficPolicy'])
  }
}

function dropUnchanged(spec: Draft, before: Draft, fields: readonly string[]): void {
  for (const field of fields) {
    if (same(spec[field], before[field])) delete spec[field]
  }
}

function sameNodePorts(spec: Draft, before: Draft): boolean {
  const numbers = (of: Draft) => new Set(objectsIn(of, 'ports').map((port) => port.nodePort ?? 0))
  const now = numbers(spec)
  return [...now].every((port) => numbers(before).has(port))
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}
