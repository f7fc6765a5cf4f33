import { type Cidr, cidrContains, parseAddress, parseCidr } from '../../base/ip.ts'
import { setCondition } from '../../kube/conditions.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import type { Condition } from '../../kube/types/meta.ts'

export const SERVICE_CIDR_FINALIZER = 'networking.k8s.io/service-cidr-finalizer'

const IN_USE = 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR'

export interface ServiceCidrPlan {
  /** The finalizers to write, when ours is missing. */
  readonly finalizers: readonly string[] | undefined
  /** The conditions to write, when they change. */
  readonly conditions: readonly Condition[] | undefined
  /** Nobody needs it any more: our finalizer may go. */
  readonly release: boolean
}

/**
 * What a ServiceCIDR needs: our finalizer and condition Ready while it stays; when it is deleted, to wait until each
 * address in use lies in another range too.
 *
 * @param others All ranges, all addresses in use, and the time in milliseconds since the epoch.
 */
export function planServiceCidr(
  range: ServiceCidr,
  others: { readonly ranges: readonly ServiceCidr[]; readonly addresses: readonly IpAddress[]; readonly now: number },
): ServiceCidrPlan {
  const { finalizers = [], deletionTimestamp } = range.metadata
  const known = range.status?.conditions
  if (deletionTimestamp === undefined) {
    const ready = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' } as const
    const missing = !finalizers.includes(SERVICE_CIDR_FINALIZER)
    return {
      finalizers: missing ? [...finalizers, SERVICE_CIDR_FINALIZER] : undefined,
      conditions: changed(known, setCondition(known, ready, others.now)),
      release: false,
    }
  }
  if (!finalizers.includes(SERVICE_CIDR_FINALIZER))
    return { finalizers: undefined, conditions: undefined, release: false }
  if (!isNeeded(range, others)) return { finalizers: undefined, conditions: undefined, release: true }
  const held = { type: 'Ready', status: 'False', reason: 'Terminating', message: IN_USE } as const
  return {
    finalizers: undefined,
    conditions: changed(known, setCondition(known, held, others.now)),
    release: false,
  }
}

function changed(
  known: readonly Condition[] | undefined,
  next: readonly Condition[],
): readonly Condition[] | undefined {
  return next === known ? undefined : next
}

/** Whether an address in use lies in this range and in no other one that stays. */
function isNeeded(
  range: ServiceCidr,
  { ranges, addresses }: { readonly ranges: readonly ServiceCidr[]; readonly addresses: readonly IpAddress[] },
): boolean {
  const own = cidrsOf(range)
  const others = ranges
    .filter(({ metadata }) => metadata.name !== range.metadata.name && metadata.deletionTimestamp === undefined)
    .flatMap(cidrsOf)
  return addresses.some(({ metadata: { name } }) => {
    const address = parseAddress(name)
    const within = (cidrs: readonly Cidr[]) =>
      address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address))
    return within(own) && !within(others)
  })
}

function cidrsOf({ spec }: ServiceCidr): readonly Cidr[] {
  return spec.cidrs.flatMap((text) => parseCidr(text) ?? [])
}
