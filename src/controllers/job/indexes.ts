import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'

/** Annotation and label of a pod with its completion index. */
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index'

/** The completion indexes of an Indexed Job. */
export interface Indexes {
  /** Done, in order. */
  readonly completed: readonly number[]
  /** Given up, in order; `undefined` where indexes have no limit of their own. */
  readonly failed: readonly number[] | undefined
}

/**
 * Reads which indexes are done and given up: those of pods, and those that the status remembers.
 *
 * @param failsIndex Whether a pod's failure is the last of its index; left out where indexes have no limit of their own.
 */
export function indexesOf(job: Job, pods: readonly Pod[], failsIndex?: (pod: Pod) => boolean): Indexes {
  const limit = job.spec.completions ?? 0
  const merged = (known: string | undefined, counts: (pod: Pod) => boolean) => {
    const all = new Set([...indexesIn(pods.filter(counts)), ...parseIndexes(known ?? '')])
    return [...all].filter((index) => index < limit).sort((a, b) => a - b)
  }
  return {
    completed: merged(job.status?.completedIndexes, ({ status }) => status?.phase === 'Succeeded'),
    failed: failsIndex === undefined ? undefined : merged(job.status?.failedIndexes, failsIndex),
  }
}

/** The indexes of pods. */
export function indexesIn(pods: readonly Pod[]): readonly number[] {
  return pods.flatMap((pod) => indexOf(pod) ?? [])
}

export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** `[0, 1, 2, 5, 6]` as `0-2,5,6`, as upstream writes them. */
export function formatIndexes(indexes: readonly number[]): string {
  const runs: { first: number; last: number }[] = []
  for (const index of indexes) {
    const run = runs.at(-1)
    if (run !== undefined && run.last === index - 1) run.last = index
    else runs.push({ first: index, last: index })
  }
  return runs.map(({ first, last }) => formatRun(first, last)).join(',')
}

function formatRun(first: number, last: number): string {
  if (first === last) return String(first)
  return `${first}${last === first + 1 ? ',' : '-'}${last}`
}

/** The inverse of {@link formatIndexes}; `0-1` and `0,1` are the same. */
export function parseIndexes(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
    if (first === undefined) return []
    const length = Number(last ?? first) - Number(first) + 1
    return Array.from({ length: Math.max(0, length) }, (_, step) => Number(first) + step)
  })
}
