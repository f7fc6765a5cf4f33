import { controllerOf } from '../../kube/owner.ts'
import { parseQuantities } from '../../kube/quantities.ts'
import type { Node, Pod, Service } from '../../kube/types/core.ts'
import { isTerminal } from '../pod-state.ts'
import { selects } from '../service-pods.ts'
import type { Candidate } from './decide.ts'
import type { PodNeeds } from './filters.ts'
import type { PlacedPod } from './placed-pod.ts'
import { needsOf } from './pod-needs.ts'

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
  /** Uids of placed pods with affinity to, or against, other pods. */
  readonly #attached = new Set<string>()

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

  get nodes(): readonly Node[] {
    return [...this.#nodes.values()]
  }

  /** Whether any placed pod has a say in where others go. */
  get hasAttachedPods(): boolean {
    return this.#attached.size > 0
  }

  /** Every pod that has a place on a node that is known. */
  placed(): readonly PlacedPod[] {
    const placed: PlacedPod[] = []
    for (const { needs, nodeName } of this.#placed.values()) {
      const node = this.#nodes.get(nodeName)
      if (node !== undefined) placed.push({ pod: needs.pod, node })
    }
    return placed
  }

  /** Every node with its load, and how many of its pods the pod should keep away from. @param services Those that select the pod. */
  candidates(pod: Pod, services: readonly Service[]): readonly Candidate[] {
    const owner = controllerUid(pod)
    const siblings = owner === undefined ? [] : this.#siblings(pod, owner)
    return [...this.#nodes.values()].map((node) => {
      const zone = zoneOf(node)
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
        siblings: siblings.filter((other) => other.metadata.name === node.metadata.name).length,
        zoneSiblings: zone === undefined ? 0 : siblings.filter((other) => zoneOf(other) === zone).length,
        peers: living.filter((other) => services.some((service) => selects(service, other.pod.metadata.labels))).length,
      }
    })
  }

  /** The node of every living pod of the same owner. */
  #siblings(pod: Pod, owner: string): readonly Node[] {
    const found: Node[] = []
    for (const { needs, nodeName } of this.#placed.values()) {
      const { metadata } = needs.pod
      if (metadata.deletionTimestamp !== undefined || metadata.namespace !== pod.metadata.namespace) continue
      const node = controllerUid(needs.pod) === owner ? this.#nodes.get(nodeName) : undefined
      if (node !== undefined) found.push(node)
    }
    return found
  }

  #place(pod: Pod, nodeName: string): void {
    const uid = pod.metadata.uid ?? ''
    this.#remove(uid)
    const needs = needsOf(pod)
    this.#placed.set(uid, { needs, nodeName })
    const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
    if (podAffinity !== undefined || podAntiAffinity !== undefined) this.#attached.add(uid)
    const load = this.#loads.get(nodeName) ?? { pods: new Map(), requested: {} }
    this.#loads.set(nodeName, load)
    load.pods.set(uid, needs)
    add(load.requested, needs.requests, 1)
  }

  #remove(uid: string): void {
    const placed = this.#placed.get(uid)
    if (placed === undefined) return
    this.#placed.delete(uid)
    this.#attached.delete(uid)
    const load = this.#loads.get(placed.nodeName)
    if (load === undefined) return
    load.pods.delete(uid)
    add(load.requested, placed.needs.requests, -1)
    if (load.pods.size === 0) this.#loads.delete(placed.nodeName)
  }
}

function zoneOf({ metadata }: Node): string | undefined {
  return metadata.labels?.['topology.kubernetes.io/zone']
}

function controllerUid(pod: Pod): string | undefined {
  return controllerOf(pod)?.uid
}

function add(sum: Record<string, number>, amounts: Readonly<Record<string, number>>, sign: 1 | -1): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + sign * amount
}
