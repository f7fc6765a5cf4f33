import type { Container, Pod } from '../kube/types/core.ts'
import { isCapability } from '../linux/capabilities.ts'
import { DEFAULT_CAPABILITIES } from './runtime/oci-spec.ts'

/** The parts of core/v1 SecurityContext and PodSecurityContext that a container is made from. */
export interface SecurityContext {
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly supplementalGroups?: readonly number[]
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict'
  readonly fsGroup?: number
  readonly fsGroupChangePolicy?: 'Always' | 'OnRootMismatch'
  readonly sysctls?: readonly { readonly name: string; readonly value: string }[]
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly privileged?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly allowPrivilegeEscalation?: boolean
  readonly seccompProfile?: { readonly type: string; readonly localhostProfile?: string }
}

/** What the container says, else the pod. */
export function securityContext(pod: Pod, container?: Container): SecurityContext {
  return { ...pod.spec.securityContext, ...container?.securityContext }
}

export type Capabilities =
  | { readonly kind: 'capabilities'; readonly names: readonly string[] }
  | { readonly kind: 'refused'; readonly message: string }

/**
 * The bounding set of a container: what containerd gives, less what is dropped, with what is added.
 *
 * @param grantable What this machine can give at all.
 */
export function capabilitiesOf(context: SecurityContext, grantable: readonly string[]): Capabilities {
  const { privileged, capabilities: { add = [], drop = [] } = {} } = context
  if (privileged === true) return { kind: 'capabilities', names: grantable }
  const [added, dropped] = [add.map(fullName), drop.map(fullName)]
  const unknown = [...added, ...dropped].find((name) => name !== 'CAP_ALL' && !isCapability(name))
  if (unknown !== undefined) return { kind: 'refused', message: `unknown capability "${unknown}"` }
  const base = added.includes('CAP_ALL') ? grantable : DEFAULT_CAPABILITIES
  const kept = dropped.includes('CAP_ALL') ? [] : base.filter((name) => !dropped.includes(name))
  const names = new Set([...kept, ...added.filter((name) => name !== 'CAP_ALL')])
  const missing = [...names].find((name) => !grantable.includes(name))
  if (missing !== undefined && added.includes(missing)) {
    return { kind: 'refused', message: `this machine cannot give capability "${missing}"` }
  }
  return { kind: 'capabilities', names: [...names].filter((name) => grantable.includes(name)) }
}

function fullName(name: string): string {
  const upper = name.toUpperCase()
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`
}

/** Upstream's safe set (pkg/kubelet/sysctl/safe_sysctls.go). */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])

/** What containerd sets in a pod's own network: whoever a program runs as, it may listen on port 80, and ping. */
const NETWORK_SYSCTLS = { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' }

/** The kernel settings of a pod's namespaces. */
export function podSysctls(pod: Pod): Readonly<Record<string, string>> {
  const given = (securityContext(pod).sysctls ?? []).map(({ name, value }) => [sysctlName(name), value])
  return { ...(pod.spec.hostNetwork ? {} : NETWORK_SYSCTLS), ...Object.fromEntries(given) }
}

/** Why a pod's kernel settings are not allowed, in upstream's words; `undefined` when they are. */
export function forbiddenSysctl(pod: Pod): string | undefined {
  for (const { name } of securityContext(pod).sysctls ?? []) {
    const dotted = sysctlName(name)
    if (!SAFE_SYSCTLS.has(dotted)) return `forbidden sysctl: "${name}" not allowlisted`
    if (pod.spec.hostNetwork === true && dotted.startsWith('net.')) {
      return `forbidden sysctl: "${name}" not allowed with host net enabled`
    }
  }
  return undefined
}

/** Both `net/ipv4/x` and `net.ipv4.x` are written. */
function sysctlName(name: string): string {
  return name.replaceAll('/', '.')
}
