import { type Cidr, canonicalAddress, cidrContains, parseAddress, parseCidr } from '../../base/ip.ts'
import type { Service } from '../../kube/types/core.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'

export const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by'
export const IP_FAMILY = 'ipaddress.kubernetes.io/ip-family'
export const ALLOCATOR = 'ipallocator.k8s.io'

/** What is wrong with one address of a Service. */
export interface AddressFault {
  readonly ip: string
  /** Reason and text of the Event. */
  readonly reason: 'ClusterIPNotAllocated' | 'ClusterIPAlreadyAllocated' | 'ClusterIPOutOfRange' | 'ClusterIPNotValid'
  readonly message: string
  /** The IPAddress to make: it is missing. */
  readonly create: IpAddress | undefined
}

/**
 * Compares the addresses of a Service with the IPAddress objects that stand for them.
 *
 * @param find The IPAddress of a name.
 * @param ranges All ServiceCIDRs.
 */
export function faultsOf(
  service: Service,
  find: (name: string) => IpAddress | undefined,
  ranges: readonly ServiceCidr[],
): readonly AddressFault[] {
  return addressesOf(service).flatMap((ip) => faultOf(service, ip, { find, ranges }) ?? [])
}

/** The addresses of its own that a Service has. */
export function addressesOf({ spec, metadata }: Service): readonly string[] {
  if (spec.type === 'ExternalName' || metadata.deletionTimestamp !== undefined) return []
  return (spec.clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None')
}

interface Known {
  readonly find: (name: string) => IpAddress | undefined
  readonly ranges: readonly ServiceCidr[]
}

function faultOf(service: Service, ip: string, { find, ranges }: Known): AddressFault | undefined {
  const name = canonicalAddress(ip)
  const bytes = parseAddress(ip)
  const fault = (reason: AddressFault['reason'], message: string) => ({ ip, reason, message, create: undefined })
  if (name === undefined || bytes === undefined) {
    return fault('ClusterIPNotValid', `Cluster IP ${ip} is not a valid IP; please recreate service`)
  }
  const cidrs = ranges
    .flatMap(({ spec }) => spec.cidrs)
    .flatMap((text): readonly Cidr[] => [parseCidr(text) ?? []].flat())
  if (!cidrs.some((cidr) => cidrContains(cidr, bytes))) {
    return fault(
      'ClusterIPOutOfRange',
      `Cluster IP ${ip} is not within any configured Service CIDR; please recreate service`,
    )
  }
  const address = find(name)
  if (address === undefined) {
    const family = bytes.length === 4 ? 'IPv4' : 'IPv6'
    const message = `Cluster IP [${family}]: ${ip} is not allocated; repairing`
    return { ip, reason: 'ClusterIPNotAllocated', message, create: addressObject(service, name, family) }
  }
  if (belongsTo(address, service)) return undefined
  const message = `Cluster IP ${ip} was assigned to multiple services; please recreate service`
  return fault('ClusterIPAlreadyAllocated', message)
}

function belongsTo({ spec: { parentRef } }: IpAddress, { metadata }: Service): boolean {
  return (
    (parentRef.group ?? '') === '' &&
    parentRef.resource === 'services' &&
    parentRef.namespace === metadata.namespace &&
    parentRef.name === metadata.name
  )
}

function addressObject({ metadata }: Service, name: string, family: string): IpAddress {
  const { namespace = '', name: service } = metadata
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name, labels: { [IP_FAMILY]: family, [MANAGED_BY]: ALLOCATOR } },
    spec: { parentRef: { group: '', resource: 'services', namespace, name: service } },
  }
}

/** `namespace/name` of the Service that an IPAddress of the allocator stands for; `undefined` for those that users made. */
export function serviceKeyOf({ metadata, spec: { parentRef } }: IpAddress): string | undefined {
  if (metadata.labels?.[MANAGED_BY] !== ALLOCATOR || parentRef.resource !== 'services') return undefined
  return `${parentRef.namespace}/${parentRef.name}`
}

/** Whether an IPAddress of the allocator stands for no address of its Service, which is `undefined` when it is gone. */
export function isLeaked(address: IpAddress, service: Service | undefined): boolean {
  if (serviceKeyOf(address) === undefined) return false
  const held = service === undefined ? [] : addressesOf({ ...service, metadata: withoutDeletion(service) })
  return !held.some((ip) => canonicalAddress(ip) === address.metadata.name)
}

/** A Service that is being deleted has its addresses until it is gone. */
function withoutDeletion({ metadata }: Service): Service['metadata'] {
  const { deletionTimestamp: _, ...rest } = metadata
  return rest
}
