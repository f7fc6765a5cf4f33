import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'

/** Annotation and label of a pod with its completion index. */
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index'

/** The completion indexes of an Indexed Job. */
export interface Indexes {
  /** Done, in order. */
  readonly completed: readonly number[]
  /** The indexes of pods. */
  of(pods: readonly Pod[]): readonly number[]
}

/** Reads which indexes are done: those of pods that succeeded, and those that the status remembers. */
export function indexesOf(job: Job, pods: readonly Pod[]): Indexes {
  const of = (some: readonly Pod[]) => some.flatMap((pod) => indexOf(pod) ?? [])
  const succeeded = of(pods.filter(({ status }) => status?.phase === 'Succeeded'))
  const limit = job.spec.completions ?? 0
  const all = new Set([...succeeded, ...parseIndexes(job.status?.completedIndexes ?? '')])
  return { completed: [...all].filter((index) => index < limit).sort((a, b) => a - b), of }
}

function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** `[0, 1, 2, 5]` as `0-2,5`. */
export function formatIndexes(indexes: readonly number[]): string {
  const runs: { first: number; last: number }[] = []
  for (const index of indexes) {
    const run = runs.at(-1)
    if (run !== undefined && run.last === index - 1) run.last = index
    else runs.push({ first: index, last: index })
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
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
