import { podRequests } from '../../kube/pod-requests.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { PodNeeds } from './filters.ts'
import { hostPortsOf } from './host-ports.ts'

/** What a pod asks of its node: host ports, and requests. */
export function needsOf(pod: Pod): PodNeeds {
  return { pod, requests: podRequests(pod), hostPorts: hostPortsOf(pod) }
}
