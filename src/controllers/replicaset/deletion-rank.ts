import type { Pod } from '../../kube/types/core.ts'
import { isReady, readyCondition } from '../pod-state.ts'

/** Annotation by which a user makes a pod go earlier (lower) or later (higher) when scaling down. */
export const POD_DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/**
 * The `count` pods to delete first when scaling down, in upstream's order (ActivePodsWithRanks): unscheduled, pending,
 * not ready, cheaper by annotation, doubled up on a node, ready for a shorter time, restarted more often, younger.
 *
 * @param related The active pods of the same owner family; more of them on a pod's node make it go earlier.
 * @param now Milliseconds since the epoch.
 */
export function podsToDelete(
  pods: readonly Pod[],
  count: number,
  context: { readonly related: readonly Pod[]; readonly now: number },
): readonly Pod[] {
  if (count <= 0) return []
  if (count >= pods.length) return pods
  const perNode = new Map<string, number>()
  for (const pod of context.related) {
    const node = pod.spec.nodeName
    if (node !== undefined) perNode.set(node, (perNode.get(node) ?? 0) + 1)
  }
  const ranked = pods.map((pod) => ({ pod, rank: rankOf(pod, perNode, context.now) }))
  ranked.sort((left, right) => compareRanks(left.rank, right.rank))
  return ranked.slice(0, count).map(({ pod }) => pod)
}

const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/** Numbers compared from the first on; smaller goes first. */
function rankOf(pod: Pod, perNode: ReadonlyMap<string, number>, now: number): readonly number[] {
  const node = pod.spec.nodeName
  const readySince = isReady(pod) ? Date.parse(readyCondition(pod)?.lastTransitionTime ?? '') : Number.NaN
  return [
    node === undefined || node === '' ? 0 : 1,
    PHASE_RANK[pod.status?.phase ?? 'Pending'] ?? 0,
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(perNode.get(node ?? '') ?? 0),
    timeBucket(readySince, now),
    -restarts(pod),
    timeBucket(Date.parse(pod.metadata.creationTimestamp ?? ''), now),
  ]
}

function compareRanks(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[POD_DELETION_COST]
  return text !== undefined && /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))
}

/** Ages are compared by their power of two, so that pods of about the same age are taken at random (KEP-2185). */
function timeBucket(since: number, now: number): number {
  if (Number.isNaN(since)) return -1
  return Math.floor(Math.log2(Math.max(1, now - since)))
}
