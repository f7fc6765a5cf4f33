import { FairleadError } from '../../base/error.ts'
import { isConflict } from '../../kube/api-error.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { createInstance } from '../apply/create-instance.ts'
import { runSteps } from '../apply/run-steps.ts'
import { isHidden, taskFor } from '../claim.ts'
import {
  type BuiltModel,
  buildModel,
  candidatesOf,
  ignoresWeights,
  interfaceCandidates,
  planService,
  type ServiceFacts,
  type ServicePlan,
} from '../desired/desired-model.ts'
import { type DiffRules, diffModels } from '../diff/diff-models.ts'
import { diffGroups } from '../diff/group-diff.ts'
import type { Diff } from '../diff/step.ts'
import type { DesiredModel, ObservedInstance, ObservedModel } from '../model.ts'
import { defaultInstanceName, HASH_LABEL, INSTANCE_LABEL, sourceRangesAclName } from '../names.ts'
import { isVirtual } from '../node-facts.ts'
import { findInstance } from '../observed/find-instance.ts'
import { findAcl, readModel } from '../observed/read-model.ts'
import { serviceHash } from '../service-hash.ts'
import { ingressOf } from './addresses.ts'
import { cleanUpCloud } from './clean-up.ts'
import { attachmentUses, quotaText, quotaUses } from './quota-watch.ts'
import { writeReadiness } from './readiness.ts'
import { requireCertificates, requireReusable, requireUsableGroups } from './reuse-checks.ts'
import { ServiceWriter } from './service-writer.ts'
import type { SyncContext } from './sync-context.ts'
import { fingerprintOf, groupsAfter, modelOf, type Remembered } from './sync-memory.ts'
import {
  backendsCondition,
  CONDITION_TYPES,
  failureCondition,
  failureText,
  invalidCondition,
  invalidText,
  readyCondition,
  shortened,
} from './verdict.ts'

/**
 * Brings the load balancer of one Service in line with it, or takes it away. Everything is found in the cloud by id,
 * tag or name, so that it can be broken off after any call and begun anew; what is remembered only saves calls.
 */
export class ServiceSync {
  readonly #context: SyncContext
  readonly #writer: ServiceWriter
  readonly #memory = new Map<string, Remembered>()
  /** By uid: how many answers to creation turned out to be of no use. */
  readonly #lost = new Map<string, number>()

  constructor(context: SyncContext) {
    this.#context = context
    this.#writer = new ServiceWriter(context)
  }

  /** Whether nodes that come and go make no difference to the Service. */
  usesPodsOnly(service: Service): boolean {
    return planService(service, this.#context.settings.model).policy === 'eni'
  }

  /**
   * Reconciles a Service.
   *
   * @throws what failed; it is told in an Event, and to be tried again later.
   */
  async sync(key: string): Promise<void> {
    const { cluster, settings } = this.#context
    const seen = cluster.service(key)
    if (seen === undefined) return this.#forget(key)
    const service = this.#writer.latest(seen)
    const task = taskFor(service, settings.claim)
    if (task === 'clean up' && (service.metadata.deletionTimestamp !== undefined || !isHidden(service))) {
      return this.#cleanUp(service)
    }
    if (task === 'ensure') await this.#ensure(key, service)
  }

  #forget(key: string): void {
    this.#writer.forget(key)
  }

  async #cleanUp(service: Service): Promise<void> {
    const { recorder } = this.#context
    const uid = service.metadata.uid ?? ''
    this.#memory.delete(uid)
    try {
      await cleanUpCloud(service, this.#context)
    } catch (error) {
      const id = service.metadata.labels?.[INSTANCE_LABEL] ?? ''
      recorder.event(
        service,
        'Warning',
        'CleanLoadBalancerFailed',
        `Error deleting load balancer [${id}]: ${failureText(error)}`,
      )
      throw error
    }
    this.#lost.delete(uid)
    await this.#writer.release(service, CONDITION_TYPES)
    recorder.event(service, 'Normal', 'CleanLoadBalancer', 'Clean load balancer')
  }

