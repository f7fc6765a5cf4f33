import type { Service } from '../../kube/types/core.ts'
import { readAnnotations, type ServiceAnnotations } from '../annotations/service-annotations.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { type BalancerProduct, runSteps } from '../apply/run-steps.ts'
import { pairs } from '../desired/ports.ts'
import type { CommonAnnotations } from '../desired/service-plan.ts'
import { deleteAclStep } from '../diff/acl-diff.ts'
import { CLB_GROUP_CALLS, removeGroup } from '../diff/group-diff.ts'
import { isMadeFor, unmarkSteps } from '../diff/instance-tags.ts'
import { deleteStep } from '../diff/listener-diff.ts'
import type { Step } from '../diff/step.ts'
import type { ObservedInstance, ObservedModel, SeenInstance } from '../model.ts'
import { defaultInstanceName, INSTANCE_LABEL, isOwnedBy, type Owner, ownerOf, sourceRangesAclName } from '../names.ts'
import { findById, findInstance } from '../observed/find-instance.ts'
import { findAcl, readModel } from '../observed/read-model.ts'
import type { SyncContext } from './sync-context.ts'

/** Takes away whatever a Service has in the cloud: all of it is found there, nothing need be remembered. */
export async function cleanUpCloud(service: Service, context: SyncContext): Promise<void> {
  const annotations = readAnnotations(service.metadata.annotations ?? {})
  const { api } = context
  const finder: Finder<ObservedInstance> = {
    own: (defaultName) => findInstance(api, { defaultName }),
    byId: (id) => findById(api, id),
  }
  for (const instance of await instancesOf(service, annotations, finder)) {
    await leaveInstance(service, instance, { annotations, context })
  }
  await deleteAcl(service, context)
}

/** How a kind of load balancer is found. */
export interface Finder<I extends SeenInstance> {
  own(defaultName: string): Promise<I | undefined>
  byId(id: string): Promise<I | undefined>
}

/** Our own instance by its marks, and someone else's that was used: by annotation now, by label before. */
export async function instancesOf<I extends SeenInstance>(
  service: Service,
  { instance }: CommonAnnotations,
  finder: Finder<I>,
): Promise<readonly I[]> {
  const found = new Map<string, I>()
  const own = await finder.own(defaultInstanceName(service))
  if (own !== undefined) found.set(own.id, own)
  for (const id of [instance.id, service.metadata.labels?.[INSTANCE_LABEL]]) {
    if (id === undefined || id === '' || found.has(id)) continue
    const other = await finder.byId(id)
    if (other !== undefined) found.set(id, other)
  }
  return [...found.values()]
}

/** Ids of groups that annotation `vgroup-port` names. */
export function namedGroups({ backend }: CommonAnnotations): readonly string[] {
  return pairs(backend.groupPort).map(([id]) => id)
}

interface Leaving {
  readonly annotations: ServiceAnnotations
  readonly context: SyncContext
}

async function leaveInstance(service: Service, instance: ObservedInstance, { annotations, context }: Leaving) {
  const defaultName = defaultInstanceName(service)
  const isOwn = isMadeFor(instance, instance.settings.name, defaultName)
  const isKept = annotations.instance.preserve !== undefined
  if (isOwn && !isKept) return deleteInstance(instance, context)
  const owner = ownerOf(service, context.settings.model.clusterId)
  const { api } = context
  const observed = await readModel(api, instance, {
    owner,
    groupIds: namedGroups(annotations),
    listeners: true,
    domainExtensions: false,
  })
  const steps = [
    ...(isOwn ? unprotect(instance) : []),
    ...removeOurs(observed, owner, {
      batchSize: context.settings.batchSize,
      ...listenersToo(annotations, context, isOwn),
    }),
    ...(isOwn ? unmarkSteps(instance, { defaultName, clusterId: owner.clusterId, resourceType: 'instance' }) : []),
  ]
  await run(steps, context)
}

/** Without `force-override-listeners` ACK's controller leaves listeners of its own name where they are. */
function listenersToo({ instance }: ServiceAnnotations, { settings }: SyncContext, isOwn: boolean) {
  return { listeners: isOwn || !settings.model.compat || instance.forceOverride === 'true' }
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

async function run(steps: readonly Step[], context: SyncContext): Promise<void> {
  await runAll(steps, context, 'slb')
}

/** Makes the calls. @throws what failed first; an instance that is gone is as good as cleaned up. */
export async function runAll(
  steps: readonly Step[],
  { api, log }: Pick<SyncContext, 'api' | 'log'>,
  product: BalancerProduct,
): Promise<void> {
  const { failures } = await runSteps(steps, { api, log, product, groupIds: new Map() })
  const failure = failures.find((error) => !isInstanceGone(error))
  if (failure !== undefined) throw failure
}
