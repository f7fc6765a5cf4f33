import { FairleadError } from '../../base/error.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import type { BuiltGroups } from '../desired/build-groups.ts'
import type { ServicePlan } from '../desired/service-plan.ts'
import type { SeenBalancer, WantedBalancer } from '../model.ts'
import { serviceHash } from '../service-hash.ts'
import type { Balancer } from './balancer.ts'
import { writeReadiness } from './readiness.ts'
import type { ServiceWriter } from './service-writer.ts'
import type { SyncContext } from './sync-context.ts'
import {
  backendsCondition,
  failureCondition,
  failureText,
  missingText,
  nobodyText,
  readyCondition,
  shortened,
  unreadyText,
} from './verdict.ts'

/** How it went with the cloud. */
export interface Outcome<O extends SeenBalancer> {
  /** Instance and groups as they are now. */
  readonly left: O
  /** Whether anything was done. */
  readonly changed: boolean
  readonly refusals: readonly string[]
}

/** What a Service asks for, and who is not in it. */
export interface BuiltModel<M extends WantedBalancer> extends BuiltGroups {
  readonly model: M
}

export interface Result<M extends WantedBalancer, O extends SeenBalancer> extends Outcome<O> {
  readonly built: BuiltModel<M>
  /** Whether the cloud was read. */
  readonly isFresh: boolean
}

interface Means<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer> {
  readonly balancer: Balancer<P, M, O>
  readonly result: Result<M, O>
  readonly context: SyncContext
  readonly writer: ServiceWriter
}

const LIST_LENGTH = 900

/**
 * Says on Service and pods how it went: gates, labels, address, conditions, Events.
 *
 * @throws FairleadError `CLOUD_REFUSED` when something is left to be done
 */
export async function report<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer>(
  service: Service,
  plan: P,
  { balancer, result, context, writer }: Means<P, M, O>,
): Promise<void> {
  const { built, left, changed, refusals, isFresh } = result
  const { id } = left.instance
  await tellPods(plan, built, context)
  const appliedTags = plan.rules.compat ? '' : built.model.tags.map(({ key }) => key).join(',')
  const labels = balancer.labels(left, built.model)
  const marked = await writer.writeMarks(service, { hash: serviceHash(service), instanceId: id, appliedTags, labels })
  // A status that somebody cleared is written again, whatever is known of the cloud.
  const isShown = (marked.status?.loadBalancer?.ingress ?? []).length > 0
  const ingress = isFresh || !isShown ? await balancer.ingress(plan, marked, left.instance) : undefined
  const failure = failureOf(refusals, built, balancer.incomplete)
  const attached = built.groups.reduce((sum, { backends }) => sum + backends.length, 0)
  const { missing, excluded, unready } = built
  const { noun } = balancer
  const conditions = [
    failure === undefined ? readyCondition(id) : failureCondition(failure),
    backendsCondition({ attached, missing, excluded, unready, noun }),
  ]
  await writer.writeStatus(marked, { ...(ingress === undefined ? {} : { ingress }), conditions })
  if (changed || isFresh) tellPeople(marked, plan, { built, id, context, nobody: attached === 0 ? noun : undefined })
  if (failure !== undefined) throw failure
  if (changed || plan.rules.compat) {
    context.recorder.event(marked, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer [${id}]`)
  }
}

function failureOf(
  refusals: readonly string[],
  { groups }: BuiltGroups,
  incomplete: string,
): FairleadError | undefined {
  if (refusals[0] !== undefined) return new FairleadError('CLOUD_REFUSED', refusals.join('; '))
  if (!groups.some(({ isIncomplete }) => isIncomplete)) return undefined
  return new FairleadError('CLOUD_REFUSED', incomplete)
}

interface Told {
  readonly built: BuiltGroups
  readonly id: string
  readonly context: SyncContext
  /** What has no servers, as people call it; `undefined` when it has some. */
  readonly nobody: string | undefined
}

function tellPeople(service: Service, plan: ServicePlan, { built, id, context: { recorder }, nobody }: Told): void {
  const warn = (text: string) => recorder.event(service, 'Warning', 'SkipSyncBackends', text)
  const list = (...kinds: readonly string[]) => {
    const found = built.missing.filter(({ kind }) => kinds.includes(kind))
    return shortened(found.map(missingText).join('; '), LIST_LENGTH)
  }
  const [unknown, outside, others] = [list('interface'), list('outside'), list('node', 'pod')]
  if (unknown !== '') warn(`Not sync pods [${unknown}] whose eni is invalid`)
  if (outside !== '') {
    recorder.event(service, 'Normal', 'SkipSyncBackends', `Not sync pods [${outside}] whose ip is not in vpc cidrs`)
  }
  if (others !== '') warn(`Not attached: ${others}`)
  // Pods come and go, and nodes are excluded on purpose: that is worth a warning when nobody is left.
  const unready = built.unready.map(unreadyText)
  const rest = nobody === undefined ? unready : [...unready, ...built.excluded.map(missingText)]
  if (rest.length > 0) {
    const type = nobody === undefined ? 'Normal' : 'Warning'
    recorder.event(service, type, 'SkipSyncBackends', `Not attached: ${shortened(rest.join('; '), LIST_LENGTH)}`)
  }
  if (nobody !== undefined && plan.ports.length > 0) {
    recorder.event(service, 'Normal', 'UnAvailableLoadBalancer', nobodyText(nobody))
  }
  if (plan.annotations.instance.preserve === undefined) return
  const text = `The lb [${id}] will be preserved after the service is deleted.`
  recorder.event(service, 'Warning', 'PreservedOnDelete', text)
}

async function tellPods(
  { service, policy }: ServicePlan,
  { servedPods, missing }: BuiltGroups,
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
