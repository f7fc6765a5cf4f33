import type { Container, Pod } from '../../kube/types/core.ts'
import type { PodNeeds } from './filters.ts'
import { parseQuantities } from './quantities.ts'

/** What a pod asks of its node: requests (sum of its containers, or its largest init container), and host ports. */
export function needsOf(pod: Pod): PodNeeds {
  const requests: Record<string, number> = {}
  const running = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]
  for (const container of running) {
    for (const [name, amount] of Object.entries(requestsOf(container))) requests[name] = (requests[name] ?? 0) + amount
  }
  for (const container of pod.spec.initContainers ?? []) {
    for (const [name, amount] of Object.entries(requestsOf(container))) {
      requests[name] = Math.max(requests[name] ?? 0, amount)
    }
  }
  return { pod, requests, hostPorts: running.flatMap((container) => hostPortsOf(pod, container)) }
}

/** What is limited and not requested is requested at its limit. */
function requestsOf({ resources }: Container): Readonly<Record<string, number>> {
  return parseQuantities({ ...resources?.limits, ...resources?.requests })
}

function hostPortsOf(pod: Pod, { ports = [] }: Container): readonly string[] {
  return ports.flatMap(({ hostPort, containerPort, hostIP = '0.0.0.0', protocol = 'TCP' }) => {
    const port = hostPort ?? (pod.spec.hostNetwork === true ? containerPort : 0)
    return port === 0 ? [] : [`${protocol}/${hostIP === '' ? '0.0.0.0' : hostIP}/${port}`]
  })
}

function isSidecar(container: Container): boolean {
  return 'restartPolicy' in container && container.restartPolicy === 'Always'
}
