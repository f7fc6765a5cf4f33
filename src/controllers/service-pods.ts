import type { Pod, Service } from '../kube/types/core.ts'
import { isTerminal } from './pod-state.ts'

/** Label (empty value) that marks slices and Endpoints of a Service without a cluster IP. */
export const HEADLESS_LABEL = 'service.kubernetes.io/headless'

/** Whether its endpoints are derived from pods: it has a selector and is not an ExternalName. */
export function hasSelector(service: Service): boolean {
  return service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0
}

/** Whether the Service has no cluster IP. */
export function isHeadless(service: Service): boolean {
  const { clusterIP } = service.spec
  return clusterIP === undefined || clusterIP === '' || clusterIP === 'None'
}

/** Whether all of the Service's selector is among the labels. */
export function selects(service: Service, labels: Readonly<Record<string, string>> | undefined): boolean {
  return Object.entries(service.spec.selector ?? {}).every(([key, value]) => labels?.[key] === value)
}

/** A pod that can be an endpoint: it has an address and has not ended; one that is terminating still counts. */
export function canBeEndpoint(pod: Pod): boolean {
  return !isTerminal(pod) && podAddresses(pod).length > 0
}

/** The pod's addresses, primary first. */
export function podAddresses(pod: Pod): readonly string[] {
  const addresses = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== '')
  const { podIP } = pod.status ?? {}
  if (addresses.length > 0) return addresses
  return podIP === undefined || podIP === '' ? [] : [podIP]
}

/** The pod's hostname as this Service's DNS names it; only a pod whose subdomain is the Service has one. */
export function endpointHostname(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec
  const named = hostname !== undefined && hostname !== '' && subdomain === service.metadata.name
  return named && pod.metadata.namespace === service.metadata.namespace ? hostname : undefined
}

/** A copy of the pod with all that decides on endpoints, as text: when it is the same, endpoints are the same. */
export function endpointFacts(pod: Pod): string {
  return JSON.stringify([
    pod.metadata.labels,
    pod.metadata.deletionTimestamp,
    pod.metadata.uid,
    pod.spec.nodeName,
    pod.status?.phase,
    pod.status?.podIP,
    pod.status?.podIPs,
    pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ])
}
