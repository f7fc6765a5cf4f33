import type { LoadBalancerIngress, Service } from '../../kube/types/core.ts'
import { type Claim, nlbClaim } from '../claim.ts'
import { ignoresWeights } from '../desired/build-groups.ts'
import { diffGroups } from '../diff/group-diff.ts'
import type { Diff, Step } from '../diff/step.ts'
import type { DesiredGroup } from '../model.ts'
import { defaultInstanceName, SECURITY_GROUP_LABEL } from '../names.ts'
import type { Balancer, Warning } from '../sync/balancer.ts'
import { NLB_QUOTAS, quotaWarnings } from '../sync/quota-watch.ts'
import { requireReusable } from '../sync/reuse-checks.ts'
import type { SyncContext } from '../sync/sync-context.ts'
import { cleanUpNlb } from './clean-up-nlb.ts'
import { createNlb, readyNlb } from './create-nlb.ts'
import { diffNlb, type NlbDiffRules } from './diff-nlb.ts'
import { nlbGroupCalls } from './group-calls.ts'
import { type DesiredNlb, desiredNlb, type NlbInstance, type ObservedNlb } from './nlb-model.ts'
import { type NlbPlan, planNlbService } from './nlb-plan.ts'
import { findNlb, readNlb } from './read-nlb.ts'
import { createSourceGroup, findSourceGroup } from './source-group.ts'

/** Network Load Balancers, for Services of class `alibabacloud.com/nlb`. */
export class NetworkBalancer implements Balancer<NlbPlan, DesiredNlb, ObservedNlb> {
  readonly product = 'nlb'
  readonly noun = 'NetworkLoadBalancer'
  readonly incomplete = 'has invalid server in server groups'
  readonly claim: Claim
  readonly #context: SyncContext

  constructor(context: SyncContext) {
    this.#context = context
    this.claim = nlbClaim(context.settings.claim)
  }

  plan(service: Service): NlbPlan {
    return planNlbService(service, this.#context.settings.model)
  }

  model(plan: NlbPlan, groups: readonly DesiredGroup[]): DesiredNlb {
    return desiredNlb(plan, groups)
  }

  async find(service: Service, { reuse }: DesiredNlb): Promise<NlbInstance | undefined> {
    const { api, clock } = this.#context
    const query = { ...(reuse === undefined ? {} : { id: reuse.id }), defaultName: defaultInstanceName(service) }
    const found = await findNlb(api, query)
    return found === undefined ? undefined : readyNlb(api, clock, found)
  }

  create(service: Service, model: DesiredNlb, tokenSeed: string): Promise<NlbInstance> {
    const { settings } = this.#context
    return createNlb(model, this.#context, {
      clusterId: settings.model.clusterId,
      defaultName: defaultInstanceName(service),
      vpcId: settings.vpcId,
      ...resourceGroup(settings.resourceGroupId),
      tokenSeed,
    })
  }

  async read(
    { service, annotations }: NlbPlan,
    model: DesiredNlb,
    { instance }: { readonly instance: NlbInstance; readonly isNew: boolean },
  ): Promise<ObservedNlb> {
    const { api } = this.#context
    const defaultName = defaultInstanceName(service)
    const observed = await readNlb(api, instance, {
      defaultName,
      groupIds: model.groups.flatMap(({ id }) => id ?? []),
      listeners: model.reuse === undefined || model.reuse.override,
      certificates: annotations.isThere.additionalCertificates,
    })
    const hadRanges = service.metadata.labels?.[SECURITY_GROUP_LABEL] !== undefined
    if (model.sourceRanges === undefined && !hadRanges) return observed
    const sourceGroup = await findSourceGroup(api, defaultName)
    return sourceGroup === undefined ? observed : { ...observed, sourceGroup }
  }

  /** The security group of source ranges has to have an id before instances can join it. */
  async prepare({ service }: NlbPlan, model: DesiredNlb, observed: ObservedNlb): Promise<ObservedNlb> {
    if (model.sourceRanges === undefined || observed.sourceGroup !== undefined) return observed
    const { api, settings } = this.#context
    const sourceGroup = await createSourceGroup(api, {
      vpcId: observed.instance.vpcId,
      clusterId: settings.model.clusterId,
      defaultName: defaultInstanceName(service),
      ...resourceGroup(model.settings.resourceGroupId ?? settings.resourceGroupId),
    })
    return { ...observed, sourceGroup }
  }

  requireReusable({ service }: NlbPlan, { id, tags, dnsName }: NlbInstance): void {
    requireReusable(service, { id, tags }, { kind: 'dnsname', text: dnsName })
  }

  async requireUsable(): Promise<void> {}

  warnings({ service }: NlbPlan, model: DesiredNlb, observed: ObservedNlb): readonly Warning[] {
    const { limits } = this.#context.settings
    const ignored = model.reuse !== undefined && (service.spec.loadBalancerSourceRanges ?? []).length > 0
    const text = 'LoadBalancerSourceRanges is not supported for user-managed LB.'
    return [
      ...(ignored ? [{ reason: 'FeatureNotSupported', text } as const] : []),
      ...quotaWarnings(model, observed, { ...NLB_QUOTAS, limits }),
    ]
  }

  diff(plan: NlbPlan, model: DesiredNlb, observed: ObservedNlb): Diff {
    return diffNlb(model, observed, this.#rules(plan, observed))
  }

  diffServers(plan: NlbPlan, model: DesiredNlb, observed: ObservedNlb): readonly Step[] {
    return diffGroups(model, observed, this.#rules(plan, observed))
  }

  #rules({ owner, rules, annotations, service }: NlbPlan, { instance }: ObservedNlb): NlbDiffRules {
    const { settings, cluster } = this.#context
    const { clusterId, compat } = rules
    const defaultName = defaultInstanceName(service)
    const group = annotations.instance.resourceGroupId ?? settings.resourceGroupId
    return {
      owner,
      compat,
      clusterId,
      defaultName,
      batchSize: settings.batchSize,
      ignoreWeights: ignoresWeights(annotations.backend.ignoreWeightUpdate),
      calls: nlbGroupCalls({ vpcId: instance.vpcId, clusterId, defaultName, ...resourceGroup(group) }),
      isThere: (holder) => cluster.service(`${holder.namespace}/${holder.service}`) !== undefined,
    }
  }

  /** The name stands for the addresses of all zones. */
  async ingress(_plan: NlbPlan, _service: Service, { dnsName }: NlbInstance): Promise<readonly LoadBalancerIngress[]> {
    return [{ hostname: dnsName }]
  }

  labels({ sourceGroup }: ObservedNlb, { sourceRanges }: DesiredNlb): Readonly<Record<string, string | null>> {
    return { [SECURITY_GROUP_LABEL]: sourceRanges === undefined ? null : (sourceGroup?.id ?? null) }
  }

  cleanUp(service: Service): Promise<void> {
    return cleanUpNlb(service, this.#context)
  }
}

function resourceGroup(id: string | undefined): { readonly resourceGroupId?: string } {
  return id === undefined ? {} : { resourceGroupId: id }
}
