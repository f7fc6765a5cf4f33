import type { Draft } from '../kind.ts'
import type { Service } from '../types/core.ts'
import { ensureObject, objectsIn } from './draft.ts'
import { isExternallyAccessible, needsClusterIp, needsHealthCheckPort, needsNodePort } from './service-needs.ts'
import { isSame } from './service-values.ts'

/**
 * Drops from an updated Service the fields that its new type cannot have, unless the user set or changed them in this
 * very write: then validation refuses them. A new one has no status (upstream `PrepareForCreate`, `PrepareForUpdate`).
 */
export function prepareService(draft: Draft, old: Service | undefined): void {
  const spec = ensureObject(draft, 'spec')
  if (old === undefined) {
    draft.status = { loadBalancer: {} }
    return
  }
  const before = old.spec as unknown as Draft
  dropTypeDependent(spec, before)
  // Taking the load balancer down takes a while, which is not the user's business.
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    draft.status = { ...(draft.status as Draft | undefined), loadBalancer: {} }
  }
}

function dropTypeDependent(spec: Draft, before: Draft): void {
  if (needsClusterIp(before) && !needsClusterIp(spec)) {
    if (isSame(spec.clusterIP, before.clusterIP)) dropUnchanged(spec, before, ['clusterIPs', 'clusterIP'])
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
    if (isSame(spec[field], before[field])) delete spec[field]
  }
}

/** Ports may come, go and change, as long as no new node port is among them. */
function sameNodePorts(spec: Draft, before: Draft): boolean {
  const numbers = (of: Draft) => objectsIn(of, 'ports').flatMap(({ nodePort }) => nodePort || [])
  const had = new Set(numbers(before))
  return numbers(spec).every((port) => had.has(port))
}
