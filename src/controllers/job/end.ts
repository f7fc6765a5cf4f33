import { findCondition, isConditionTrue } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { verdictOn } from './failure-policy.ts'
import { metSuccessPolicy } from './success-policy.ts'
import type { JobCounts } from './tally.ts'
import { hasFailed } from './tracking.ts'

/** How a Job has ended, or is about to. */
export interface JobEnd {
  readonly type: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

/** Whether the Job has ended for good. */
export function isFinished({ status }: Job): boolean {
  return isConditionTrue(status?.conditions, 'Complete') || isConditionTrue(status?.conditions, 'Failed')
}

/** The condition that says how a Job will end, before its last pod has. */
export function targetCondition(type: JobEnd['type']): string {
  return type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
}

interface Circumstances {
  readonly counts: JobCounts
  readonly active: readonly Pod[]
  readonly now: number
}

/** What ends a Job while pods of it may still run, in upstream's order; `undefined`: it goes on. */
export function endOf(job: Job, pods: readonly Pod[], around: Circumstances): JobEnd | undefined {
  return (
    decidedEnd(job) ??
    failedByPolicy(job, pods) ??
    failedByLimit(job, around) ??
    failedByIndexes(job, around.counts) ??
    endedEarly(job, around.counts)
  )
}

/** All that was wanted is done, and nothing runs any more. */
export function completion({ spec }: Job, { succeeded }: JobCounts, active: number): JobEnd | undefined {
  const done = spec.completions === undefined ? succeeded > 0 && active === 0 : succeeded >= spec.completions
  if (!done) return undefined
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
}

/** What was decided before is not decided anew. */
function decidedEnd({ status }: Job): JobEnd | undefined {
  for (const type of ['Complete', 'Failed'] as const) {
    const target = findCondition(status?.conditions, targetCondition(type))
    if (target?.status === 'True') return { type, reason: target.reason ?? '', message: target.message ?? '' }
  }
  return undefined
}

function failedByPolicy(job: Job, pods: readonly Pod[]): JobEnd | undefined {
  for (const pod of pods.filter((each) => hasFailed(job, each))) {
    const verdict = verdictOn(job, pod)
    if (verdict.type === 'fail-job') return failed('PodFailurePolicy', verdict.message)
  }
  return undefined
}

function failedByLimit(job: Job, { counts, active, now }: Circumstances): JobEnd | undefined {
  const { backoffLimit = 6 } = job.spec
  if (counts.failed > backoffLimit || restartsExceed(job, active, backoffLimit)) {
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  }
  const left = deadlineIn(job, now)
  if (left === undefined || left > 0) return undefined
  return failed('DeadlineExceeded', 'Job was active longer than specified deadline')
}

function failedByIndexes({ spec }: Job, { indexes }: JobCounts): JobEnd | undefined {
  const lost = indexes?.failed?.length ?? 0
  if (lost === 0) return undefined
  if (spec.maxFailedIndexes !== undefined && lost > spec.maxFailedIndexes) {
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes')
  }
  if (lost + (indexes?.completed.length ?? 0) < (spec.completions ?? 0)) return undefined
  return failed('FailedIndexes', 'Job has failed indexes')
}

function endedEarly(job: Job, { indexes }: JobCounts): JobEnd | undefined {
  const message = metSuccessPolicy(job, indexes?.completed ?? [])
  return message === undefined ? undefined : { type: 'Complete', reason: 'SuccessPolicy', message }
}

function failed(reason: string, message: string): JobEnd {
  return { type: 'Failed', reason, message }
}

/** With `OnFailure` the kubelet tries again, and its restarts count. */
function restartsExceed(job: Job, active: readonly Pod[], limit: number): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false
  const statuses = active.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ])
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  return limit === 0 ? restarts > 0 : restarts >= limit
}

/** Milliseconds until the Job has been active for too long. A suspended Job is not. */
export function deadlineIn({ spec, status }: Job, now: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined || spec.suspend) return undefined
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now
}
