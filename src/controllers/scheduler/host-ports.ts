/** Ports of the node that pods take, and whether those of two pods collide. The node agent asks as well. */
import { isSidecar } from '../../kube/pod-requests.ts'
import type { Container, Pod } from '../../kube/types/core.ts'

/** Upstream's words. */
export const NO_FREE_PORTS = "node(s) didn't have free ports for the requested pod ports"

/** `protocol/hostIP/port` of each port of its node that a pod takes. */
export function hostPortsOf(pod: Pod): readonly string[] {
  const running = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]
  return running.flatMap((container) => portsOf(pod, container))
}

function portsOf(pod: Pod, { ports = [] }: Container): readonly string[] {
  return ports.flatMap(({ hostPort, containerPort, hostIP = '0.0.0.0', protocol = 'TCP' }) => {
    const port = hostPort ?? (pod.spec.hostNetwork === true ? containerPort : 0)
    return port === 0 ? [] : [`${protocol}/${hostIP === '' ? '0.0.0.0' : hostIP}/${port}`]
  })
}

/** Whether one of the ports is taken. */
export function hostPortsCollide(wanted: readonly string[], used: ReadonlySet<string>): boolean {
  return wanted.some((port) => collides(port, used))
}

/** A port on 0.0.0.0 collides with the same port on every address. */
function collides(port: string, used: ReadonlySet<string>): boolean {
  const [protocol, ip, number] = port.split('/')
  if (ip !== '0.0.0.0') return used.has(port) || used.has(`${protocol}/0.0.0.0/${number}`)
  return [...used].some((other) => other.startsWith(`${protocol}/`) && other.endsWith(`/${number}`))
}
