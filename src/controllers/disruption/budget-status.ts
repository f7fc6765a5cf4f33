import { setCondition } from '../../kube/conditions.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { PodDisruptionBudget } from '../../kube/types/policy.ts'
import { isReady } from '../pod-state.ts'
import type { Expectation } from './expected-pods.ts'

/** How long a pod that an eviction was granted for may take to be deleted, in milliseconds. */
export const DELETION_TIMEOUT_MS = 120_000

type Status = NonNullable<PodDisruptionBudget['status']>

export interface BudgetPlan {
  readonly status: Status
  /** Pods that were to go and did not. */
  readonly notDeleted: readonly Pod[]
  /** Milliseconds after which a granted eviction counts no more; `undefined` when there is none. */
  readonly recheckMs: number | undefined
}

/**
 * The status of a budget: pods that go or are about to are no longer healthy (upstream `trySync`).
 *
 * @param now Milliseconds since the epoch.
 */
export function planBudgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  { expectation, now }: { readonly expectation: Expectation; readonly now: number },
): BudgetPlan {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const granted = staying.flatMap((pod) => {
    const since = budget.status?.disruptedPods?.[pod.metadata.name]
    return since === undefined ? [] : [{ pod, since, left: Date.parse(since) + DELETION_TIMEOUT_MS - now }]
  })
  const waiting = granted.filter(({ left }) => left >= 0)
  const going = new Set(waiting.map(({ pod }) => pod.metadata.name))
  const currentHealthy = staying.filter((pod) => !going.has(pod.metadata.name) && isReady(pod)).length
  const { expectedPods, desiredHealthy } = expectation
  const spare = currentHealthy - desiredHealthy
  return {
    status: withCondition(budget, {
      disruptedPods: Object.fromEntries(waiting.map(({ pod, since }) => [pod.metadata.name, since])),
      disruptionsAllowed: expectedPods <= 0 || spare <= 0 ? 0 : spare,
      currentHealthy,
      desiredHealthy,
      expectedPods,
      now,
    }),
    notDeleted: granted.filter(({ left }) => left < 0).map(({ pod }) => pod),
    recheckMs: waiting.length === 0 ? undefined : Math.min(...waiting.map(({ left }) => left)),
  }
}

function withCondition(budget: PodDisruptionBudget, counted: Status & { readonly now: number }): Status {
  const { now, disruptedPods = {}, ...counts } = counted
  const observed = budget.metadata.generation === undefined ? {} : { observedGeneration: budget.metadata.generation }
  const allowed = counts.disruptionsAllowed > 0
  const condition = {
    type: 'DisruptionAllowed',
    status: allowed ? 'True' : 'False',
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    ...observed,
  } as const
  return {
    ...counts,
    ...observed,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    conditions: setCondition(budget.status?.conditions, condition, now),
  }
}

/** What stays of a status that cannot be calculated: nothing may be disrupted. */
export function failSafeStatus(budget: PodDisruptionBudget, why: string, now: number): Status {
  const { observedGeneration } = budget.status ?? {}
  const observed = observedGeneration === undefined ? {} : { observedGeneration }
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message: why,
    ...observed,
  } as const
  return {
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    ...budget.status,
    disruptionsAllowed: 0,
    conditions: setCondition(budget.status?.conditions, condition, now),
  }
}
