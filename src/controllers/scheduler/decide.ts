import { preferenceFor } from '../node-affinity.ts'
import { untolerated } from '../taints.ts'
import { type NodeRoom, type PodNeeds, refusals } from './filters.ts'
import type { AffinityRules } from './pod-affinity.ts'
import type { Refusal } from './refusal.ts'
import type { SpreadRules } from './topology-spread.ts'

/** A node that a pod may go to, with what is on it that the pod should keep away from. */
export interface Candidate extends NodeRoom {
  /** Pods with the same controller. */
  readonly siblings: number
  /** Pods with the same controller in the same zone. */
  readonly zoneSiblings: number
  /** Pods of the same Services. */
  readonly peers: number
}

/** What depends on where other pods are. */
export interface PlacementRules {
  readonly affinity: AffinityRules
  readonly spread: SpreadRules
}

interface Ranked {
  readonly candidate: Candidate
  readonly rank: readonly number[]
}

export type Decision =
  | { readonly type: 'node'; readonly name: string }
  | {
      readonly type: 'unschedulable'
      readonly message: string
      /** Nodes that would take the pod if others made room. */
      readonly resolvable: readonly string[]
    }

/**
 * Chooses the node for a pod: of those that pass all filters, the one with the fewest soft taints, then by preferred
 * node affinity, preferred pod affinity, soft spread constraints, then the fewest pods of the same owner (on the node,
 * in the zone), of the same Services, of any kind; then the first by name. So a burst of pods spreads evenly.
 */
export function decide(needs: PodNeeds, candidates: readonly Candidate[], rules: PlacementRules): Decision {
  if (candidates.length === 0) {
    return { type: 'unschedulable', message: 'no nodes available to schedule pods', resolvable: [] }
  }
  const reasons: string[] = []
  const resolvable: string[] = []
  let best: Ranked | undefined
  for (const candidate of candidates) {
    const refused = refusalsOf(needs, candidate, rules)
    reasons.push(...refused.map(({ reason }) => reason))
    if (refused.length > 0) {
      if (refused.every((each) => each.resolvable)) resolvable.push(candidate.node.metadata.name)
      continue
    }
    const rank = rankOf(needs, candidate, rules)
    if (best === undefined || isBetter({ candidate, rank }, best)) best = { candidate, rank }
  }
  if (best !== undefined) return { type: 'node', name: best.candidate.node.metadata.name }
  return { type: 'unschedulable', message: explain(candidates.length, reasons), resolvable }
}

/** Upstream's FitError: `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.` */
export function explain(nodes: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort()
  return `0/${nodes} nodes are available: ${texts.join(', ')}.`
}

function refusalsOf(needs: PodNeeds, candidate: Candidate, { spread, affinity }: PlacementRules): readonly Refusal[] {
  const refused = refusals(needs, candidate)
  if (refused.length > 0) return refused
  const placement = spread.refusal(candidate.node) ?? affinity.refusal(candidate.node)
  return placement === undefined ? [] : [placement]
}

function rankOf({ pod }: PodNeeds, candidate: Candidate, { spread, affinity }: PlacementRules): readonly number[] {
  const { node, siblings, zoneSiblings, peers, pods } = candidate
  const soft = (node.spec?.taints ?? []).filter(
    (taint) => untolerated([taint], pod.spec.tolerations ?? [], ['PreferNoSchedule']) !== undefined,
  )
  const preferred = [-preferenceFor(pod.spec, node), -affinity.preference(node), spread.crowding(node)]
  return [soft.length, ...preferred, siblings, zoneSiblings, peers, pods]
}

function isBetter(left: Ranked, right: Ranked): boolean {
  for (const [index, value] of left.rank.entries()) {
    const difference = value - (right.rank[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return left.candidate.node.metadata.name < right.candidate.node.metadata.name
}
