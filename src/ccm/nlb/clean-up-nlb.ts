import type { Service } from '../../kube/types/core.ts'
import { removeGroup } from '../diff/group-diff.ts'
import { isMadeFor, unmarkSteps } from '../diff/instance-tags.ts'
import type { Step } from '../diff/step.ts'
import type { ObservedGroup } from '../model.ts'
import { defaultInstanceName, isOwnedBy, ownerOf } from '../names.ts'
import { type Finder, instancesOf, namedGroups, runAll } from '../sync/clean-up.ts'
import type { SyncContext } from '../sync/sync-context.ts'
import { deleteNlbListener } from './diff-listeners.ts'
import { nlbGroupCalls } from './group-calls.ts'
import { type NlbAnnotations, readNlbAnnotations } from './nlb-annotations.ts'
import type { NlbInstance, ObservedNlb } from './nlb-model.ts'
import { findNlb, findNlbById, readNlb, readNlbGroups } from './read-nlb.ts'
import { deleteSourceGroup, findSourceGroup } from './source-group.ts'

interface Leaving {
  readonly annotations: NlbAnnotations
  readonly context: SyncContext
}

/**
 * Takes away whatever a Service has in the cloud: all of it is found there, nothing need be remembered. Instances or
 * their listeners go first, then groups, which nothing uses any more.
 */
export async function cleanUpNlb(service: Service, context: SyncContext): Promise<void> {
  const annotations = readNlbAnnotations(service.metadata.annotations ?? {})
  const leaving = { annotations, context }
  const { api } = context
  const defaultName = defaultInstanceName(service)
  const finder: Finder<NlbInstance> = { own: () => findNlb(api, { defaultName }), byId: (id) => findNlbById(api, id) }
  // Before the instance goes: who marks it not is found by its groups.
  for (const instance of await instancesOf(service, annotations, finder)) {
    await leaveInstance(service, instance, leaving)
  }
  await leaveGroups(service, leaving)
  const sourceGroup = await findSourceGroup(api, defaultName)
  if (sourceGroup !== undefined && annotations.instance.preserve === undefined) {
    await runAll([deleteSourceGroup(sourceGroup)], context, 'nlb')
  }
}

async function leaveInstance(service: Service, instance: NlbInstance, { annotations, context }: Leaving) {
  const defaultName = defaultInstanceName(service)
  const { settings } = context
  const isOwn = isMadeFor(instance, instance.settings.name, defaultName)
  const isKept = annotations.instance.preserve !== undefined
  if (isOwn && !isKept) return runAll(endSteps(instance), context, 'nlb')
  const observed = await readNlb(context.api, instance, {
    defaultName,
    groupIds: namedGroups(annotations),
    listeners: true,
    certificates: false,
  })
  const marks = { defaultName, clusterId: settings.model.clusterId, resourceType: 'loadbalancer' } as const
  const steps = [
    ...(isOwn ? unprotect(instance) : []),
    ...listenerSteps(service, observed, { annotations, context }, isOwn),
    ...(isOwn ? unmarkSteps(instance, marks) : []),
  ]
  await runAll(steps, context, 'nlb')
}

function endSteps(instance: NlbInstance): Step[] {
  const end: Step = { action: 'DeleteLoadBalancer', parameters: { LoadBalancerId: instance.id } }
  if (instance.settings.deletionProtection !== 'true') return [end]
  const parameters = { LoadBalancerId: instance.id, DeletionProtectionEnabled: 'false' }
  return [{ action: 'UpdateLoadBalancerProtection', parameters }, end]
}

function unprotect({ id, settings }: NlbInstance): Step[] {
  if (settings.deletionProtection !== 'true' && settings.modificationProtection !== 'ConsoleProtection') return []
  const off = { DeletionProtectionEnabled: 'false', ModificationProtectionStatus: 'NonProtection' }
  return [{ action: 'UpdateLoadBalancerProtection', parameters: { LoadBalancerId: id, ...off } }]
}

/** Ours go; in ACK's own way all of a kept instance, and none of someone else's without `force-override-listeners`. */
function listenerSteps(
  service: Service,
  { listeners }: ObservedNlb,
  { annotations, context: { settings } }: Leaving,
  isOwn: boolean,
): Step[] {
  const { compat, clusterId } = settings.model
  if (compat && !isOwn && annotations.instance.forceOverride !== 'true') return []
  const owner = ownerOf(service, clusterId)
  const ours = listeners.filter(({ description }) => (compat && isOwn) || isOwnedBy(description, owner))
  return ours.map(deleteNlbListener)
}

/** Groups of the Service go; in ACK's own way those of a kept instance stay, without our marks. */
async function leaveGroups(service: Service, { annotations, context }: Leaving): Promise<void> {
  const { api, settings } = context
  const { compat, clusterId } = settings.model
  const defaultName = defaultInstanceName(service)
  const groups = await readNlbGroups(api, { defaultName, groupIds: namedGroups(annotations) })
  if (compat && annotations.instance.preserve !== undefined) {
    const rules = { defaultName, clusterId, resourceType: 'servergroup' } as const
    return runAll(
      groups.flatMap((group) => unmarkGroup(group, rules)),
      context,
      'nlb',
    )
  }
  const rules = {
    owner: ownerOf(service, clusterId),
    batchSize: settings.batchSize,
    ignoreWeights: false,
    calls: nlbGroupCalls({ vpcId: settings.vpcId, clusterId, defaultName }),
  }
  await runAll(
    groups.flatMap((group) => removeGroup(group, rules)),
    context,
    'nlb',
  )
}

function unmarkGroup({ id, tags = [] }: ObservedGroup, rules: Parameters<typeof unmarkSteps>[1]): Step[] {
  return unmarkSteps({ id, tags }, rules)
}
