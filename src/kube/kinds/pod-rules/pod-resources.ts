import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity } from '../../quantity.ts'
import type { Container, PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { type ResourceRequirements, validateRequirements } from '../../validation/resource-list.ts'

/** What all containers of a pod have together (KEP-2837). */
export type PodLevelResources = ResourceRequirements & { readonly claims?: readonly object[] }

/** What can be shared like that, as upstream lists it. */
const SHARED = ['cpu', 'hugepages-', 'memory']

/** Rules of a pod's own `resources` (upstream `validatePodResources`). */
export function checkPodResources(resources: PodLevelResources, spec: PodSpec, found: Findings): void {
  if (resources.claims !== undefined) found.forbidden('claims', 'claims cannot be set for Resources at pod-level')
  for (const kind of ['limits', 'requests'] as const) {
    for (const name of Object.keys(resources[kind] ?? {})) {
      if (!isShared(name)) found.notSupported(`${kind}[${name}]`, name, SHARED)
    }
  }
  found.add(validateRequirements(resources, ''))
  const { requests = {}, limits = {} } = resources
  for (const [name, needed] of Object.entries(sumOfRequests(spec))) {
    const given = parseQuantity(requests[name] ?? 0)
    if (compareQuantities(needed, given) <= 0) continue
    const text = `must be greater than or equal to aggregate container requests of ${formatQuantity(needed)}`
    found.invalid(`requests[${name}]`, formatQuantity(given), text)
  }
  found.each(spec.containers, 'containers', (container) => checkLimits(container, limits, found))
}

function isShared(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')
}

function checkLimits(container: Container, limits: NonNullable<ResourceRequirements['limits']>, found: Findings): void {
  for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
    const most = limits[name]
    if (most === undefined || compareQuantities(parseQuantity(limit), parseQuantity(most)) <= 0) continue
    found.invalid(`[${name}].limits`, limit, `must be less than or equal to pod limits of ${most}`)
  }
}

/** What the containers need that run side by side, or one of those that run before, whichever is more. */
function sumOfRequests({ containers, initContainers = [] }: PodSpec): Readonly<Record<string, Quantity>> {
  const sum: Record<string, Quantity> = {}
  for (const container of [...containers, ...initContainers.filter(isSidecar)]) {
    for (const [name, amount] of requestsOf(container)) {
      const before = sum[name]
      sum[name] = before === undefined ? amount : addQuantities(before, amount)
    }
  }
  const beside: Record<string, Quantity> = {}
  for (const container of initContainers) {
    for (const [name, amount] of requestsOf(container)) {
      const others = beside[name]
      const together = others === undefined ? amount : addQuantities(others, amount)
      if (isSidecar(container)) beside[name] = together
      const before = sum[name]
      if (before === undefined || compareQuantities(together, before) > 0) sum[name] = together
    }
  }
  return sum
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always'
}

function requestsOf({ resources }: Container): readonly (readonly [string, Quantity])[] {
  const requests = Object.entries(resources?.requests ?? {}).filter(([name]) => isShared(name))
  return requests.map(([name, amount]) => [name, parseQuantity(amount)])
}
