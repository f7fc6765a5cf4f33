import { untolerated } from '../taints.ts'
import { type NodeRoom, type PodNeeds, refusals } from './filters.ts'

/** A node that a pod may go to, with what is on it that the pod should keep away from. */
export interface Candidate extends NodeRoom {
  /** Pods with the same controller. */
  readonly siblings: number
  /** Pods of the same Services. */
  readonly peers: number
}

interface Ranked {
  readonly candidate: Candidate
  readonly rank: readonly number[]
}

export type Decision =
  | { readonly type: 'node'; readonly name: string }
  | { readonly type: 'unschedulable'; readonly message: string }

/**
 * Chooses the node for a pod: of those that pass all filters, the one with the fewest soft taints, then the fewest
 * pods of the same owner, of the same Services, of any kind; then the first by name. So a burst of pods spreads
 * evenly.
 */
export function decide(needs: PodNeeds, candidates: readonly Candidate[]): Decision {
  if (candidates.length === 0) return { type: 'unschedulable', message: 'no nodes available to schedule pods' }
  const reasons: string[] = []
  let best: Ranked | undefined
  for (const candidate of candidates) {
    const refused = refusals(needs, candidate)
    reasons.push(...refused)
    if (refused.length > 0) continue
    const rank = rankOf(needs, candidate)
    if (best === undefined || isBetter({ candidate, rank }, best)) best = { candidate, rank }
  }
  if (best !== undefined) return { type: 'node', name: best.candidate.node.metadata.name }
  return { type: 'unschedulable', message: explain(candidates.length, reasons) }
}

/** Upstream's FitError: `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.` */
export function explain(nodes: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort()
  return `0/${nodes} nodes are available: ${texts.join(', ')}.`
}

function rankOf({ pod }: PodNeeds, candidate: Candidate): readonly number[] {
  const soft = (candidate.node.spec?.taints ?? []).filter(
    (taint) => untolerated([taint], pod.spec.tolerations ?? [], ['PreferNoSchedule']) !== undefined,
  )
  return [soft.length, candidate.siblings, candidate.peers, candidate.pods]
}

function isBetter(left: Ranked, right: Ranked): boolean {
  for (const [index, value] of left.rank.entries()) {
    const difference = value - (right.rank[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return left.candidate.node.metadata.name < right.candidate.node.metadata.name
}
