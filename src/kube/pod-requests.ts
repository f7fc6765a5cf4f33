import { parseQuantities } from './quantities.ts'
import type { Container, Pod } from './types/core.ts'

/**
 * What a pod asks of its node: the sum of its containers and sidecars, or what it takes at most while its init containers
 * run. By resource, as `parseQuantities` has amounts. What a node has set aside for a container that is being resized
 * counts until it is given back; what it cannot give does not count (upstream `PodRequests` with
 * `UseStatusResources`).
 */
export function podRequests(pod: Pod): Readonly<Record<string, number>> {
  const requests: Record<string, number> = {}
  const starting: Record<string, number> = {}
  const beside: Record<string, number> = {}
  for (const container of pod.spec.initContainers ?? []) {
    const own = requestsOf(pod, container)
    if (isSidecar(container)) add(beside, own)
    // An init container runs beside the sidecars that were started before it.
    const together = { ...beside }
    if (!isSidecar(container)) add(together, own)
    raise(starting, together)
  }
  for (const container of pod.spec.containers) add(requests, requestsOf(pod, container))
  add(requests, beside)
  raise(requests, starting)
  return requests
}

/** An init container that goes on beside the others (KEP 753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

function add(sum: Record<string, number>, amounts: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + amount
}

function raise(most: Record<string, number>, amounts: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(amounts)) most[name] = Math.max(most[name] ?? 0, amount)
}

/** What is limited and not requested is requested at its limit. */
function requestsOf({ status }: Pod, { name, resources }: Container): Readonly<Record<string, number>> {
  const wanted = parseQuantities({ ...resources?.limits, ...resources?.requests })
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const allocated = all.find((one) => one.name === name)?.allocatedResources
  if (allocated === undefined) return wanted
  const kept = { ...parseQuantities(allocated) }
  const pending = status?.conditions?.find(({ type }) => type === 'PodResizePending')
  if (pending?.status !== 'True' || pending.reason !== 'Infeasible') raise(kept, wanted)
  return kept
}
