import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isActive, isReady, isTerminal } from '../pod-state.ts'
import { verdictOn } from './failure-policy.ts'
import { awaitingSuccessors, failsIndex, limitsEachIndex } from './index-failures.ts'
import { type Indexes, indexesIn, indexesOf, indexOf } from './indexes.ts'
import { hasFailed, isTracked, uidOf, uncountedOf } from './tracking.ts'

/** How far a Job is, with the ends of pods that its status does not count yet. */
export interface JobCounts {
  readonly active: number
  readonly ready: number
  readonly succeeded: number
  readonly failed: number
  readonly terminating: number
  readonly indexes: Indexes | undefined
  /** Failed pods, by index, that wait for the one that takes their place. */
  readonly awaiting: ReadonlyMap<number, Pod>
}

const NONE: ReadonlyMap<number, Pod> = new Map()

export function countsOf(job: Job, pods: readonly Pod[]): JobCounts {
  const limited = limitsEachIndex(job)
  const indexes =
    job.spec.completionMode === 'Indexed'
      ? indexesOf(job, pods, limited ? (pod) => failsIndex(job, pod) : undefined)
      : undefined
  const active = pods.filter(isActive)
  const settled = () => new Set([...(indexes?.completed ?? []), ...(indexes?.failed ?? []), ...indexesIn(active)])
  return {
    active: active.length,
    ready: active.filter(isReady).length,
    succeeded: indexes?.completed.length ?? counted(job, pods, 'succeeded'),
    failed: counted(job, pods, 'failed'),
    terminating: pods.filter(isTerminating).length,
    indexes,
    awaiting: limited ? awaitingSuccessors(job, pods, settled()) : NONE,
  }
}

/** A pod that is to end and has not yet. */
export function isTerminating(pod: Pod): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined
}

/** Of the status, of those that it knows by name, and of those that it does not know yet. */
function counted(job: Job, pods: readonly Pod[], outcome: 'succeeded' | 'failed'): number {
  const named = uncountedOf(job)[outcome]
  const fresh = pods.filter((pod) => isTracked(pod) && !named.includes(uidOf(pod)) && countsAs(job, pod, outcome))
  return (job.status?.[outcome] ?? 0) + named.length + fresh.length
}

/** Whether the end of a pod counts as such. Pods of an Indexed Job without an index of it do not count. */
export function countsAs(job: Job, pod: Pod, outcome: 'succeeded' | 'failed'): boolean {
  if (job.spec.completionMode === 'Indexed' && (indexOf(pod) ?? Number.NaN) >= (job.spec.completions ?? 0)) return false
  if (job.spec.completionMode === 'Indexed' && indexOf(pod) === undefined) return false
  if (outcome === 'succeeded') return pod.status?.phase === 'Succeeded'
  return hasFailed(job, pod) && verdictOn(job, pod).type !== 'ignore'
}
