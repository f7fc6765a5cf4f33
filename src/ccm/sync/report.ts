import { FairleadError } from '../../base/error.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import type { BuiltModel, ServicePlan } from '../desired/desired-model.ts'
import type { ObservedInstance } from '../model.ts'
import { serviceHash } from '../service-hash.ts'
import { ingressOf } from './addresses.ts'
import { writeReadiness } from './readiness.ts'
import type { ServiceWriter } from './service-writer.ts'
import type { SyncContext } from './sync-context.ts'
import { backendsCondition, failureCondition, failureText, readyCondition, shortened } from './verdict.ts'

/** How it went with the cloud. */
export interface Outcome {
  readonly instance: ObservedInstance
  /** Whether anything was done. */
  readonly changed: boolean
  readonly refusals: readonly string[]
}

export interface Result extends Outcome {
  readonly built: BuiltModel
  /** Whether the cloud was read. */
  readonly isFresh: boolean
}

interface Means {
  readonly result: Result
  readonly context: SyncContext
  readonly writer: ServiceWriter
}

const LIST_LENGTH = 900

/**
 * Says on Service and pods how it went: gates, labels, address, conditions, Events.
 *
 * @throws FairleadError `CLOUD_REFUSED` when something is left to be done
 */
export async function report(service: Service, plan: ServicePlan, { result, context, writer }: Means): Promise<void> {
  const { built, instance, changed, refusals, isFresh } = result
  await tellPods(plan, built, context)
  const appliedTags = plan.rules.compat ? '' : built.model.tags.map(({ key }) => key).join(',')
  const marked = await writer.writeMarks(service, { hash: serviceHash(service), instanceId: instance.id, appliedTags })
  const { annotations } = plan
  const ingress = isFresh ? await ingressOf(marked, { instance }, { annotations, context }) : undefined
  const failure = failureOf(refusals, built)
  const attached = built.model.groups.reduce((sum, { backends }) => sum + backends.length, 0)
  const { missing, unready } = built
  const conditions = [
    failure === undefined ? readyCondition(instance.id) : failureCondition(failure),
    backendsCondition({ attached, missing, unready }),
  ]
  await writer.writeStatus(marked, { ...(ingress === undefined ? {} : { ingress }), conditions })
  if (changed || isFresh) tellPeople(marked, plan, { result, context, attached })
  if (failure !== undefined) throw failure
  if (changed || plan.rules.compat) {
    context.recorder.event(marked, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer [${instance.id}]`)
  }
}

function failureOf(refusals: readonly string[], { model }: BuiltModel): FairleadError | undefined {
  if (refusals[0] !== undefined) return new FairleadError('CLOUD_REFUSED', refusals.join('; '))
  if (!model.groups.some(({ isIncomplete }) => isIncomplete)) return undefined
  return new FairleadError('CLOUD_REFUSED', 'has invalid backend in vservergroups')
}

function tellPeople(
  service: Service,
  plan: ServicePlan,
  { result, context, attached }: Omit<Means, 'writer'> & { readonly attached: number },
): void {
  const { recorder } = context
  const warn = (text: string) => recorder.event(service, 'Warning', 'SkipSyncBackends', text)
  const list = (...kinds: readonly string[]) => {
    const found = result.built.missing.filter(({ kind }) => kinds.includes(kind))
    return shortened(found.map(({ who, reason }) => `${who}: ${reason}`).join('; '), LIST_LENGTH)
  }
  const [unknown, outside, others] = [list('interface'), list('outside'), list('node', 'pod')]
  if (unknown !== '') warn(`Not sync pods [${unknown}] whose eni is invalid`)
  if (outside !== '') {
    recorder.event(service, 'Normal', 'SkipSyncBackends', `Not sync pods [${outside}] whose ip is not in vpc cidrs`)
  }
  if (others !== '') warn(`Not attached: ${others}`)
  if (attached === 0 && plan.ports.length > 0) {
    recorder.event(service, 'Normal', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer')
  }
  if (plan.annotations.instance.preserve === undefined) return
  const text = `The lb [${result.instance.id}] will be preserved after the service is deleted.`
  recorder.event(service, 'Warning', 'PreservedOnDelete', text)
}

async function tellPods(
  { service, policy }: ServicePlan,
  { servedPods, missing }: BuiltModel,
  context: SyncContext,
): Promise<void> {
  const namespace = service.metadata.namespace ?? ''
  const unattached = missing.flatMap(({ podName, kind }): Pod[] => {
    const pod = podName === undefined || kind !== 'interface' ? undefined : context.cluster.pod(namespace, podName)
    return pod === undefined ? [] : [pod]
  })
  try {
    await writeReadiness(service, { served: servedPods, unattached }, context)
  } catch (error) {
    context.recorder.event(service, 'Warning', 'FailedUpdateReadinessGate', `${policy}: ${failureText(error)}`)
    throw error
  }
}
