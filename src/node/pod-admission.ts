import type { Pod } from '../kube/types/core.ts'
import type { PodFailure } from './pod-view.ts'
import { forbiddenSysctl } from './security-context.ts'

/** Why this node does not take a pod on at all, in upstream's words; `undefined` when it does. */
export function rejection(pod: Pod): PodFailure | undefined {
  const sysctl = forbiddenSysctl(pod)
  return sysctl === undefined ? undefined : { reason: 'SysctlForbidden', message: `Pod was rejected: ${sysctl}` }
}
