import type { Job, PodFailurePolicyRule } from '../../kube/types/batch.ts'
import type { ContainerStatus, Pod } from '../../kube/types/core.ts'

/** What a Job's `podFailurePolicy` says about a failed pod. */
export type FailureVerdict =
  | { readonly type: 'count' }
  /** The failure is none of the Job's: it uses up no retry. */
  | { readonly type: 'ignore' }
  /** It counts, and its index is not tried again. */
  | { readonly type: 'fail-index' }
  | { readonly type: 'fail-job'; readonly message: string }

/** The verdict of the first rule that matches the pod; a failure counts where none does. */
export function verdictOn(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const matched = matchOf(rule, pod)
    if (matched === undefined) continue
    if (rule.action === 'Ignore') return { type: 'ignore' }
    if (rule.action === 'FailIndex' && job.spec.backoffLimitPerIndex !== undefined) return { type: 'fail-index' }
    if (rule.action !== 'FailJob') return { type: 'count' }
    return { type: 'fail-job', message: `${matched} matching ${rule.action} rule at index ${index}` }
  }
  return { type: 'count' }
}

/** What of the pod the rule matches, in upstream's words. */
function matchOf({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { namespace, name } = pod.metadata
  if (onExitCodes !== undefined) {
    const { containerName, operator, values } = onExitCodes
    const matches = (each: ContainerStatus) => {
      const exitCode = each.state?.terminated?.exitCode ?? 0
      const named = containerName === undefined || containerName === each.name
      return named && exitCode !== 0 && values.includes(exitCode) === (operator === 'In')
    }
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
    const found = containerStatuses.find(matches) ?? initContainerStatuses.find(matches)
    if (found === undefined) return undefined
    return `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${found.state?.terminated?.exitCode}`
  }
  const patterns = onPodConditions ?? []
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    patterns.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  )
  return condition === undefined ? undefined : `Pod ${namespace}/${name} has condition ${condition.type}`
}
