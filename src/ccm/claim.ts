import type { Service } from '../kube/types/core.ts'
import { annotationOf } from './annotations/read-annotation.ts'
import { CLB_FINALIZER, NLB_CLASS } from './names.ts'

const CLASS_ANNOTATION = 'service.beta.kubernetes.io/class'
const TUNNEL_ANNOTATION = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-tunnel-type'

/** Which Services are whose; `LoadBalancerTypeAnnotation` is the gate of ACK's controller. */
export interface ClaimRules {
  readonly typeAnnotation: boolean
}

/** Whether a Service gets a Classic Load Balancer. NLB's (class or, behind the gate, annotation) are left to another controller. */
export function isClaimedByClb({ spec, metadata }: Service, rules: ClaimRules): boolean {
  if (spec.type !== 'LoadBalancer') return false
  const annotations = metadata.annotations ?? {}
  if (spec.loadBalancerClass !== undefined) return false
  if ((annotations[CLASS_ANNOTATION] ?? '') !== '') return false
  if (annotations[TUNNEL_ANNOTATION] !== undefined) return false
  return !(rules.typeAnnotation && annotationOf(annotations, 'loadbalancer-type') !== '')
}

/** Whether a Service is NLB's. */
export function isClaimedByNlb({ spec, metadata }: Service, rules: ClaimRules): boolean {
  if (spec.type !== 'LoadBalancer') return false
  if (spec.loadBalancerClass !== undefined) return spec.loadBalancerClass === NLB_CLASS
  return rules.typeAnnotation && annotationOf(metadata.annotations ?? {}, 'loadbalancer-type').toLowerCase() === 'nlb'
}

/** Whether annotation `service.beta.kubernetes.io/class` hides the Service from the controller. */
export function isHidden({ metadata }: Service): boolean {
  return (metadata.annotations?.[CLASS_ANNOTATION] ?? '') !== ''
}

export function hasFinalizer({ metadata }: Service): boolean {
  return metadata.finalizers?.includes(CLB_FINALIZER) === true
}

/** What is to be done about a Service. */
export type Task = 'ensure' | 'clean up' | 'nothing'

/** A Service that is claimed is ensured; one that no longer is, or goes, is cleaned up after if there was anything. */
export function taskFor(service: Service, rules: ClaimRules): Task {
  if (service.metadata.deletionTimestamp === undefined && isClaimedByClb(service, rules)) return 'ensure'
  return hasFinalizer(service) ? 'clean up' : 'nothing'
}
