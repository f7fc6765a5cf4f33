import type { Container, Pod } from '../../kube/types/core.ts'
import type { PodNeeds } from './filters.ts'
import { parseQuantities } from './quantities.ts'

/**
 * What a pod asks of its node: host ports, and requests (sum of its containers and sidecars, or what it takes at most
 * while its init containers run).
 */
export function needsOf(pod: Pod): PodNeeds {
  const requests: Record<string, number> = {}
  const starting: Record<string, number> = {}
  const sidecars: Container[] = []
  const beside: Record<string, number> = {}
  for (const container of pod.spec.initContainers ?? []) {
    const own = requestsOf(container)
    if (isSidecar(container)) {
      sidecars.push(container)
      add(beside, own)
    }
    // An init container runs beside the sidecars that were started before it.
    const together = { ...beside }
    if (!isSidecar(container)) add(together, own)
    for (const [name, amount] of Object.entries(together)) starting[name] = Math.max(starting[name] ?? 0, amount)
  }
  const running = [...pod.spec.containers, ...sidecars]
  for (const container of running) add(requests, requestsOf(container))
  for (const [name, amount] of Object.entries(starting)) requests[name] = Math.max(requests[name] ?? 0, amount)
  return { pod, requests, hostPorts: running.flatMap((container) => hostPortsOf(pod, container)) }
}

function add(sum: Record<string, number>, amounts: Readonly<Record<string, number>>): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + amount
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
