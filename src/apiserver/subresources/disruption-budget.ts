import { formatTime } from '../../base/time.ts'
import type { Draft } from '../../kube/kind.ts'
import { podDisruptionBudgets } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { PodDisruptionBudget } from '../../kube/types/policy.ts'
import type { Store } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import { objectPrefix } from '../object-key.ts'
import { StatusError } from '../status-error.ts'

/** More granted evictions than this that no deletion followed: something is wrong with whoever writes the status. */
const DISRUPTED_LIMIT = 2_000
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."

/** A pod that has ended, has not begun or goes anyway disrupts nobody. */
export function canIgnoreBudgets({ metadata, status }: Pod): boolean {
  const phase = status?.phase
  return metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending'
}

/** The budgets that a pod is covered by. */
export function budgetsFor(store: Pick<Store, 'list'>, { metadata }: Pod): readonly PodDisruptionBudget[] {
  if (Object.keys(metadata.labels ?? {}).length === 0) return []
  return store
    .list(objectPrefix(podDisruptionBudgets, metadata.namespace))
    .entries.map((entry) => decodedObject(entry) as PodDisruptionBudget)
    .filter(({ spec }) => matchesLabels(labelSelectorFrom(spec.selector), metadata.labels))
}

/** A pod that is not ready is not counted, so that it may go while enough others are, or always, as the budget says. */
export function isUnguarded({ status }: Pod, { spec, status: budget }: PodDisruptionBudget): boolean {
  if (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) return false
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const { currentHealthy = 0, desiredHealthy = 0 } = budget ?? {}
  return currentHealthy >= desiredHealthy && desiredHealthy > 0
}

/**
 * The budget with one disruption less, and the pod noted as one that goes (upstream `checkAndDecrement`).
 *
 * @throws StatusError TooManyRequests while there is none left, or nobody knows yet.
 */
export function takeDisruption(draft: Draft, pod: string, now: number): Draft {
  const budget = draft as unknown as PodDisruptionBudget
  const { name, generation = 0 } = budget.metadata
  const status = budget.status
  const disrupted = status?.disruptedPods ?? {}
  if (status === undefined || (status.observedGeneration ?? 0) < generation) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10)
  }
  if (status.disruptionsAllowed < 0) throw forbidden(name, 'pdb disruptions allowed is negative')
  if (Object.keys(disrupted).length > DISRUPTED_LIMIT) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller'
    throw forbidden(name, why)
  }
  if (status.disruptionsAllowed === 0) throw tooMany(whyNone(budget), undefined)
  const disruptionsAllowed = status.disruptionsAllowed - 1
  return {
    ...draft,
    status: { ...status, disruptionsAllowed, disruptedPods: { ...disrupted, [pod]: formatTime(now) } },
  }
}

function whyNone({ metadata: { name }, status }: PodDisruptionBudget): string {
  const { currentHealthy = 0, desiredHealthy = 0, conditions } = status ?? {}
  const condition = conditions?.find(({ type }) => type === 'DisruptionAllowed')
  const { reason = '', message = '' } = condition?.status === 'False' ? condition : {}
  const not = `The disruption budget ${name} does not allow evicting pods currently`
  if (message !== '' && reason === 'SyncFailed') return `${not} because it failed sync: ${message}`
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
  }
  return message === '' ? not : `${not} (${reason}): ${message}`
}

function tooMany(why: string, retryAfterSeconds: number | undefined): StatusError {
  const causes = [{ reason: 'DisruptionBudget', message: why }]
  const details = retryAfterSeconds === undefined ? { causes } : { causes, retryAfterSeconds }
  return new StatusError(429, 'TooManyRequests', VIOLATES, details)
}

function forbidden(name: string, why: string): StatusError {
  const message = `poddisruptionbudget.policy "${name}" is forbidden: ${why}`
  return new StatusError(403, 'Forbidden', message, { name, group: 'policy', kind: 'poddisruptionbudget' })
}
