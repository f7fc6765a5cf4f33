import { hostPortsCollide, hostPortsOf, NO_FREE_PORTS } from '../controllers/scheduler/host-ports.ts'
import type { Pod } from '../kube/types/core.ts'
import type { PodFailure } from './pod-view.ts'
import { forbiddenSysctl } from './security-context.ts'

/**
 * Why this node does not take a pod on at all, in upstream's words; `undefined` when it does. The scheduler has asked
 * about ports before, but not for pods that name their node themselves.
 *
 * @param others The pods that are on the node.
 */
export function rejection(pod: Pod, others: readonly Pod[]): PodFailure | undefined {
  const sysctl = forbiddenSysctl(pod)
  if (sysctl !== undefined) return { reason: 'SysctlForbidden', message: `Pod was rejected: ${sysctl}` }
  const wanted = hostPortsOf(pod)
  if (wanted.length === 0 || !hostPortsCollide(wanted, new Set(others.flatMap(hostPortsOf)))) return undefined
  return { reason: 'NodePorts', message: `Pod was rejected: Predicate NodePorts failed: ${NO_FREE_PORTS}` }
}
