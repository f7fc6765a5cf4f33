import type { LoadBalancerIngress, Service } from '../../kube/types/core.ts'
import type { BalancerProduct } from '../apply/run-steps.ts'
import type { Claim } from '../claim.ts'
import type { ServicePlan } from '../desired/service-plan.ts'
import type { Diff, Step } from '../diff/step.ts'
import type { DesiredGroup, SeenBalancer, WantedBalancer } from '../model.ts'

/** An Event of type Warning. */
export interface Warning {
  readonly reason: 'QuotaNearlyExhausted' | 'FeatureNotSupported'
  readonly text: string
}

/**
 * A kind of load balancer: what is its own about turning Services into it. Reconciling itself is the same for all
 * ({@link ServiceSync}).
 */
export interface Balancer<P extends ServicePlan, M extends WantedBalancer, O extends SeenBalancer> {
  readonly product: BalancerProduct
  readonly claim: Claim
  /** `LoadBalancer`, `NetworkLoadBalancer`: what Events call it. */
  readonly noun: string
  /** What is said while an interface is not found. */
  readonly incomplete: string

  plan(service: Service): P
  model(plan: P, groups: readonly DesiredGroup[]): M

  find(service: Service, model: M): Promise<O['instance'] | undefined>
  create(service: Service, model: M, tokenSeed: string): Promise<O['instance']>
  /** Reads what belongs to the Service. @param isNew The instance was made just now. */
  read(plan: P, model: M, place: { readonly instance: O['instance']; readonly isNew: boolean }): Promise<O>
  /** Makes what has to be there before calls can be worked out; then the cloud is as it returns. */
  prepare(plan: P, model: M, observed: O): Promise<O>

  /** @throws FairleadError `CLOUD_REFUSED` for someone else's instance that the Service may not use */
  requireReusable(plan: P, instance: O['instance']): void
  /** @throws FairleadError `CLOUD_REFUSED` for certificates that cannot be used */
  requireUsable(model: M, observed: O): Promise<void>
  /** What people should know though it hinders nothing: quotas that are nearly used up, fields that count for nothing. */
  warnings(plan: P, model: M, observed: O): readonly Warning[]

  diff(plan: P, model: M, observed: O): Diff
  /** The part of it that is about servers. */
  diffServers(plan: P, model: M, observed: O): readonly Step[]

  /** Where the Service is found. */
  ingress(plan: P, service: Service, instance: O['instance']): Promise<readonly LoadBalancerIngress[]>
  /** Labels beside those that every Service gets; `null` takes one away. */
  labels(left: O, model: M): Readonly<Record<string, string | null>>
  /** Takes away whatever the Service has in the cloud. */
  cleanUp(service: Service): Promise<void>
}
