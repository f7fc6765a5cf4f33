import type { Service } from '../../kube/types/core.ts'
import { readAnnotations, type ServiceAnnotations } from '../annotations/service-annotations.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { runSteps } from '../apply/run-steps.ts'
import { deleteAclStep } from '../diff/acl-diff.ts'
import { CLB_GROUP_CALLS, removeGroup } from '../diff/group-diff.ts'
import { deleteStep } from '../diff/listener-diff.ts'
import type { Step } from '../diff/step.ts'
import type { ObservedInstance, ObservedModel } from '../model.ts'
import {
  CLUSTER_TAG,
  defaultInstanceName,
  INSTANCE_LABEL,
  isOwnedBy,
  OWNER_TAG,
  type Owner,
  ownerOf,
  sourceRangesAclName,
} from '../names.ts'
import { findById, findInstance } from '../observed/find-instance.ts'
import { findAcl, readModel } from '../observed/read-model.ts'
import type { SyncContext } from './sync-context.ts'

/** Takes away whatever a Service has in the cloud: all of it is found there, nothing need be remembered. */
export async function cleanUpCloud(service: Service, context: SyncContext): Promise<void> {
  const annotations = readAnnotations(service.metadata.annotations ?? {})
  for (const instance of await instancesOf(service, annotations, context)) {
    await leaveInstance(service, instance, { annotations, context })
  }
  await deleteAcl(service, context)
}

/** Our own instance by its marks, and someone else's that was used: by annotation now, by label before. */
async function instancesOf(
  service: Service,
  { instance }: ServiceAnnotations,
  { api }: SyncContext,
): Promise<readonly ObservedInstance[]> {
  const found = new Map<string, ObservedInstance>()
  const own = await findInstance(api, { defaultName: defaultInstanceName(service) })
  if (own !== undefined) found.set(own.id, own)
  for (const id of [instance.id, service.metadata.labels?.[INSTANCE_LABEL]]) {
    if (id === undefined || id === '' || found.has(id)) continue
    const other = await findById(api, id)
    if (other !== undefined) found.set(id, other)
  }
  return [...found.values()]
}

interface Leaving {
  readonly annotations: ServiceAnnotations
  readonly context: SyncContext
}

async function leaveInstance(service: Service, instance: ObservedInstance, { annotations, context }: Leaving) {
  const isOwn = isMadeFor(instance, service)
  const isKept = annotations.instance.preserve !== undefined
  if (isOwn && !isKept) return deleteInstance(instance, context)
  const owner = ownerOf(service, context.settings.model.clusterId)
  const { api } = context
  const observed = await readModel(api, instance, {
    owner,
    groupIds: (annotations.backend.groupPort ?? '').split(',').map((item) => item.split(':')[0] ?? ''),
    listeners: true,
    domainExtensions: false,
  })
  const steps = [
    ...(isOwn ? unprotect(instance) : []),
    ...removeOurs(observed, owner, {
      batchSize: context.settings.batchSize,
      ...listenersToo(annotations, context, isOwn),
    }),
    ...(isOwn ? untag(instance, service, context) : []),
  ]
  await run(steps, context)
}

/** Without `force-override-listeners` ACK's controller leaves listeners of its own name where they are. */
function listenersToo({ instance }: ServiceAnnotations, { settings }: SyncContext, isOwn: boolean) {
  return { listeners: isOwn || !settings.model.compat || instance.forceOverride === 'true' }
}

/** By its tag; by its name when the tag got lost. */
function isMadeFor({ tags, settings }: ObservedInstance, service: Service): boolean {
  const name = defaultInstanceName(service)
  const tag = tags.find(({ key }) => key === OWNER_TAG)
  return tag === undefined ? settings.name === name : tag.value === name
}

async function deleteInstance({ id, settings }: ObservedInstance, context: SyncContext): Promise<void> {
  const steps: Step[] = []
  if (settings.deleteProtection === 'on') steps.push(protectionOff(id))
  steps.push({ action: 'DeleteLoadBalancer', parameters: { LoadBalancerId: id } })
  await run(steps, context)
}

function protectionOff(id: string): Step {
  return { action: 'SetLoadBalancerDeleteProtection', parameters: { LoadBalancerId: id, DeleteProtection: 'off' } }
}

function unprotect({ id, settings }: ObservedInstance): Step[] {
  const status = { LoadBalancerId: id, ModificationProtectionStatus: 'NonProtection' }
  return [
    ...(settings.deleteProtection === 'on' ? [protectionOff(id)] : []),
    ...(settings.modificationProtection === 'ConsoleProtection'
      ? [{ action: 'SetLoadBalancerModificationProtection', parameters: status }]
      : []),
  ]
}

function untag({ id, tags }: ObservedInstance, service: Service, { settings }: SyncContext): Step[] {
  const ours = new Map([
    [OWNER_TAG, defaultInstanceName(service)],
    [CLUSTER_TAG, settings.model.clusterId],
  ])
  const keys = tags.filter(({ key, value }) => ours.get(key) === value).map(({ key }) => key)
  if (keys.length === 0) return []
  return [{ action: 'UntagResources', parameters: { ResourceType: 'instance', ResourceId: [id], TagKey: keys } }]
}

/** Listeners and groups of the Service's name, and its servers in groups of others. */
function removeOurs(
  observed: ObservedModel,
  owner: Owner,
  { batchSize, listeners }: { readonly batchSize: number; readonly listeners: boolean },
): Step[] {
  const ours = observed.listeners.filter(({ description }) => listeners && isOwnedBy(description, owner))
  const redirecting = (settings: Readonly<Record<string, string>>) => Number(settings.ListenerForward === 'on')
  const inOrder = [...ours].sort((a, b) => redirecting(b.settings) - redirecting(a.settings))
  const rules = { owner, batchSize, ignoreWeights: false, calls: CLB_GROUP_CALLS }
  return [
    ...inOrder.map((listener) => deleteStep(observed.instance.id, listener)),
    ...observed.groups.flatMap((group) => removeGroup(group, rules)),
  ]
}

async function deleteAcl(service: Service, context: SyncContext): Promise<void> {
  const acl = await findAcl(context.api, sourceRangesAclName(service))
  if (acl !== undefined) await run([deleteAclStep(acl)], context)
}

/** @throws what failed first; an instance that is gone is as good as cleaned up. */
async function run(steps: readonly Step[], { api, log }: SyncContext): Promise<void> {
  const { failures } = await runSteps(steps, { api, log, product: 'slb', groupIds: new Map() })
  const failure = failures.find((error) => !isInstanceGone(error))
  if (failure !== undefined) throw failure
}
