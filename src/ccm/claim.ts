import type { Service } from '../kube/types/core.ts'
import { annotationOf } from './annotations/read-annotation.ts'
import { CLB_FINALIZER, NLB_CLASS, NLB_FINALIZER } from './names.ts'

const CLASS_ANNOTATION = 'service.beta.kubernetes.io/class'
const TUNNEL_ANNOTATION = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-tunnel-type'

/** Which Services are whose; `LoadBalancerTypeAnnotation` is the gate of ACK's controller. */
export interface ClaimRules {
  readonly typeAnnotation: boolean
}

/** What a controller takes care of, and the mark that keeps a Service until it is cleaned up after. */
export interface Claim {
  readonly finalizer: string
  isClaimed(service: Service): boolean
  /** Whether a Service that is no longer claimed is left as it is none the less. */
  isHidden(service: Service): boolean
}

export function clbClaim(rules: ClaimRules): Claim {
  return { finalizer: CLB_FINALIZER, isClaimed: (service) => isClaimedByClb(service, rules), isHidden }
}

export function nlbClaim(rules: ClaimRules): Claim {
  return { finalizer: NLB_FINALIZER, isClaimed: (service) => isClaimedByNlb(service, rules), isHidden: () => false }
}

/** Whether a Service gets a Classic Load Balancer. NLB's (class or, behind the gate, annotation) are left to another controller. */
function isClaimedByClb({ spec, metadata }: Service, rules: ClaimRules): boolean {
  if (spec.type !== 'LoadBalancer') return false
  const annotations = metadata.annotations ?? {}
  if (spec.loadBalancerClass !== undefined) return false
  if ((annotations[CLASS_ANNOTATION] ?? '') !== '') return false
  if (annotations[TUNNEL_ANNOTATION] !== undefined) return false
  return !(rules.typeAnnotation && annotationOf(annotations, 'loadbalancer-type') !== '')
}

/** Whether a Service is NLB's. */
function isClaimedByNlb({ spec, metadata }: Service, rules: ClaimRules): boolean {
  if (spec.type !== 'LoadBalancer') return false
  if (spec.loadBalancerClass !== undefined) return spec.loadBalancerClass === NLB_CLASS
  return rules.typeAnnotation && annotationOf(metadata.annotations ?? {}, 'loadbalancer-type').toLowerCase() === 'nlb'
}

/** Whether annotation `service.beta.kubernetes.io/class` hides the Service from CLB's controller. */
function isHidden({ metadata }: Service): boolean {
  return (metadata.annotations?.[CLASS_ANNOTATION] ?? '') !== ''
}

/** Whether a Service is a controller's, or has left something with it. */
export function isConcerned(service: Service, claim: Claim): boolean {
  return claim.isClaimed(service) || hasFinalizer(service, claim)
}

function hasFinalizer({ metadata }: Service, { finalizer }: Claim): boolean {
  return metadata.finalizers?.includes(finalizer) === true
}

/** What is to be done about a Service. */
export type Task = 'ensure' | 'clean up' | 'nothing'

/** A Service that is claimed is ensured; one that no longer is, or goes, is cleaned up after if there was anything. */
export function taskFor(service: Service, claim: Claim): Task {
  if (service.metadata.deletionTimestamp === undefined && claim.isClaimed(service)) return 'ensure'
  return hasFinalizer(service, claim) ? 'clean up' : 'nothing'
}