  async #ensure(key: string, service: Service): Promise<void> {
    const { settings, recorder } = this.#context
    const plan = planService(service, settings.model)
    const isPublic = (plan.annotations.instance.addressType ?? 'internet') === 'internet'
    if (settings.disablePublicSlb && isPublic) {
      const text = 'create public address slb is not allowed'
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', text)
      await this.#writer.writeStatus(service, {
        conditions: [failureCondition(new FairleadError('INVALID_INPUT', text))],
      })
      return
    }
    if (plan.problems.length > 0) {
      const text = `Error syncing load balancer [${idOf(service)}]: ${invalidText(plan.problems)}`
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', text)
      const told = await this.#writer.writeStatus(service, { conditions: [invalidCondition(plan.problems)] })
      // What stood there before goes on: its servers are kept up to date, the rest waits for valid values.
      await this.#syncServersOnly(key, told, plan)
      return
    }
    try {
      await this.#ensureValid(key, service, plan)
    } catch (error) {
      await this.#tellFailure(service, error)
      throw error
    }
  }

  async #tellFailure(service: Service, error: unknown): Promise<void> {
    if (isConflict(error)) return
    const { recorder, log } = this.#context
    const latest = this.#writer.latest(service)
    const uid = service.metadata.uid ?? ''
    const id = this.#memory.get(uid)?.instance.id ?? idOf(latest)
    this.#memory.delete(uid)
    recorder.event(
      latest,
      'Warning',
      'SyncLoadBalancerFailed',
      `Error syncing load balancer [${id}]: ${failureText(error)}`,
    )
    await this.#writer
      .writeStatus(latest, { conditions: [failureCondition(error)] })
      .catch((err) => log.warn({ err, object: service.metadata.name }, 'Condition not written'))
  }

  async #build(key: string, plan: ServicePlan): Promise<BuiltModel> {
    const { cluster, interfaces } = this.#context
    const nodes = cluster.nodes()
    const facts: ServiceFacts = {
      service: plan.service,
      slices: cluster.slices(key),
      nodes,
      pod: (namespace, name) => cluster.pod(namespace, name),
    }
    const candidates = candidatesOf(plan, facts)
    const all = [...candidates.values()].flatMap((found) => found.candidates)
    const onInterfaces = interfaceCandidates(plan, all, ({ nodeName }) => {
      const node = nodes.get(nodeName ?? '')
      return node !== undefined && isVirtual(node)
    })
    const interfaceOf = await interfaces.resolve(onInterfaces)
    return buildModel(plan, facts, { candidates, interfaceOf })
  }

  /** The servers of a Service whose annotations cannot be used now. */
  async #syncServersOnly(key: string, service: Service, plan: ServicePlan): Promise<void> {
    const memory = this.#memory.get(service.metadata.uid ?? '')
    if (memory === undefined) return
    const built = await this.#build(key, plan)
    const known = new Set(memory.groups.map(({ name }) => name))
    const groups = built.model.groups.filter(({ name, id }) => id === undefined && known.has(name))
    const model: DesiredModel = { ...built.model, groups }
    const observed = modelOf(memory)
    await this.#apply(model, observed, { steps: diffGroups(model, observed, this.#rules(plan)), refusals: [] })
    const after = groupsAfter(model, memory.groups, new Map())
    const rest = memory.groups.filter(({ id }) => !after.some((group) => group.id === id))
    this.#memory.set(service.metadata.uid ?? '', { ...memory, groups: [...after, ...rest] })
  }

  async #ensureValid(key: string, service: Service, plan: ServicePlan): Promise<void> {
    const claimed = await this.#writer.addFinalizer(service)
    const built = await this.#build(key, plan)
    const memory = this.#trusted(claimed, built.model)
    const { instance, changed, refusals } =
      memory === undefined
        ? await this.#syncAll(claimed, plan, built.model)
        : await this.#syncServers(claimed, plan, { model: built.model, memory })
    await this.#report(claimed, plan, { built, instance, changed, refusals, isFresh: memory === undefined })
  }

  /** What is remembered, as long as it stands for what the Service asks for, and is not too old. */
  #trusted(service: Service, model: DesiredModel): Remembered | undefined {
    const { settings, clock } = this.#context
    const memory = this.#memory.get(service.metadata.uid ?? '')
    if (memory === undefined || memory.fingerprint !== fingerprintOf(model, serviceHash(service))) return undefined
    const isOld = clock.now() - memory.readAt >= settings.driftPeriodMs
    return isOld && !settings.model.compat ? undefined : memory
  }

  async #syncServers(
    service: Service,
    plan: ServicePlan,
    { model, memory }: { readonly model: DesiredModel; readonly memory: Remembered },
  ): Promise<Outcome> {
    const observed = modelOf(memory)
    const steps = diffGroups(model, observed, this.#rules(plan))
    if (steps.length > 0) {
      const ids = await this.#apply(model, observed, { steps, refusals: [] })
      this.#memory.set(service.metadata.uid ?? '', { ...memory, groups: groupsAfter(model, memory.groups, ids) })
    }
    return { instance: memory.instance, changed: steps.length > 0, refusals: [] }
  }

  async #syncAll(service: Service, plan: ServicePlan, model: DesiredModel): Promise<Outcome> {
    const { settings, clock, api } = this.#context
    const found = await this.#find(service, model)
    if (found !== undefined && model.reuse !== undefined) requireReusable(service, found, plan.annotations)
    const instance = found ?? (await this.#create(service, model))
    const observed =
      found === undefined ? await this.#emptyModel(instance, service, model) : await this.#read(plan, instance, model)
    requireUsableGroups(model, observed)
    this.#warnOfQuotas(service, model, observed)
    const onlyServers = settings.model.compat && service.metadata.labels?.[HASH_LABEL] === serviceHash(service)
    if (!onlyServers && (model.reuse === undefined || model.reuse.override)) {
      await requireCertificates(api, model.listeners, { observed, now: clock.now() })
    }
    const rules = this.#rules(plan)
    const diff = onlyServers
      ? { steps: diffGroups(model, observed, rules), refusals: [] }
      : diffModels(model, observed, rules)
    try {
      const ids = await this.#apply(model, observed, diff)
      const groups = groupsAfter(model, observed.groups, ids)
      const uid = service.metadata.uid ?? ''
      const fingerprint = fingerprintOf(model, serviceHash(service))
      const { otherServers } = observed
      if (diff.refusals.length === 0) {
        this.#memory.set(uid, { fingerprint, instance, groups, otherServers, readAt: clock.now() })
      }
    } catch (error) {
      if (found === undefined && isInstanceGone(error)) this.#countLost(service)
      throw error
    }
    return { instance, changed: found === undefined || diff.steps.length > 0, refusals: diff.refusals }
  }

  async #find(service: Service, { reuse }: DesiredModel): Promise<ObservedInstance | undefined> {
    const { api, settings } = this.#context
    const defaultName = defaultInstanceName(service)
    const found = await findInstance(api, { ...(reuse === undefined ? {} : { id: reuse.id }), defaultName })
    if (found !== undefined) return found
    if (reuse !== undefined)
      throw new FairleadError(
        'CLOUD_REFUSED',
        `can not find loadbalancer ${reuse.id} of the annotation loadbalancer-id`,
      )
    const shown = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')
    if (shown.length > 0) {
      throw new FairleadError(
        'CLOUD_REFUSED',
        `alicloud: can not find loadbalancer, but it's defined in service [${shown.join(',')}] this may happen when you delete the loadbalancer`,
        { hint: 'Clear status.loadBalancer of the Service, and it gets a new load balancer' },
      )
    }
    if (settings.model.compat && service.metadata.labels?.[HASH_LABEL] === serviceHash(service)) {
      throw new FairleadError(
        'CLOUD_REFUSED',
        `can not find loadbalancer by tag [kubernetes.do.not.delete:${defaultName}]`,
      )
    }
    return undefined
  }

  #create(service: Service, model: DesiredModel): Promise<ObservedInstance> {
    const { api, settings, log } = this.#context
    if (settings.dryRun) throw new FairleadError('CHECK_FAILED', 'Dry run: would call CreateLoadBalancer')
    const { uid = '', labels } = service.metadata
    log.info({ object: { kind: 'Service', name: service.metadata.name } }, 'Load balancer is made')
    return createInstance(model, {
      api,
      clusterId: settings.model.clusterId,
      defaultName: defaultInstanceName(service),
      vpcId: settings.vpcId,
      vSwitchIds: settings.vSwitchIds,
      ...(settings.resourceGroupId === undefined ? {} : { resourceGroupId: settings.resourceGroupId }),
      tokenSeed: JSON.stringify([uid, labels?.[INSTANCE_LABEL] ?? '', this.#lost.get(uid) ?? 0]),
    })
  }

  /** The next try must not be answered with the instance that is gone. */
  #countLost({ metadata: { uid = '' } }: Service): void {
    this.#lost.set(uid, (this.#lost.get(uid) ?? 0) + 1)
  }

  async #emptyModel(instance: ObservedInstance, service: Service, model: DesiredModel): Promise<ObservedModel> {
    const empty = { instance, groups: [], otherServers: 0, listeners: [] }
    if (model.sourceRanges === undefined) return empty
    const acl = await findAcl(this.#context.api, sourceRangesAclName(service))
    return acl === undefined ? empty : { ...empty, acl }
  }

  async #read(plan: ServicePlan, instance: ObservedInstance, model: DesiredModel): Promise<ObservedModel> {
    const { api, settings } = this.#context
    const looksAfterAcl = model.sourceRanges !== undefined
    const options = {
      owner: plan.owner,
      groupIds: model.groups.flatMap(({ id }) => id ?? []),
      listeners: model.reuse === undefined || model.reuse.override,
      domainExtensions: plan.annotations.hasDomainExtensions,
    }
    const aclName = sourceRangesAclName(plan.service)
    const observed = await readModel(api, instance, { ...options, ...(looksAfterAcl ? { aclName } : {}) })
    // A list that nobody asks for any more is looked for only where a listener still has one.
    if (
      looksAfterAcl ||
      settings.model.compat ||
      !observed.listeners.some(({ settings: { AclId = '' } }) => AclId !== '')
    )
      return observed
    const acl = await findAcl(api, aclName)
    return acl === undefined ? observed : { ...observed, acl }
  }

  #rules({ owner, rules, annotations, service }: ServicePlan): DiffRules {
    const { settings, cluster } = this.#context
    return {
      owner,
      compat: rules.compat,
      clusterId: rules.clusterId,
      defaultName: defaultInstanceName(service),
      batchSize: settings.batchSize,
      ignoreWeights: ignoresWeights(annotations.backend.ignoreWeightUpdate),
      aclName: sourceRangesAclName(service),
      isThere: (holder) => cluster.service(`${holder.namespace}/${holder.service}`) !== undefined,
    }
  }

  /** @throws what failed first */
  async #apply(model: DesiredModel, observed: ObservedModel, { steps }: Diff): Promise<ReadonlyMap<string, string>> {
    const { api, log, settings } = this.#context
    const known = model.groups.flatMap((group) => {
      const there = observed.groups.find(({ id, name }) =>
        group.id === undefined ? name === group.name : id === group.id,
      )
      return there === undefined ? [] : [[group.id ?? group.name, there.id] as const]
    })
    if (settings.dryRun) {
      for (const { action, parameters } of steps) log.info({ action, parameters }, 'Dry run: would be called')
      return new Map(known)
    }
    const { failures, groupIds } = await runSteps(steps, { api, log, groupIds: new Map(known) })
    if (failures.length > 0) throw failures[0]
    return groupIds
  }

  #warnOfQuotas(service: Service, model: DesiredModel, observed: ObservedModel): void {
    const { settings, recorder } = this.#context
    const uses = [
      ...quotaUses(model, observed, settings.limits),
      ...attachmentUses(this.#attachments(model), settings.limits),
    ]
    for (const use of uses) recorder.event(service, 'Warning', 'QuotaNearlyExhausted', quotaText(use))
  }

  /** How often each of the model's nodes is attached, by all Services. */
  #attachments(model: DesiredModel): ReadonlyMap<string, number> {
    const mine = new Set(
      model.groups
        .flatMap(({ backends }) => backends)
        .flatMap(({ type, serverId }) => (type === 'ecs' ? serverId : [])),
    )
    const counts = new Map<string, number>()
    for (const { groups } of this.#memory.values()) {
      for (const { serverId } of groups.flatMap(({ backends }) => backends)) {
        if (mine.has(serverId)) counts.set(serverId, (counts.get(serverId) ?? 0) + 1)
      }
    }
    return counts
  }

  /** Says on Service and pods how it went. @throws FairleadError when something is left to be done */
  async #report(service: Service, plan: ServicePlan, result: Report): Promise<void> {
    const { built, instance, changed, refusals, isFresh } = result
    if (this.#context.settings.dryRun) return
    await this.#tellPods(plan, built)
    const appliedTags = plan.rules.compat ? '' : built.model.tags.map(({ key }) => key).join(',')
    const marked = await this.#writer.writeMarks(service, {
      hash: serviceHash(service),
      instanceId: instance.id,
      appliedTags,
    })
    const ingress = isFresh
      ? await ingressOf(marked, { instance }, { annotations: plan.annotations, context: this.#context })
      : undefined
    const isIncomplete = built.model.groups.some((group) => group.isIncomplete)
    const failure = failureOf(refusals, isIncomplete)
    const attached = built.model.groups.reduce((sum, { backends }) => sum + backends.length, 0)
    const { missing, unready } = built
    const conditions = [
      failure === undefined ? readyCondition(instance.id) : failureCondition(failure),
      backendsCondition({ attached, missing, unready }),
    ]
    await this.#writer.writeStatus(marked, { ...(ingress === undefined ? {} : { ingress }), conditions })
    this.#tell(marked, plan, { ...result, attached })
    if (failure !== undefined) throw failure
    if (changed || plan.rules.compat) {
      this.#context.recorder.event(marked, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer [${instance.id}]`)
    }
  }

  #tell(
    service: Service,
    plan: ServicePlan,
    { built, instance, changed, isFresh, attached }: Report & { readonly attached: number },
  ): void {
    if (!changed && !isFresh) return
    const { recorder } = this.#context
    const list = (kinds: readonly string[]) =>
      shortened(
        built.missing
          .filter(({ kind }) => kinds.includes(kind))
          .map(({ who, reason }) => `${who}: ${reason}`)
          .join('; '),
        900,
      )
    const [unknown, outside, others] = [list(['interface']), list(['outside']), list(['node', 'pod'])]
    if (unknown !== '')
      recorder.event(service, 'Warning', 'SkipSyncBackends', `Not sync pods [${unknown}] whose eni is invalid`)
    if (outside !== '')
      recorder.event(service, 'Normal', 'SkipSyncBackends', `Not sync pods [${outside}] whose ip is not in vpc cidrs`)
    if (others !== '') recorder.event(service, 'Warning', 'SkipSyncBackends', `Not attached: ${others}`)
    if (attached === 0 && plan.ports.length > 0) {
      recorder.event(service, 'Normal', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer')
    }
    if (plan.annotations.instance.preserve !== undefined) {
      recorder.event(
        service,
        'Warning',
        'PreservedOnDelete',
        `The lb [${instance.id}] will be preserved after the service is deleted.`,
      )
    }
  }

  async #tellPods({ service, policy }: ServicePlan, { servedPods, missing }: BuiltModel): Promise<void> {
    const { cluster, recorder } = this.#context
    const namespace = service.metadata.namespace ?? ''
    const unattached = missing.flatMap(({ podName, kind }): Pod[] => {
      const pod = podName === undefined || kind !== 'interface' ? undefined : cluster.pod(namespace, podName)
      return pod === undefined ? [] : [pod]
    })
    try {
      await writeReadiness(service, { served: servedPods, unattached }, this.#context)
    } catch (error) {
      recorder.event(service, 'Warning', 'FailedUpdateReadinessGate', `${policy}: ${failureText(error)}`)
      throw error
    }
  }
}

interface Outcome {
  readonly instance: ObservedInstance
  /** Whether anything was done. */
  readonly changed: boolean
  readonly refusals: readonly string[]
}

interface Report extends Outcome {
  readonly built: BuiltModel
  /** Whether the cloud was read. */
  readonly isFresh: boolean
}

function idOf({ metadata }: Service): string {
  return metadata.labels?.[INSTANCE_LABEL] ?? ''
}

function failureOf(refusals: readonly string[], isIncomplete: boolean): FairleadError | undefined {
  if (refusals[0] !== undefined) return new FairleadError('CLOUD_REFUSED', refusals.join('; '))
  return isIncomplete ? new FairleadError('CLOUD_REFUSED', 'has invalid backend in vservergroups') : undefined
}
