import { podRequests } from '../../kube/pod-requests.ts'
import type { Container, Pod, ResourceRequirements } from '../../kube/types/core.ts'
import { type LimitController, missingControllerText } from '../container-resources.ts'
import {
  type Allocation,
  changedResources,
  resizableContainers,
  sameAllocation,
  wantedAllocation,
} from './allocation.ts'

/** What a node has to give, in the amounts of `parseQuantities`. */
export interface NodeRoom {
  readonly capacity: Readonly<Record<string, number>>
  /** What other pods have. */
  readonly used: Readonly<Record<string, number>>
  /** Nothing enforces limits of these. */
  readonly missing: readonly LimitController[]
}

/** A resize that is not done, and why, in upstream's words. */
export interface PendingResize {
  /** It may be possible later, or never on this node. */
  readonly reason: 'Deferred' | 'Infeasible'
  readonly message: string
}

export type ResizeDecision =
  /** It has what it asks for. */
  { readonly kind: 'settled' } | { readonly kind: 'granted' } | ({ readonly kind: 'pending' } & PendingResize)

/** Whether a pod can be given what it asks for now (upstream `canResizePod`). */
export function decideResize(pod: Pod, allocation: Allocation, findRoom: () => NodeRoom): ResizeDecision {
  if (sameAllocation(wantedAllocation(pod), allocation)) return { kind: 'settled' }
  const room = findRoom()
  const unenforced = resizableContainers(pod)
    .flatMap((container) => limitsChanged(container, allocation))
    .find((name) => room.missing.some((one) => one === name))
  if (unenforced !== undefined) {
    return pending('Infeasible', missingControllerText(unenforced as LimitController))
  }
  // The status speaks of what it has; here it is what it would have.
  const { status: _, ...wanted } = pod
  const requests = podRequests(wanted)
  return tooMuch(requests, room) ?? noRoom(requests, room) ?? { kind: 'granted' }
}

function limitsChanged({ name, resources }: Container, allocation: Allocation): readonly string[] {
  return changedResources(limitsOnly(resources), limitsOnly(allocation[name]))
}

function limitsOnly({ limits }: ResourceRequirements = {}): ResourceRequirements {
  return limits === undefined ? {} : { limits }
}

type Amounts = Readonly<Record<string, number>>

function tooMuch(requests: Amounts, { capacity }: NodeRoom): ResizeDecision | undefined {
  const name = ['memory', 'cpu'].find((each) => (requests[each] ?? 0) > (capacity[each] ?? 0))
  if (name === undefined) return undefined
  const amounts = `requested: ${requests[name]}, capacity: ${capacity[name] ?? 0}`
  return pending('Infeasible', `Node didn't have enough capacity: ${name}, ${amounts}`)
}

function noRoom(requests: Amounts, { capacity, used }: NodeRoom): ResizeDecision | undefined {
  const lacks = (name: string) => (requests[name] ?? 0) > (capacity[name] ?? 0) - (used[name] ?? 0)
  const name = ['cpu', 'memory'].find(lacks)
  if (name === undefined) return undefined
  const amounts = `requested: ${requests[name]}, used: ${used[name] ?? 0}, capacity: ${capacity[name] ?? 0}`
  return pending('Deferred', `Node didn't have enough resource: ${name}, ${amounts}`)
}

function pending(reason: PendingResize['reason'], message: string): ResizeDecision {
  return { kind: 'pending', reason, message }
}

/**
 * What it takes to give a running container what it was allotted: nothing, a change of its control group, or another
 * start, where its `resizePolicy` wants that.
 */
export function resizeStep(container: Container, actual: ResourceRequirements): 'none' | 'update' | 'restart' {
  const changed = changedResources(container.resources, actual)
  if (changed.length === 0) return 'none'
  const restarts = container.resizePolicy?.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.includes(resourceName),
  )
  return restarts === true ? 'restart' : 'update'
}
