import { FairleadError } from '../../base/error.ts'
import { isConflict } from '../../kube/api-error.ts'
import type { Service } from '../../kube/types/core.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { createInstance } from '../apply/create-instance.ts'
import { runSteps } from '../apply/run-steps.ts'
import { isHidden, type Task, taskFor } from '../claim.ts'
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
import { cleanUpCloud } from './clean-up.ts'
import { attachmentUses, quotaText, quotaUses } from './quota-watch.ts'
import { type Outcome, report } from './report.ts'
import { requireCertificates, requireReusable, requireUsableGroups } from './reuse-checks.ts'
import { ServiceWriter } from './service-writer.ts'
import type { SyncContext } from './sync-context.ts'
import { fingerprintOf, groupsAfter, modelOf, type Remembered } from './sync-memory.ts'
import { CONDITION_TYPES, failureCondition, failureText, invalidCondition, invalidText } from './verdict.ts'

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
  /** By key. */
  readonly #uids = new Map<string, string>()

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
    this.#uids.set(key, service.metadata.uid ?? '')
    const task = taskFor(service, settings.claim)
    if (settings.dryRun) return this.#preview(key, service, task)
    if (task === 'clean up' && (service.metadata.deletionTimestamp !== undefined || !isHidden(service))) {
      return this.#cleanUp(service)
    }
    if (task === 'ensure') await this.#ensure(key, service)
  }

  /** What is known of a Service that is gone, be it that somebody took its finalizer away. */
  #forget(key: string): void {
    this.#writer.forget(key)
    const uid = this.#uids.get(key) ?? ''
    this.#memory.delete(uid)
    this.#lost.delete(uid)
    this.#uids.delete(key)
  }

  /** Logs what would be called, and writes nothing, neither here nor there. */
  async #preview(key: string, service: Service, task: Task): Promise<void> {
    const { log, settings } = this.#context
    const about = log.child({ object: { kind: 'Service', key } })
    if (task !== 'ensure') return about.info({ task }, 'Dry run: would be done')
    const plan = planService(service, settings.model)
    if (plan.problems.length > 0) return about.info({ problems: plan.problems }, 'Dry run: would be refused')
    const { model } = await this.#build(key, plan)
    const found = await this.#find(service, model)
    if (found === undefined) return about.info({ model }, 'Dry run: a load balancer would be made')
    const { steps, refusals } = diffModels(model, await this.#read(plan, found, model), this.#rules(plan))
    about.info({ instance: found.id, steps, refusals }, 'Dry run: would be called')
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
    const result = { built, instance, changed, refusals, isFresh: memory === undefined }
    await report(claimed, plan, { result, context: this.#context, writer: this.#writer })
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
    const { api, log } = this.#context
    const known = model.groups.flatMap((group) => {
      const there = observed.groups.find(({ id, name }) =>
        group.id === undefined ? name === group.name : id === group.id,
      )
      return there === undefined ? [] : [[group.id ?? group.name, there.id] as const]
    })
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
}

function idOf({ metadata }: Service): string {
  return metadata.labels?.[INSTANCE_LABEL] ?? ''
}
