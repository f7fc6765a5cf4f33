import { resolveIntOrPercent } from '../../kube/quantity.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { OwnerReference } from '../../kube/types/meta.ts'
import type { PodDisruptionBudget } from '../../kube/types/policy.ts'

/** What is known of the one who controls a pod. */
export type Scale =
  | { readonly kind: 'scale'; readonly uid: string; readonly replicas: number }
  | { readonly kind: 'unknown'; readonly why: string }

export interface Expectation {
  readonly expectedPods: number
  readonly desiredHealthy: number
  /** Names of pods that nobody controls, where that matters. */
  readonly unmanaged: readonly string[]
}

export type ExpectationResult =
  | { readonly kind: 'expectation'; readonly expectation: Expectation }
  | { readonly kind: 'failed'; readonly why: string }

/**
 * How many pods a budget counts with, and how many of them must be healthy: of a number, the pods that are there; of a
 * share or a maximum, those that their controllers want (upstream `getExpectedPodCount`).
 *
 * @param scaleOf What the controller of a pod of this namespace wants.
 */
export function expectPods(
  { spec }: PodDisruptionBudget,
  pods: readonly Pod[],
  scaleOf: (pod: Pod) => Scale | undefined,
): ExpectationResult {
  const { minAvailable, maxUnavailable } = spec
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') {
    const desiredHealthy = minAvailable ?? 0
    const expectedPods = minAvailable === undefined ? 0 : pods.length
    return { kind: 'expectation', expectation: { expectedPods, desiredHealthy, unmanaged: [] } }
  }
  const scales = new Map<string, number>()
  const unmanaged: string[] = []
  for (const pod of pods) {
    const scale = scaleOf(pod)
    if (scale === undefined) unmanaged.push(pod.metadata.name)
    else if (scale.kind === 'unknown') return { kind: 'failed', why: scale.why }
    else scales.set(scale.uid, scale.replicas)
  }
  const expectedPods = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0)
  const desiredHealthy =
    maxUnavailable === undefined
      ? resolveIntOrPercent(minAvailable ?? 0, expectedPods, 'up')
      : Math.max(0, expectedPods - resolveIntOrPercent(maxUnavailable, expectedPods, 'up'))
  return { kind: 'expectation', expectation: { expectedPods, desiredHealthy, unmanaged } }
}

/** Why nothing is known of a controller of a kind that cannot be scaled. */
export function unscalable(reference: OwnerReference, pod: Pod): Scale {
  const plural: Readonly<Record<string, string>> = { DaemonSet: 'daemonsets.apps', Job: 'jobs.batch' }
  const resource = plural[reference.kind]
  const why =
    resource === undefined
      ? `found no controllers for pod "${pod.metadata.name}"`
      : `${resource} does not implement the scale subresource`
  return { kind: 'unknown', why }
}
