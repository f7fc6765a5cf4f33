import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { refreshedCondition, withCondition, without } from './conditions.ts'
import { fenceposts, wantedReplicas } from './fenceposts.ts'
import { sizeOf } from './replica-set.ts'
import type { ReplicaSets } from './sizes.ts'

export type DeploymentStatus = NonNullable<Deployment['status']>

const NO_DEADLINE = 2 ** 31 - 1

/** What happened in this pass, besides what the ReplicaSets say. */
export interface Happening {
  /** The ReplicaSet that is created in this pass. */
  readonly created: ReplicaSet | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The Deployment's status as its ReplicaSets give it, with the conditions Available, Progressing, ReplicaFailure. */
export function deploymentStatus(deployment: Deployment, sets: ReplicaSets, happening: Happening): DeploymentStatus {
  const counts = countsOf(deployment, sets)
  const known = deployment.status?.conditions ?? []
  const progressing = withProgress(deployment, sets, { counts, happening, conditions: known })
  const available = withAvailability(deployment, { counts, happening, conditions: progressing })
  const conditions = withFailure(available, sets)
  return { ...counts, ...(conditions.length === 0 ? {} : { conditions }) }
}

/** The status of a Deployment whose new ReplicaSet could not be created; without a deadline it says nothing of that. */
export function createFailed(deployment: Deployment, message: string, now: number): DeploymentStatus {
  const status = deployment.status ?? {}
  if (!hasDeadline(deployment)) return status
  const failed = { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message } as const
  return { ...status, conditions: withCondition(status.conditions ?? [], failed, now) }
}

/** Milliseconds until the rollout counts as stuck; `undefined` when no deadline runs. */
export function deadlineIn(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing')
  if (!hasDeadline(deployment) || progressing?.status !== 'True') return undefined
  if (progressing.reason === 'NewReplicaSetAvailable' || isComplete(deployment, status)) return undefined
  return Math.max(0, deadlineOf(deployment, progressing) - now)
}

/** Every wanted pod is of the new template and available, and no other is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment)
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function countsOf(deployment: Deployment, { current, old }: ReplicaSets): DeploymentStatus {
  const all = [...old, ...(current === undefined ? [] : [current])]
  const sum = (count: (status: NonNullable<ReplicaSet['status']>) => number | undefined) =>
    all.reduce((total, { status }) => total + (status === undefined ? 0 : (count(status) ?? 0)), 0)
  const replicas = sum((status) => status.replicas)
  const availableReplicas = sum((status) => status.availableReplicas)
  const { collisionCount } = deployment.status ?? {}
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    replicas,
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum((status) => status.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, all.reduce((total, set) => total + sizeOf(set), 0) - availableReplicas),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  }
}

interface Rollout {
  readonly counts: DeploymentStatus
  readonly conditions: readonly Condition[]
  readonly happening: Happening
}

function withAvailability(deployment: Deployment, { counts, conditions, happening }: Rollout): readonly Condition[] {
  const least = wantedReplicas(deployment) - fenceposts(deployment).maxUnavailable
  const enough = (counts.availableReplicas ?? 0) >= least
  return withCondition(
    conditions,
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
    },
    happening.now,
  )
}

function withProgress(deployment: Deployment, sets: ReplicaSets, rollout: Rollout): readonly Condition[] {
  if (!hasDeadline(deployment)) return without(rollout.conditions, 'Progressing')
  const conditions = withEvents(deployment, sets, rollout)
  if (deployment.spec.paused === true) return conditions
  const { counts, happening } = rollout
  const known = conditions.find(({ type }) => type === 'Progressing')
  const settled = counts.replicas === counts.updatedReplicas && known?.reason === 'NewReplicaSetAvailable'
  if (settled) return conditions
  const name = sets.current?.metadata.name ?? happening.created?.metadata.name
  const subject = name === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${name}"`
  const progressing = { type: 'Progressing', status: 'True' } as const
  if (isComplete(deployment, counts)) {
    const message = `${subject} has successfully progressed.`
    return withCondition(conditions, { ...progressing, reason: 'NewReplicaSetAvailable', message }, happening.now)
  }
  if (hasProgressed(deployment.status ?? {}, counts)) {
    const message = `${subject} is progressing.`
    return refreshedCondition(conditions, { ...progressing, reason: 'ReplicaSetUpdated', message }, happening.now)
  }
  if (!hasTimedOut(deployment, known, happening.now)) return conditions
  const message = `${subject} has timed out progressing.`
  const timedOut = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message } as const
  return withCondition(conditions, timedOut, happening.now)
}

/** Pausing, resuming, a ReplicaSet created or found: each says so in the condition Progressing. */
function withEvents(deployment: Deployment, sets: ReplicaSets, rollout: Rollout): readonly Condition[] {
  const { conditions, happening } = rollout
  const known = conditions.find(({ type }) => type === 'Progressing')
  const paused = known?.reason === 'DeploymentPaused'
  const set = (status: Condition['status'], reason: string, message: string) =>
    withCondition(conditions, { type: 'Progressing', status, reason, message }, happening.now)
  if (happening.created !== undefined) {
    return set('True', 'NewReplicaSetCreated', `Created new replica set "${happening.created.metadata.name}"`)
  }
  if (known?.reason !== 'ProgressDeadlineExceeded') {
    if (deployment.spec.paused === true && !paused) return set('Unknown', 'DeploymentPaused', 'Deployment is paused')
    if (deployment.spec.paused !== true && paused) return set('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  }
  if (known === undefined && sets.current !== undefined) {
    return set('True', 'FoundNewReplicaSet', `Found new replica set "${sets.current.metadata.name}"`)
  }
  return conditions
}

function withFailure(conditions: readonly Condition[], { current, old }: ReplicaSets): readonly Condition[] {
  const failures = [current, ...old].flatMap((replicaSet) =>
    (replicaSet?.status?.conditions ?? []).filter(({ type }) => type === 'ReplicaFailure'),
  )
  const rest = without(conditions, 'ReplicaFailure')
  const [failure] = failures
  if (failure === undefined) return rest
  const known = conditions.find(({ type }) => type === 'ReplicaFailure')
  if (known?.status === failure.status && known.reason === failure.reason) return conditions
  const { lastTransitionTime } = failure
  return [...rest, { ...failure, ...(lastTransitionTime === undefined ? {} : { lastUpdateTime: lastTransitionTime }) }]
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  )
}

function hasTimedOut(deployment: Deployment, progressing: Condition | undefined, now: number): boolean {
  if (progressing === undefined || progressing.reason === 'NewReplicaSetAvailable') return false
  return progressing.reason === 'ProgressDeadlineExceeded' || deadlineOf(deployment, progressing) <= now
}

function hasDeadline(deployment: Deployment): boolean {
  const { progressDeadlineSeconds } = deployment.spec
  return progressDeadlineSeconds !== undefined && progressDeadlineSeconds < NO_DEADLINE
}

function deadlineOf(deployment: Deployment, { lastUpdateTime = '', lastTransitionTime = '' }: Condition): number {
  const since = Date.parse(lastUpdateTime) || Date.parse(lastTransitionTime) || 0
  return since + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000
}
