import { controllerOf } from '../../kube/owner.ts'
import type { Node, Pod, Service } from '../../kube/types/core.ts'
import { isTerminal } from '../pod-state.ts'
import { selects } from '../service-pods.ts'
import type { Candidate } from './decide.ts'
import type { PodNeeds } from './filters.ts'
import { needsOf } from './pod-needs.ts'
import { parseQuantities } from './quantities.ts'

interface Placed {
  readonly needs: PodNeeds
  readonly nodeName: string
}

interface NodeLoad {
  readonly pods: Map<string, PodNeeds>
  readonly requested: Record<string, number>
}

/**
 * What runs where, as the scheduler knows it: pods that the API shows on nodes, and those that it has just put there
 * ("assumed") and that the watch has not shown yet, so that a burst of pods is spread as if each were there at once.
 */
export class ClusterState {
  readonly #nodes = new Map<string, Node>()
  readonly #loads = new Map<string, NodeLoad>()
  readonly #placed = new Map<string, Placed>()
  readonly #assumed = new Set<string>()

  setNode(node: Node): void {
    this.#nodes.set(node.metadata.name, node)
  }

  removeNode(name: string): void {
    this.#nodes.delete(name)
  }

  /** Notes a pod as the API shows it; one that has ended, or has no node, takes no room. */
  setPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const { nodeName } = pod.spec
    if (nodeName === undefined || nodeName === '') {
      // Not bound yet as far as the watch knows: an assumed pod keeps its place.
      if (!this.#assumed.has(uid)) this.#remove(uid)
      return
    }
    this.#assumed.delete(uid)
    if (isTerminal(pod)) this.#remove(uid)
    else this.#place(pod, nodeName)
  }

  removePod(uid: string): void {
    this.#assumed.delete(uid)
    this.#remove(uid)
  }

  /** The pod counts as being on the node from now on, until the watch shows it or {@link forget}. */
  assume(pod: Pod, nodeName: string): void {
    this.#assumed.add(pod.metadata.uid ?? '')
    this.#place(pod, nodeName)
  }

  /** Takes back an assumption that could not be made true. */
  forget(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#assumed.delete(uid)) this.#remove(uid)
  }

  isAssumed(pod: Pod): boolean {
    return this.#assumed.has(pod.metadata.uid ?? '')
  }

  /** Every node with its load, and how many of its pods the pod should keep away from. @param services Those that select the pod. */
  candidates(pod: Pod, services: readonly Service[]): readonly Candidate[] {
    const owner = controllerUid(pod)
    return [...this.#nodes.values()].map((node) => {
      const load = this.#loads.get(node.metadata.name)
      const others = [...(load?.pods.values() ?? [])]
      const living = others.filter(
        (other) =>
          other.pod.metadata.deletionTimestamp === undefined && other.pod.metadata.namespace === pod.metadata.namespace,
      )
      return {
        node,
        pods: others.length,
        requested: load?.requested ?? {},
        allocatable: parseQuantities(node.status?.allocatable ?? {}),
        hostPorts: new Set(others.flatMap((other) => other.hostPorts)),
        siblings: owner === undefined ? 0 : living.filter((other) => controllerUid(other.pod) === owner).length,
        peers: living.filter((other) => services.some((service) => selects(service, other.pod.metadata.labels))).length,
      }
    })
  }

  #place(pod: Pod, nodeName: string): void {
    const uid = pod.metadata.uid ?? ''
    this.#remove(uid)
    const needs = needsOf(pod)
    this.#placed.set(uid, { needs, nodeName })
    const load = this.#loads.get(nodeName) ?? { pods: new Map(), requested: {} }
    this.#loads.set(nodeName, load)
    load.pods.set(uid, needs)
    add(load.requested, needs.requests, 1)
  }

  #remove(uid: string): void {
    const placed = this.#placed.get(uid)
    if (placed === undefined) return
    this.#placed.delete(uid)
    const load = this.#loads.get(placed.nodeName)
    if (load === undefined) return
    load.pods.delete(uid)
    add(load.requested, placed.needs.requests, -1)
    if (load.pods.size === 0) this.#loads.delete(placed.nodeName)
  }
}

function controllerUid(pod: Pod): string | undefined {
  return controllerOf(pod)?.uid
}

function add(sum: Record<string, number>, amounts: Readonly<Record<string, number>>, sign: 1 | -1): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + sign * amount
}
