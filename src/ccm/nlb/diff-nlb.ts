import { diffGroups, diffUnusedGroups, type GroupDiffRules } from '../diff/group-diff.ts'
import type { HolderRules } from '../diff/port-holder.ts'
import type { Diff } from '../diff/step.ts'
import { diffNlbInstance } from './diff-instance.ts'
import { diffNlbListeners } from './diff-listeners.ts'
import type { DesiredNlb, ObservedNlb } from './nlb-model.ts'
import { deleteSourceGroup, diffSourceGroup } from './source-group.ts'

export interface NlbDiffRules extends GroupDiffRules, HolderRules {
  readonly clusterId: string
  /** Value of the owner tag. */
  readonly defaultName: string
}

/**
 * The calls that turn a load balancer into what it should be, in order: source ranges, attributes, listeners that go,
 * groups with their servers, listeners, and in the end what nothing uses any more. Nothing when it is so already.
 */
export function diffNlb(desired: DesiredNlb, observed: ObservedNlb, rules: NlbDiffRules): Diff {
  const { sourceRanges } = desired
  const { sourceGroup } = observed
  const instance = diffNlbInstance(desired, observed, rules)
  const listeners = diffNlbListeners(desired, observed, rules)
  const isUnused = sourceRanges === undefined && sourceGroup !== undefined
  return {
    refusals: [...instance.refusals, ...listeners.refusals],
    steps: [
      ...(sourceRanges === undefined || sourceGroup === undefined ? [] : diffSourceGroup(sourceRanges, sourceGroup)),
      ...instance.steps,
      ...listeners.ends,
      ...diffGroups(desired, observed, rules),
      ...listeners.steps,
      ...diffUnusedGroups(desired, observed, rules),
      ...(isUnused ? [deleteSourceGroup(sourceGroup)] : []),
    ],
  }
}
