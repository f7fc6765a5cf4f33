import { allContainerStatuses } from '../../kube/all-containers.ts'
import { compareQuantities, parseQuantity } from '../../kube/quantity.ts'
import type { Container, Pod, ResourceRequirements } from '../../kube/types/core.ts'
import { sidecars } from '../container-restart.ts'

/** What the node has given to the containers of a pod, by name: those that can be resized. */
export type Allocation = Readonly<Record<string, ResourceRequirements>>

/** Sidecars, and the containers that do the pod's work (upstream `IsResizableContainer`). */
export function resizableContainers(pod: Pod): readonly Container[] {
  return [...sidecars(pod), ...pod.spec.containers]
}

/** What a pod asks for. */
export function wantedAllocation(pod: Pod): Allocation {
  return Object.fromEntries(resizableContainers(pod).map(({ name, resources }) => [name, resources ?? {}]))
}

/** What a pod was given by an agent before this one, as its status has it; what it asks for where that says nothing. */
export function knownAllocation(pod: Pod): Allocation {
  const given = allContainerStatuses(pod).flatMap(({ name, resources }) =>
    resources === undefined ? [] : [[name, resources] as const],
  )
  return { ...wantedAllocation(pod), ...Object.fromEntries(given) }
}

/** The pod as it is to run here: with what its containers were given (upstream `UpdatePodFromAllocation`). */
export function withAllocation(pod: Pod, allocation: Allocation): Pod {
  const given = (container: Container): Container => {
    const resources = allocation[container.name]
    return resources === undefined || sameResources(resources, container.resources)
      ? container
      : { ...container, resources }
  }
  const { containers, initContainers } = pod.spec
  const spec = { ...pod.spec, containers: containers.map(given) }
  return { ...pod, spec: initContainers === undefined ? spec : { ...spec, initContainers: initContainers.map(given) } }
}

/** Whether two allocations are the same, however their amounts are written. */
export function sameAllocation(a: Allocation, b: Allocation): boolean {
  return Object.keys({ ...a, ...b }).every((name) => sameResources(a[name], b[name]))
}

/** Whether containers that ask for this are given the same. */
export function sameResources(a: ResourceRequirements = {}, b: ResourceRequirements = {}): boolean {
  return changedResources(a, b).length === 0
}

/** Names of what is not the same. */
export function changedResources(a: ResourceRequirements = {}, b: ResourceRequirements = {}): readonly string[] {
  const names = new Set([a, b].flatMap(({ limits, requests }) => Object.keys({ ...limits, ...requests })))
  return [...names].filter(
    (name) => !sameAmount(a.limits?.[name], b.limits?.[name]) || !sameAmount(a.requests?.[name], b.requests?.[name]),
  )
}

function sameAmount(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && compareQuantities(parseQuantity(a), parseQuantity(b)) === 0
}
