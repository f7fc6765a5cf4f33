import { findCondition } from '../../kube/conditions.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isActive, isReady } from '../pod-state.ts'
import { completion, deadlineIn, endOf, isFinished, type JobEnd } from './end.ts'
import { indexesIn, indexOf } from './indexes.ts'
import { failuresOf, type LostPod, retryIn, retryIndexIn } from './retry.ts'
import { countsOf, isTerminating, type JobCounts } from './tally.ts'

export interface JobPlan {
  /** Completion index of each pod to make; `undefined` for Jobs without indexes. */
  readonly create: readonly (number | undefined)[]
  readonly delete: readonly Pod[]
  /** The end of a pod that is deleted does not count: it was one too many, or the Job is suspended. */
  readonly drops: boolean
  readonly end: JobEnd | undefined
  /** The Job itself has outlived its `ttlSecondsAfterFinished`. */
  readonly expired: boolean
  /** Milliseconds until something is due: a retry, the deadline, the end of the Job's time to live. */
  readonly recheckIn: number | undefined
  readonly counts: JobCounts
}

const MAX_CREATES = 500

export interface PlanMoment {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Failed pods that may be there no more. @default none */
  readonly lost?: readonly LostPod[]
}

/** What brings a Job on: the pods to make and to remove, or its end. */
export function planJob(job: Job, pods: readonly Pod[], { now, lost = [] }: PlanMoment): JobPlan {
  const counts = countsOf(job, pods)
  const active = pods.filter(isActive)
  const idle = { create: [], delete: [], drops: true, end: undefined, expired: false, recheckIn: undefined, counts }
  if (isFinished(job)) return { ...idle, delete: active, ...planExpiry(job, now) }
  const end = endOf(job, pods, { counts, active, now })
  if (end !== undefined) return { ...idle, delete: active, drops: false, end }
  if (job.metadata.deletionTimestamp !== undefined) return idle
  if (job.spec.suspend === true) return { ...idle, delete: active, end: completion(job, counts, 0) }
  return { ...idle, ...planPods(job, pods, { counts, active, now, lost }) }
}

interface Circumstances {
  readonly counts: JobCounts
  readonly active: readonly Pod[]
  readonly now: number
  readonly lost: readonly LostPod[]
}

function planPods(job: Job, pods: readonly Pod[], around: Circumstances): Partial<JobPlan> {
  const { counts, active, now } = around
  // With `Failed`, a pod has its place until it has ended.
  const ending = job.spec.podReplacementPolicy === 'Failed' ? counts.terminating : 0
  const wanted = wantedActive(job, counts)
  const deadline = deadlineIn(job, now)
  const surplus = surplusPods(job, active, active.length - wanted)
  if (surplus.length > 0) {
    return { delete: surplus, end: completion(job, counts, active.length - surplus.length), recheckIn: deadline }
  }
  const end = completion(job, counts, active.length)
  if (end !== undefined) return { end }
  const missing = Math.min(wanted - active.length - ending, MAX_CREATES)
  if (missing <= 0) return { recheckIn: deadline }
  const { create, wait } = newPods(job, pods, { ...around, missing })
  return { create, recheckIn: wait === undefined ? deadline : Math.min(wait, deadline ?? wait) }
}

function wantedActive({ spec }: Job, counts: JobCounts): number {
  const parallelism = spec.parallelism ?? 1
  if (spec.completions !== undefined) return Math.max(0, Math.min(parallelism, spec.completions - counts.succeeded))
  // The others of a work queue are let run to their end once one has succeeded.
  return counts.succeeded > 0 ? counts.active : parallelism
}

/** Those of indexes that are not wanted or have another pod; then as many as are too many. */
function surplusPods(job: Job, active: readonly Pod[], count: number): readonly Pod[] {
  const ordered = [...active].sort(firstToGo)
  const needless = job.spec.completionMode === 'Indexed' ? needlessPods(job, ordered) : []
  const rest = ordered.filter((pod) => !needless.includes(pod))
  return [...needless, ...rest.slice(0, Math.max(0, count - needless.length))].slice(0, MAX_CREATES)
}

/** Those that are not ready first, then the youngest. */
function firstToGo(a: Pod, b: Pod): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '')
  )
}

/** The last pod of each index is the one that stays. */
function needlessPods({ spec }: Job, ordered: readonly Pod[]): readonly Pod[] {
  return ordered.filter((pod, at) => {
    const index = indexOf(pod)
    if (index === undefined || index >= (spec.completions ?? 0)) return true
    return ordered.slice(at + 1).some((other) => indexOf(other) === index)
  })
}

interface Missing extends Circumstances {
  readonly missing: number
}

interface NewPods {
  readonly create: readonly (number | undefined)[]
  /** Milliseconds until more may be made. */
  readonly wait?: number
}

function newPods(job: Job, pods: readonly Pod[], around: Missing): NewPods {
  const { counts, missing, now, lost } = around
  if (counts.indexes?.failed !== undefined) return dueIndexes(job, missingIndexes(job, pods, around), around)
  const wait = retryIn(failuresOf(job, pods, lost), now)
  if (wait > 0) return { create: [], wait }
  if (counts.indexes !== undefined) return { create: missingIndexes(job, pods, around) }
  return { create: Array.from({ length: missing }, () => undefined) }
}

function missingIndexes(job: Job, pods: readonly Pod[], { counts, active, missing }: Missing): readonly number[] {
  const { completed = [], failed = [] } = counts.indexes ?? {}
  const ending = job.spec.podReplacementPolicy === 'Failed' ? pods.filter(isTerminating) : []
  const taken = new Set([...completed, ...failed, ...indexesIn(active), ...indexesIn(ending)])
  const all = Array.from({ length: job.spec.completions ?? 0 }, (_, index) => index)
  return all.filter((index) => !taken.has(index)).slice(0, missing)
}

/** Each index waits for itself. */
function dueIndexes(job: Job, indexes: readonly number[], { counts, now }: Missing): NewPods {
  const waits = indexes.map((index) => {
    const before = counts.awaiting.get(index)
    return { index, wait: before === undefined ? 0 : retryIndexIn(job, before, now) }
  })
  const create = waits.filter(({ wait }) => wait <= 0).map(({ index }) => index)
  const later = waits.flatMap(({ wait }) => (wait > 0 ? [wait] : []))
  return later.length === 0 ? { create } : { create, wait: Math.min(...later) }
}

function planExpiry(job: Job, now: number): { readonly expired: boolean; readonly recheckIn: number | undefined } {
  const { ttlSecondsAfterFinished } = job.spec
  if (ttlSecondsAfterFinished === undefined || job.metadata.deletionTimestamp !== undefined) {
    return { expired: false, recheckIn: undefined }
  }
  const { conditions } = job.status ?? {}
  const finished = findCondition(conditions, 'Complete') ?? findCondition(conditions, 'Failed')
  const left = Date.parse(finished?.lastTransitionTime ?? '') + ttlSecondsAfterFinished * 1000 - now
  return left <= 0 ? { expired: true, recheckIn: undefined } : { expired: false, recheckIn: left }
}
