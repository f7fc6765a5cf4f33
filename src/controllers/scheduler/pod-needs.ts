import { isSidecar, podRequests } from '../../kube/pod-requests.ts'
import type { Container, Pod } from '../../kube/types/core.ts'
import type { PodNeeds } from './filters.ts'

/** What a pod asks of its node: host ports, and requests. */
export function needsOf(pod: Pod): PodNeeds {
  const running = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]
  return { pod, requests: podRequests(pod), hostPorts: running.flatMap((container) => hostPortsOf(pod, container)) }
}

function hostPortsOf(pod: Pod, { ports = [] }: Container): readonly string[] {
  return ports.flatMap(({ hostPort, containerPort, hostIP = '0.0.0.0', protocol = 'TCP' }) => {
    const port = hostPort ?? (pod.spec.hostNetwork === true ? containerPort : 0)
    return port === 0 ? [] : [`${protocol}/${hostIP === '' ? '0.0.0.0' : hostIP}/${port}`]
  })
}
