/** What a Service of a given spec needs or may have; shared by defaulting, preparing and validating. */

/** The fields that decide, of a spec that is checked or of a draft that may hold anything. */
interface Spec {
  readonly type?: unknown
  readonly clusterIP?: unknown
  readonly clusterIPs?: unknown
  readonly externalIPs?: unknown
  readonly externalTrafficPolicy?: unknown
  readonly allocateLoadBalancerNodePorts?: unknown
}

/** Every type but ExternalName has cluster addresses (`None` counts as one). */
export function needsClusterIp(spec: Spec): boolean {
  return spec.type !== 'ExternalName'
}

/** Whether node ports belong to it, allocated or asked for. */
export function needsNodePort(spec: Spec): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer'
}

/** Whether node ports are chosen for it; a load balancer may be told to do without. */
export function allocatesNodePorts(spec: Spec): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
}

/** Whether a health check node port belongs to it. */
export function needsHealthCheckPort(spec: Spec): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
}

/** Whether traffic from outside the cluster can reach it, so that `externalTrafficPolicy` means something. */
export function isExternallyAccessible(spec: Spec): boolean {
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') return true
  return spec.type === 'ClusterIP' && Array.isArray(spec.externalIPs) && spec.externalIPs.length > 0
}

/** Whether it has no address of its own. */
export function isHeadless(spec: Spec): boolean {
  if (Array.isArray(spec.clusterIPs) && spec.clusterIPs.length > 0) {
    return spec.clusterIPs.length === 1 && spec.clusterIPs[0] === 'None'
  }
  return spec.clusterIP === 'None'
}
