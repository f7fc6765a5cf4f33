import { addressFamily } from '../../base/ip.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isSidecar } from '../container-restart.ts'

/** A port of the node that leads to a port of a pod. */
export interface HostPort {
  readonly family: 4 | 6
  /** `6` TCP, `17` UDP, `132` SCTP. */
  readonly protocol: number
  /** Left out for every address of the node. */
  readonly hostIP?: string
  readonly hostPort: number
  readonly podIP: string
  readonly podPort: number
}

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 }
const ANY = new Set(['', '0.0.0.0', '::'])

/**
 * The host ports that a pod asks for, by the addresses it has. A port without `hostIP` is on all addresses of both
 * families, one on `0.0.0.0` or `::` on all of its family. A pod in the node's network has its ports already.
 */
export function hostPortsOf(pod: Pod, addresses: readonly string[]): readonly HostPort[] {
  if (pod.spec.hostNetwork === true) return []
  const lasting = (pod.spec.initContainers ?? []).filter((container) => isSidecar(pod, container))
  const ports = [...lasting, ...pod.spec.containers].flatMap((container) => container.ports ?? [])
  return ports.flatMap(({ hostPort = 0, hostIP = '', containerPort, protocol = 'TCP' }) => {
    if (hostPort === 0) return []
    return addresses.flatMap((podIP): HostPort[] => {
      const family = addressFamily(podIP)
      const number = PROTOCOLS[protocol]
      if (family === undefined || number === undefined) return []
      if (hostIP !== '' && addressFamily(hostIP) !== family) return []
      const on = ANY.has(hostIP) ? {} : { hostIP }
      return [{ family, protocol: number, ...on, hostPort, podIP, podPort: containerPort }]
    })
  })
}
