import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isTerminal } from '../pod-state.ts'
import { isRolling } from './fenceposts.ts'
import { findNew, isUnchanged, newReplicaSet, REVISION, refreshed, resized, revisionOf, sizeOf } from './replica-set.ts'
import {
  emptied,
  isScalingEvent,
  nextSizeOfNew,
  nextSizesOfOld,
  type ReplicaSets,
  type Sizes,
  sizesForScale,
} from './sizes.ts'
import { type DeploymentStatus, deadlineIn, deploymentStatus, isComplete } from './status.ts'

export interface DeploymentPlan {
  readonly create: ReplicaSet | undefined
  readonly update: readonly { readonly from: ReplicaSet; readonly to: ReplicaSet }[]
  /** Old ReplicaSets beyond the history limit. */
  readonly delete: readonly ReplicaSet[]
  /** Annotation `deployment.kubernetes.io/revision` to set on the Deployment; `undefined` when it has it. */
  readonly revision: string | undefined
  readonly status: DeploymentStatus
  /** Milliseconds until the progress deadline ends, if one runs. */
  readonly recheckIn: number | undefined
}

export interface DeploymentWorld {
  /** Pods of the Deployment's ReplicaSets. */
  readonly pods: readonly Pod[]
  /** Milliseconds since the epoch. */
  readonly now: number
}

const DEFAULT_HISTORY = 10

/**
 * One step of a Deployment towards its template and size. Each step follows from what the ReplicaSets report, so that
 * a rollout never has more or fewer pods than the strategy allows.
 *
 * @param replicaSets Those of the Deployment, and no others.
 */
export function planDeployment(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
  world: DeploymentWorld,
): DeploymentPlan {
  const current = findNew(deployment, replicaSets)
  const sets = { current, old: replicaSets.filter((replicaSet) => replicaSet !== current) }
  const revision = sets.old.map(revisionOf).reduce(later, 0n) + 1n
  const leaving = deployment.metadata.deletionTimestamp !== undefined
  const steps = leaving ? { create: undefined, sizes: new Map() } : nextSteps(deployment, sets, { ...world, revision })
  const status = deploymentStatus(deployment, sets, { created: steps.create, now: world.now })
  const cleaning = !leaving && (deployment.spec.paused === true || isComplete(deployment, status))
  return {
    create: steps.create,
    update: leaving ? [] : updates(deployment, sets, { sizes: steps.sizes, revision }),
    delete: cleaning ? beyondHistory(deployment, sets.old) : [],
    revision: leaving ? undefined : newRevision(deployment, current ?? steps.create, revision),
    status,
    recheckIn: leaving ? undefined : deadlineIn(deployment, status, world.now),
  }
}

interface Steps {
  readonly create: ReplicaSet | undefined
  readonly sizes: Sizes
}

function nextSteps(
  deployment: Deployment,
  sets: ReplicaSets,
  world: DeploymentWorld & { readonly revision: bigint },
): Steps {
  const paused = deployment.spec.paused === true
  if (paused || (isRolling(deployment) && isScalingEvent(deployment, sets))) {
    return { create: undefined, sizes: sizesForScale(deployment, sets) }
  }
  if (!isRolling(deployment)) {
    const sizes = emptied(sets.old)
    if (sizes.size > 0 || hasOldPods(sets.old, world.pods)) return { create: undefined, sizes }
  }
  const size = nextSizeOfNew(deployment, sets)
  if (sets.current === undefined) {
    return { create: resized(newReplicaSet(deployment, world.revision), deployment, size), sizes: new Map() }
  }
  if (size !== sizeOf(sets.current)) {
    return { create: undefined, sizes: new Map([[sets.current.metadata.name, size]]) }
  }
  return {
    create: undefined,
    sizes: isRolling(deployment) ? nextSizesOfOld(deployment, sets.current, sets.old) : new Map(),
  }
}

function updates(
  deployment: Deployment,
  sets: ReplicaSets,
  { sizes, revision }: { readonly sizes: Sizes; readonly revision: bigint },
): DeploymentPlan['update'] {
  const all = [...(sets.current === undefined ? [] : [sets.current]), ...sets.old]
  return all.flatMap((from) => {
    const size = sizes.get(from.metadata.name)
    const noted = from === sets.current ? refreshed(from, deployment, revision) : from
    const to = size === undefined ? noted : resized(noted, deployment, size)
    return isUnchanged(from, to) ? [] : [{ from, to }]
  })
}

function hasOldPods(old: readonly ReplicaSet[], pods: readonly Pod[]): boolean {
  const uids = new Set(old.map((replicaSet) => replicaSet.metadata.uid))
  return pods.some(
    (pod) => !isTerminal(pod) && pod.metadata.ownerReferences?.some((owner) => owner.controller && uids.has(owner.uid)),
  )
}

function later(left: bigint, right: bigint): bigint {
  return left > right ? left : right
}

function newRevision(deployment: Deployment, current: ReplicaSet | undefined, revision: bigint): string | undefined {
  if (current === undefined) return undefined
  const wanted = String(later(revision, revisionOf(current)))
  return deployment.metadata.annotations?.[REVISION] === wanted ? undefined : wanted
}

function beyondHistory(deployment: Deployment, old: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? DEFAULT_HISTORY
  const present = old.filter((replicaSet) => replicaSet.metadata.deletionTimestamp === undefined)
  const surplus = Math.max(0, present.length - limit)
  const oldest = [...present].sort((left, right) => (revisionOf(left) < revisionOf(right) ? -1 : 1)).slice(0, surplus)
  return oldest.filter(isUnused)
}

function isUnused({ metadata, spec, status }: ReplicaSet): boolean {
  return (
    (spec.replicas ?? 1) === 0 &&
    (status?.replicas ?? 0) === 0 &&
    (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0)
  )
}
