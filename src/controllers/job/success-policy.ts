import type { Job } from '../../kube/types/batch.ts'
import { parseIndexes } from './indexes.ts'

/** Why a Job's `successPolicy` says that it is done, in upstream's words; `undefined` when it does not. */
export function metSuccessPolicy({ spec }: Job, completed: readonly number[]): string | undefined {
  if (completed.length === 0) return undefined
  const rules = spec.successPolicy?.rules ?? []
  const met = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && completed.length >= succeededCount
    const wanted = new Set(parseIndexes(succeededIndexes).filter((index) => index < (spec.completions ?? 0)))
    const done = completed.filter((index) => wanted.has(index)).length
    return wanted.size > 0 && (done === wanted.size || (succeededCount !== undefined && done >= succeededCount))
  })
  return met < 0 ? undefined : `Matched rules at index ${met}`
}
