import { formatTime } from '../../base/time.ts'
import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isActive, isAvailable, isReady } from '../pod-state.ts'

type Status = NonNullable<ReplicaSet['status']>

/** Why the last attempt to create or delete pods failed. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly message: string
}

/**
 * The status that a ReplicaSet's pods give it.
 *
 * @param now Milliseconds since the epoch.
 */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  context: { readonly failure: ReplicaFailure | undefined; readonly now: number },
): Status {
  const active = pods.filter(isActive)
  const templateLabels = Object.entries(replicaSet.spec.template?.metadata?.labels ?? {})
  const labelled = active.filter((pod) => templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value))
  const available = active.filter((pod) => isAvailable(pod, replicaSet.spec.minReadySeconds ?? 0, context.now))
  const conditions = conditionsWith(replicaSet, context)
  return {
    replicas: active.length,
    fullyLabeledReplicas: labelled.length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: available.length,
    ...(replicaSet.metadata.generation === undefined ? {} : { observedGeneration: replicaSet.metadata.generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  }
}

function conditionsWith(
  replicaSet: ReplicaSet,
  { failure, now }: { readonly failure: ReplicaFailure | undefined; readonly now: number },
): NonNullable<Status['conditions']> {
  const conditions = replicaSet.status?.conditions ?? []
  const others = conditions.filter((condition) => condition.type !== 'ReplicaFailure')
  if (failure === undefined) return others
  const known = conditions.find((condition) => condition.type === 'ReplicaFailure')
  if (known !== undefined) return conditions
  const lastTransitionTime = formatTime(now)
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime, ...failure }]
}
