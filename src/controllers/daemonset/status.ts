import type { DaemonSet } from '../../kube/types/apps.ts'
import { isAvailable, isReady } from '../pod-state.ts'
import { type DaemonSetView, podsPerNode, REVISION_LABEL } from './plan.ts'

type Status = NonNullable<DaemonSet['status']>

/** The status that a DaemonSet's pods give it: of each node the oldest pod counts. */
export function daemonSetStatus(set: DaemonSet, view: DaemonSetView): Status {
  const perNode = podsPerNode(set, view)
  const wanted = perNode.filter((each) => each.wanted)
  const placed = wanted.flatMap(({ running }) => running[0] ?? [])
  const alive = placed.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const ready = wanted.filter(({ running }) => running.some(isReady))
  const available = wanted.filter(({ running }) =>
    running.some((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, view.now)),
  )
  const updated = alive.filter(({ metadata }) => metadata.labels?.[REVISION_LABEL] === view.revision)
  const { generation } = set.metadata
  const { collisionCount } = set.status ?? {}
  const count = available.length
  return {
    currentNumberScheduled: placed.length,
    numberMisscheduled: perNode.filter(({ wanted: belongs, running }) => !belongs && running.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: ready.length,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(updated.length === 0 ? {} : { updatedNumberScheduled: updated.length }),
    ...(count === 0 ? {} : { numberAvailable: count }),
    ...(count === wanted.length ? {} : { numberUnavailable: wanted.length - count }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  }
}
