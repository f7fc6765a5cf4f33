import type { StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { earliestAvailability, isAvailable, isTerminal } from '../pod-state.ts'
import { ordinalOf, REVISION_LABEL } from './identity.ts'

export type StatefulSetAction =
  | { readonly type: 'create'; readonly ordinal: number }
  | { readonly type: 'delete'; readonly pod: Pod }

export interface StatefulSetPlan {
  readonly actions: readonly StatefulSetAction[]
  /** Milliseconds until a ready pod becomes available by `minReadySeconds`, if one is waited for. */
  readonly recheckIn: number | undefined
}

interface Context {
  /** Name of the revision that the template makes. */
  readonly revision: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The pods that a StatefulSet wants by ordinal, and those beyond, highest first. */
interface Slots {
  readonly wanted: readonly { readonly ordinal: number; readonly pod: Pod | undefined }[]
  readonly condemned: readonly Pod[]
  healthy(pod: Pod): boolean
}

/** Steps to take; `wait` when the next step must wait for a pod. */
type Steps = readonly StatefulSetAction[] | 'wait'

/**
 * The next steps towards the wanted pods, as upstream's `updateStatefulSet`: OrderedReady does one thing at a time, in
 * order of ordinals, and waits for each pod to be available; Parallel does not wait. Pods beyond the wanted number go
 * from the highest ordinal down; then pods of another revision likewise (RollingUpdate), one at a time, or as many as
 * `maxUnavailable` allows.
 */
export function planStatefulSet(set: StatefulSet, pods: readonly Pod[], context: Context): StatefulSetPlan {
  if (set.metadata.deletionTimestamp !== undefined) return { actions: [], recheckIn: undefined }
  const slots = slotsOf(set, pods, context.now)
  const scaling = set.spec.podManagementPolicy === 'Parallel' ? parallelSteps(slots) : orderedSteps(slots)
  const steps = scaling.length > 0 ? scaling : updateSteps(set, slots, context.revision)
  return {
    actions: steps === 'wait' ? [] : steps,
    recheckIn: earliestAvailability(pods, set.spec.minReadySeconds ?? 0, context.now),
  }
}

function orderedSteps({ wanted, condemned, healthy }: Slots): Steps {
  for (const { ordinal, pod } of wanted) {
    if (pod === undefined) return [{ type: 'create', ordinal }]
    if (pod.metadata.deletionTimestamp !== undefined) return 'wait'
    if (isTerminal(pod)) return [{ type: 'delete', pod }]
    if (!healthy(pod)) return 'wait'
  }
  const [highest] = condemned
  if (highest === undefined) return []
  if (highest.metadata.deletionTimestamp !== undefined) return 'wait'
  // A pod that is not ready holds back the removal of the ones above it; one that has ended would do so for ever.
  const lowestUnhealthy = condemned.findLast((pod) => !healthy(pod))
  const free = healthy(highest) || isTerminal(highest) || lowestUnhealthy === highest
  return free ? [{ type: 'delete', pod: highest }] : 'wait'
}

function parallelSteps({ wanted, condemned }: Slots): Steps {
  const missing = wanted.flatMap(({ ordinal, pod }): StatefulSetAction[] => {
    if (pod === undefined) return [{ type: 'create', ordinal }]
    return isTerminal(pod) ? [{ type: 'delete', pod }] : []
  })
  return [...missing, ...condemned.map((pod): StatefulSetAction => ({ type: 'delete', pod }))].filter(isNew)
}

function updateSteps(set: StatefulSet, { wanted, healthy }: Slots, revision: string): Steps {
  if (set.spec.updateStrategy?.type === 'OnDelete') return []
  const { partition: count = 0, maxUnavailable } = set.spec.updateStrategy?.rollingUpdate ?? {}
  const partition = (set.spec.ordinals?.start ?? 0) + count
  if (maxUnavailable !== undefined) {
    const outdated = ({ ordinal, pod }: Slots['wanted'][number]) =>
      ordinal >= partition && pod !== undefined && pod.metadata.labels?.[REVISION_LABEL] !== revision
    const room = most(maxUnavailable, wanted.length) - wanted.filter(({ pod }) => isAway(pod, healthy)).length
    const leaving = wanted
      .toReversed()
      .filter(outdated)
      .flatMap(({ pod }) => pod ?? [])
    const staying = leaving.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return staying.slice(0, Math.max(0, room)).map((pod) => ({ type: 'delete', pod }))
  }
  for (const { ordinal, pod } of wanted.toReversed()) {
    if (ordinal < partition) return []
    if (pod === undefined) continue
    if (pod.metadata.deletionTimestamp !== undefined) return 'wait'
    if (pod.metadata.labels?.[REVISION_LABEL] !== revision) return [{ type: 'delete', pod }]
    if (!healthy(pod)) return 'wait'
  }
  return []
}

/** A number, or a part of all rounded down; one at least. */
function most(value: number | string, all: number): number {
  return Math.max(1, typeof value === 'number' ? value : Math.floor((Number.parseInt(value, 10) / 100) * all))
}

function isAway(pod: Pod | undefined, healthy: Slots['healthy']): boolean {
  return pod === undefined || pod.metadata.deletionTimestamp !== undefined || !healthy(pod)
}

function isNew(action: StatefulSetAction): boolean {
  return action.type === 'create' || action.pod.metadata.deletionTimestamp === undefined
}

function slotsOf(set: StatefulSet, pods: readonly Pod[], now: number): Slots {
  const start = set.spec.ordinals?.start ?? 0
  const end = start + (set.spec.replicas ?? 1)
  const byOrdinal = new Map<number, Pod>()
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod)
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod)
  }
  const wanted = Array.from({ length: end - start }, (_, index) => start + index)
  const beyond = [...byOrdinal].filter(([ordinal]) => ordinal < start || ordinal >= end)
  beyond.sort(([left], [right]) => right - left)
  return {
    wanted: wanted.map((ordinal) => ({ ordinal, pod: byOrdinal.get(ordinal) })),
    condemned: beyond.map(([, pod]) => pod),
    healthy: (pod) => pod.status?.phase === 'Running' && isAvailable(pod, set.spec.minReadySeconds ?? 0, now),
  }
}
