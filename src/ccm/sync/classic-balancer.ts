import type { LoadBalancerIngress, Service } from '../../kube/types/core.ts'
import { createInstance } from '../apply/create-instance.ts'
import { type Claim, clbClaim } from '../claim.ts'
import { ignoresWeights } from '../desired/build-groups.ts'
import { type ClassicPlan, desiredModel, planService } from '../desired/desired-model.ts'
import { type DiffRules, diffModels } from '../diff/diff-models.ts'
import { CLB_GROUP_CALLS, diffGroups } from '../diff/group-diff.ts'
import type { Diff, Step } from '../diff/step.ts'
import type { DesiredGroup, DesiredModel, ObservedInstance, ObservedModel } from '../model.ts'
import { defaultInstanceName, sourceRangesAclName } from '../names.ts'
import { findInstance } from '../observed/find-instance.ts'
import { findAcl, readModel } from '../observed/read-model.ts'
import { ingressOf } from './addresses.ts'
import type { Balancer, Warning } from './balancer.ts'
import { cleanUpCloud } from './clean-up.ts'
import { CLB_QUOTAS, quotaWarnings } from './quota-watch.ts'
import { requireCertificates, requireReusable } from './reuse-checks.ts'
import type { SyncContext } from './sync-context.ts'

/** Classic Load Balancers, for Services without a class. */
export class ClassicBalancer implements Balancer<ClassicPlan, DesiredModel, ObservedModel> {
  readonly product = 'slb'
  readonly noun = 'LoadBalancer'
  readonly incomplete = 'has invalid backend in vservergroups'
  readonly claim: Claim
  readonly #context: SyncContext

  constructor(context: SyncContext) {
    this.#context = context
    this.claim = clbClaim(context.settings.claim)
  }

  plan(service: Service): ClassicPlan {
    return planService(service, this.#context.settings.model)
  }

  model(plan: ClassicPlan, groups: readonly DesiredGroup[]): DesiredModel {
    return desiredModel(plan, groups)
  }

  find(service: Service, { reuse }: DesiredModel): Promise<ObservedInstance | undefined> {
    const defaultName = defaultInstanceName(service)
    return findInstance(this.#context.api, { ...(reuse === undefined ? {} : { id: reuse.id }), defaultName })
  }

  create(service: Service, model: DesiredModel, tokenSeed: string): Promise<ObservedInstance> {
    const { api, settings } = this.#context
    return createInstance(model, {
      api,
      clusterId: settings.model.clusterId,
      defaultName: defaultInstanceName(service),
      vpcId: settings.vpcId,
      vSwitchIds: settings.vSwitchIds,
      ...(settings.resourceGroupId === undefined ? {} : { resourceGroupId: settings.resourceGroupId }),
      tokenSeed,
    })
  }

  async read(
    plan: ClassicPlan,
    model: DesiredModel,
    { instance, isNew }: { readonly instance: ObservedInstance; readonly isNew: boolean },
  ): Promise<ObservedModel> {
    return isNew ? this.#emptyModel(instance, plan, model) : this.#readAll(plan, model, instance)
  }

  async #emptyModel(instance: ObservedInstance, plan: ClassicPlan, model: DesiredModel): Promise<ObservedModel> {
    const empty = { instance, groups: [], otherServers: 0, listeners: [] }
    if (model.sourceRanges === undefined) return empty
    const acl = await findAcl(this.#context.api, sourceRangesAclName(plan.service))
    return acl === undefined ? empty : { ...empty, acl }
  }

  async #readAll(plan: ClassicPlan, model: DesiredModel, instance: ObservedInstance): Promise<ObservedModel> {
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

  async prepare(_plan: ClassicPlan, _model: DesiredModel, observed: ObservedModel): Promise<ObservedModel> {
    return observed
  }

  requireReusable({ service, annotations }: ClassicPlan, { id, tags, address }: ObservedInstance): void {
    // The Service may show EIPs in the place of the address.
    const place = annotations.instance.externalIpType === 'eip' ? undefined : { kind: 'ip' as const, text: address }
    requireReusable(service, { id, tags }, place)
  }

  async requireUsable(model: DesiredModel, observed: ObservedModel): Promise<void> {
    if (model.reuse !== undefined && !model.reuse.override) return
    const { api, clock } = this.#context
    await requireCertificates(api, model.listeners, { observed, now: clock.now() })
  }

  warnings(_plan: ClassicPlan, model: DesiredModel, observed: ObservedModel): readonly Warning[] {
    return quotaWarnings(model, observed, { ...CLB_QUOTAS, limits: this.#context.settings.limits })
  }

  diff(plan: ClassicPlan, model: DesiredModel, observed: ObservedModel): Diff {
    return diffModels(model, observed, this.#rules(plan))
  }

  diffServers(plan: ClassicPlan, model: DesiredModel, observed: ObservedModel): readonly Step[] {
    return diffGroups(model, observed, this.#rules(plan))
  }

  #rules({ owner, rules, annotations, service }: ClassicPlan): DiffRules {
    const { settings, cluster } = this.#context
    return {
      owner,
      compat: rules.compat,
      clusterId: rules.clusterId,
      defaultName: defaultInstanceName(service),
      batchSize: settings.batchSize,
      ignoreWeights: ignoresWeights(annotations.backend.ignoreWeightUpdate),
      calls: CLB_GROUP_CALLS,
      aclName: sourceRangesAclName(service),
      isThere: (holder) => cluster.service(`${holder.namespace}/${holder.service}`) !== undefined,
    }
  }

  ingress(
    { annotations }: ClassicPlan,
    service: Service,
    instance: ObservedInstance,
  ): Promise<readonly LoadBalancerIngress[]> {
    return ingressOf(service, { instance }, { annotations, context: this.#context })
  }

  labels(): Readonly<Record<string, string | null>> {
    return {}
  }

  cleanUp(service: Service): Promise<void> {
    return cleanUpCloud(service, this.#context)
  }
}
