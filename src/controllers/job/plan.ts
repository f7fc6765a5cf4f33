import { findCondition, isConditionTrue } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isActive, isReady, isTerminal } from '../pod-state.ts'
import { verdictOn } from './failure-policy.ts'
import { type Indexes, indexesOf } from './indexes.ts'

/** How a Job has ended, or is about to. */
export interface JobEnd {
  readonly type: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

export interface JobPlan {
  /** Completion index of each pod to make; `undefined` for Jobs without indexes. */
  readonly create: readonly (number | undefined)[]
  readonly delete: readonly Pod[]
  readonly end: JobEnd | undefined
  /** The Job itself has outlived its `ttlSecondsAfterFinished`. */
  readonly expired: boolean
  /** Milliseconds until something is due: a retry, the deadline, the end of the Job's time to live. */
  readonly recheckIn: number | undefined
  readonly counts: JobCounts
}

export interface JobCounts {
  readonly active: number
  readonly ready: number
  readonly succeeded: number
  readonly failed: number
  readonly terminating: number
  readonly indexes: Indexes | undefined
}

/** First wait after a failure; doubled for each further one. */
const RETRY_MS = 10_000
const RETRY_LIMIT_MS = 600_000
const MAX_CREATES = 500

/** Whether the Job has ended for good. */
export function isFinished({ status }: Job): boolean {
  return isConditionTrue(status?.conditions, 'Complete') || isConditionTrue(status?.conditions, 'Failed')
}

/** What brings a Job on: the pods to make and to remove, or its end. @param now Milliseconds since the epoch. */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const counts = countsOf(job, pods)
  const active = pods.filter(isActive)
  const idle = { create: [], delete: [], end: undefined, expired: false, recheckIn: undefined, counts }
  if (job.metadata.deletionTimestamp !== undefined) return idle
  if (isFinished(job)) return { ...idle, delete: active, ...planExpiry(job, now) }
  if (job.spec.suspend === true) return { ...idle, delete: active }
  const end = failedByPolicy(job, pods) ?? endOf(job, active, { counts, now })
  if (end !== undefined) return { ...idle, delete: active, end }
  // With `Failed`, a pod has its place until it has ended.
  const ending = job.spec.podReplacementPolicy === 'Failed' ? counts.terminating : 0
  const surplus = active.length + ending - wantedActive(job, counts)
  const deadline = deadlineIn(job, now)
  if (surplus >= 0) return { ...idle, delete: surplusPods(active, surplus - ending), recheckIn: deadline }
  const wait = retryIn(pods, now)
  if (wait > 0) return { ...idle, recheckIn: Math.min(wait, deadline ?? wait) }
  return {
    ...idle,
    create: newPods(job, active, { counts, missing: Math.min(-surplus, MAX_CREATES) }),
    recheckIn: deadline,
  }
}

function countsOf(job: Job, pods: readonly Pod[]): JobCounts {
  const indexes = job.spec.completionMode === 'Indexed' ? indexesOf(job, pods) : undefined
  const inPhase = (phase: string) => pods.filter(({ status }) => status?.phase === phase).length
  return {
    active: pods.filter(isActive).length,
    ready: pods.filter((pod) => isActive(pod) && isReady(pod)).length,
    // Pods that ended and were removed since are still counted.
    succeeded: indexes?.completed.length ?? Math.max(inPhase('Succeeded'), job.status?.succeeded ?? 0),
    failed: Math.max(pods.filter((pod) => countsAsFailed(job, pod)).length, job.status?.failed ?? 0),
    terminating: pods.filter((pod) => !isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined).length,
    indexes,
  }
}

function countsAsFailed(job: Job, pod: Pod): boolean {
  return pod.status?.phase === 'Failed' && verdictOn(job, pod).type !== 'ignore'
}

function failedByPolicy(job: Job, pods: readonly Pod[]): JobEnd | undefined {
  for (const pod of pods.filter(({ status }) => status?.phase === 'Failed')) {
    const verdict = verdictOn(job, pod)
    if (verdict.type === 'fail-job') return { type: 'Failed', reason: 'PodFailurePolicy', message: verdict.message }
  }
  return undefined
}

interface Circumstances {
  readonly counts: JobCounts
  readonly now: number
}

function endOf(job: Job, active: readonly Pod[], { counts, now }: Circumstances): JobEnd | undefined {
  const { backoffLimit = 6, completions } = job.spec
  if (counts.failed > backoffLimit || restartsExceed(job, active, backoffLimit)) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
  }
  const left = deadlineIn(job, now)
  if (left !== undefined && left <= 0) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  }
  const done = completions === undefined ? counts.succeeded > 0 && counts.active === 0 : counts.succeeded >= completions
  if (!done) return undefined
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
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

function wantedActive({ spec }: Job, counts: JobCounts): number {
  const parallelism = spec.parallelism ?? 1
  if (spec.completions !== undefined) return Math.min(parallelism, spec.completions - counts.succeeded)
  // The others of a work queue are let run to their end once one has succeeded.
  return counts.succeeded > 0 ? counts.active : parallelism
}

/** Those that are not ready first, then the youngest. */
function surplusPods(active: readonly Pod[], count: number): readonly Pod[] {
  if (count <= 0) return []
  const ordered = [...active].sort(
    (a, b) =>
      Number(isReady(a)) - Number(isReady(b)) ||
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
  )
  return ordered.slice(0, count)
}

function newPods(
  job: Job,
  active: readonly Pod[],
  { counts, missing }: { readonly counts: JobCounts; readonly missing: number },
): readonly (number | undefined)[] {
  if (counts.indexes === undefined) return Array.from({ length: missing }, () => undefined)
  const taken = new Set([...counts.indexes.completed, ...counts.indexes.of(active)])
  const all = Array.from({ length: job.spec.completions ?? 0 }, (_, index) => index)
  return all.filter((index) => !taken.has(index)).slice(0, missing)
}

function deadlineIn({ spec, status }: Job, now: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now
}

/** Milliseconds until a pod may be made again after failures; 0 or less: now. */
function retryIn(pods: readonly Pod[], now: number): number {
  const failed = pods.filter(({ status }) => status?.phase === 'Failed')
  if (failed.length === 0) return 0
  const last = Math.max(...failed.map(endTime))
  return last + Math.min(RETRY_MS * 2 ** (failed.length - 1), RETRY_LIMIT_MS) - now
}

function endTime({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => {
    const at = Date.parse(state?.terminated?.finishedAt ?? '')
    return Number.isNaN(at) ? [] : [at]
  })
  return ends.length > 0 ? Math.max(...ends) : Date.parse(metadata.creationTimestamp ?? '') || 0
}

function planExpiry(job: Job, now: number): { readonly expired: boolean; readonly recheckIn: number | undefined } {
  const { ttlSecondsAfterFinished } = job.spec
  if (ttlSecondsAfterFinished === undefined) return { expired: false, recheckIn: undefined }
  const { conditions } = job.status ?? {}
  const finished = findCondition(conditions, 'Complete') ?? findCondition(conditions, 'Failed')
  const left = Date.parse(finished?.lastTransitionTime ?? '') + ttlSecondsAfterFinished * 1000 - now
  return left <= 0 ? { expired: true, recheckIn: undefined } : { expired: false, recheckIn: left }
}
