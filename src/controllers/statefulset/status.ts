import type { StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isAvailable, isReady } from '../pod-state.ts'
import { REVISION_LABEL } from './identity.ts'

type Status = NonNullable<StatefulSet['status']>

/**
 * The status that a StatefulSet's pods give it. The update revision becomes the current one once every wanted pod has
 * it and is ready (RollingUpdate without partition), as upstream's `completeRollingUpdate`.
 *
 * @param context `now` is milliseconds since the epoch.
 */
export function statefulSetStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  context: { readonly revision: string; readonly now: number },
): Status {
  const { revision } = context
  const known = set.status?.currentRevision
  const current = known === undefined || known === '' ? revision : known
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod))
  const available = ready.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, context.now))
  const updated = countOf(pods, revision)
  const complete =
    set.spec.updateStrategy?.type !== 'OnDelete' && updated === pods.length && ready.length === pods.length
  const { collisionCount } = set.status ?? {}
  return {
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: available.length,
    currentReplicas: complete ? updated : countOf(pods, current),
    updatedReplicas: updated,
    currentRevision: complete ? revision : current,
    updateRevision: revision,
    collisionCount: collisionCount ?? 0,
  }
}

function countOf(pods: readonly Pod[], revision: string): number {
  return pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && pod.metadata.labels?.[REVISION_LABEL] === revision,
  ).length
}
