import { matchesLabels, type ParsedLabelSelector } from '../../kube/selector.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import type { TopologySpreadConstraint } from '../../kube/types/scheduling.ts'
import { matchesNode } from '../node-affinity.ts'
import { untolerated } from '../taints.ts'
import type { PlacedPod } from './placed-pod.ts'
import { selectorFor } from './pod-affinity.ts'
import { type Refusal, resolvable, unresolvable } from './refusal.ts'

const MISMATCH = "node(s) didn't match pod topology spread constraints"

/** What a pod's topology spread constraints say of a node. */
export interface SpreadRules {
  refusal(node: Node): Refusal | undefined
  /** Matching pods that the soft constraints find in the node's domains; fewer is better. */
  crowding(node: Node): number
}

const NONE: SpreadRules = { refusal: () => undefined, crowding: () => 0 }

interface Counted {
  readonly constraint: TopologySpreadConstraint
  /** Matching pods by value of the topology label, for every domain that the pod may go to. */
  readonly counts: ReadonlyMap<string, number>
  /** 1 when the pod itself will count. */
  readonly self: 0 | 1
}

/** Works out a pod's topology spread constraints on the nodes and pods there are (upstream's PodTopologySpread). */
export function spreadRules(pod: Pod, nodes: readonly Node[], placed: readonly PlacedPod[]): SpreadRules {
  const constraints = pod.spec.topologySpreadConstraints ?? []
  if (constraints.length === 0) return NONE
  const counted = (when: TopologySpreadConstraint['whenUnsatisfiable']) => {
    const chosen = constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
    const keys = chosen.map(({ topologyKey }) => topologyKey)
    const eligible = nodes.filter(({ metadata }) => keys.every((key) => metadata.labels?.[key] !== undefined))
    return chosen.map((constraint) => count(pod, constraint, { nodes: eligible, placed }))
  }
  const hard = counted('DoNotSchedule')
  const soft = counted('ScheduleAnyway')
  return {
    refusal(node) {
      for (const each of hard) {
        const refused = judge(each, node)
        if (refused !== undefined) return refused
      }
      return undefined
    },
    crowding: (node) => soft.reduce((sum, each) => sum + weigh(each, node), 0),
  }
}

function judge({ constraint, counts, self }: Counted, node: Node): Refusal | undefined {
  const value = node.metadata.labels?.[constraint.topologyKey]
  if (value === undefined) return unresolvable(`${MISMATCH} (missing required label)`)
  const fewDomains = counts.size < (constraint.minDomains ?? 1)
  const least = fewDomains ? 0 : counts.size === 0 ? 2 ** 31 - 1 : Math.min(...counts.values())
  const skew = (counts.get(value) ?? 0) + self - least
  return skew > constraint.maxSkew ? resolvable(MISMATCH) : undefined
}

/** A node outside all domains is as bad as the fullest one; many domains weigh more than few, as upstream's log weight. */
function weigh({ constraint, counts }: Counted, node: Node): number {
  const value = node.metadata.labels?.[constraint.topologyKey]
  const crowd = value === undefined ? Math.max(0, ...counts.values()) + 1 : (counts.get(value) ?? 0)
  return crowd * Math.log(counts.size + 2) + (constraint.maxSkew - 1)
}

function count(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  world: { readonly nodes: readonly Node[]; readonly placed: readonly PlacedPod[] },
): Counted {
  const { topologyKey, labelSelector } = constraint
  const selector = selectorFor(pod, labelSelector, constraint)
  const counts = new Map<string, number>()
  const domains = new Map<string, string>()
  for (const node of world.nodes) {
    const value = node.metadata.labels?.[topologyKey]
    if (value === undefined || !isIncluded(pod, node, constraint)) continue
    counts.set(value, 0)
    domains.set(node.metadata.name, value)
  }
  for (const { pod: other, node } of world.placed) {
    const value = domains.get(node.metadata.name)
    if (value === undefined || !isCounted(pod, other, selector)) continue
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return { constraint, counts, self: matchesLabels(selector, pod.metadata.labels) ? 1 : 0 }
}

/** Pods of the same namespace that are not on their way out. */
function isCounted(pod: Pod, other: Pod, selector: ParsedLabelSelector): boolean {
  const { namespace, deletionTimestamp, labels } = other.metadata
  return deletionTimestamp === undefined && namespace === pod.metadata.namespace && matchesLabels(selector, labels)
}

/** Node affinity is honoured unless told otherwise, taints are not (KEP-3094). */
function isIncluded({ spec }: Pod, node: Node, constraint: TopologySpreadConstraint): boolean {
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNode(spec, node)) return false
  if (constraint.nodeTaintsPolicy !== 'Honor') return true
  return untolerated(node.spec?.taints ?? [], spec.tolerations ?? [], ['NoSchedule', 'NoExecute']) === undefined
}
