import type { DesiredModel, ObservedModel } from '../model.ts'
import { deleteAclStep, diffAcl } from './acl-diff.ts'
import { diffGroups, diffUnusedGroups, type GroupDiffRules } from './group-diff.ts'
import { diffInstance, type InstanceDiffRules } from './instance-diff.ts'
import { diffListeners, type ListenerDiffRules } from './listener-diff.ts'
import type { Diff } from './step.ts'

export interface DiffRules extends GroupDiffRules, InstanceDiffRules, ListenerDiffRules {
  readonly aclName: string
}

/**
 * The calls that turn a load balancer into what it should be, in order: attributes, access control list, groups with
 * their servers, listeners, and in the end what nothing uses any more. Nothing when it is so already.
 */
export function diffModels(desired: DesiredModel, observed: ObservedModel, rules: DiffRules): Diff {
  const instance = diffInstance(desired, observed.instance, rules)
  const listeners = diffListeners(desired, observed, rules)
  const ipVersion = observed.instance.settings.ipVersion ?? 'ipv4'
  const { sourceRanges } = desired
  const acl = sourceRanges === undefined ? [] : diffAcl(sourceRanges, observed.acl, { name: rules.aclName, ipVersion })
  const noAcl = sourceRanges === undefined && observed.acl !== undefined ? [deleteAclStep(observed.acl)] : []
  return {
    refusals: [...instance.refusals, ...listeners.refusals],
    steps: [
      ...instance.steps,
      ...acl,
      ...diffGroups(desired, observed, rules),
      ...listeners.steps,
      ...diffUnusedGroups(desired, observed, rules),
      ...noAcl,
    ],
  }
}
