import type { Service } from '../../kube/types/core.ts'
import type { QueueObserver } from '../../kube/work-queue.ts'

/** A kind of load balancer, as ACK's controller calls it in metrics. */
export type BalancerType = 'CLBType' | 'NLBType'

export type BalancerVerb = 'Creation' | 'Update' | 'Deletion'

/** What there is to count of a controller's queue and workers. */
export interface ControllerSource {
  /** `service-controller` */
  readonly name: string
  readonly workers: number
  /** Keys that wait. */
  depth(): number
}

/** Figures of the cloud controller. Durations are milliseconds. */
export interface CcmMetrics {
  /** Counts what comes into a controller's queue and is worked on. */
  controller(source: ControllerSource): QueueObserver
  balancerReconciled(type: BalancerType, verb: BalancerVerb, ms: number): void
  balancerFailed(type: BalancerType, verb: BalancerVerb): void
  nodes(verb: 'reconcile' | 'remove_taint', ms: number): void
  routes(verb: 'reconcile' | 'create', ms: number): void
}

/** What reconciling a Service is about, by ACK's rule. */
export function verbOf({ metadata, status }: Service): BalancerVerb {
  if (metadata.deletionTimestamp !== undefined) return 'Deletion'
  return (status?.loadBalancer?.ingress ?? []).length === 0 ? 'Creation' : 'Update'
}

/**
 * How long it took: for people who wait for an address, or for a Service to go, since they asked.
 *
 * @param started When reconciling began; milliseconds since the epoch, as `now`.
 */
export function elapsed(
  { metadata }: Service,
  verb: BalancerVerb,
  { started, now }: { readonly started: number; readonly now: number },
): number {
  const asked = verb === 'Deletion' ? metadata.deletionTimestamp : metadata.creationTimestamp
  const since = verb === 'Update' || asked === undefined ? started : Date.parse(asked)
  return Math.max(0, now - since)
}
