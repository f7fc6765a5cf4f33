import { canonicalAddress, cidrContains, parseAddress, parseCidr } from '../../base/ip.ts'
import type { Service } from '../../kube/types/core.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'

export const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by'
export const IP_FAMILY = 'ipaddress.kubernetes.io/ip-family'
export const ALLOCATOR = 'ipallocator.k8s.io'

/** What is wrong with one address of a Service. */
export interface AddressFault {
  readonly ip: string
  /** Reason and text of the Event; none: it is mended silently. */
  readonly event:
    | {
        readonly reason:
          | 'ClusterIPNotAllocated'
          | 'ClusterIPAlreadyAllocated'
          | 'ClusterIPOutOfRange'
          | 'ClusterIPNotValid'
        readonly message: string
      }
    | undefined
  /** The IPAddress to make: it is missing, or another is in its place. */
  readonly create: IpAddress | undefined
  /** What is in its place, to be deleted first. */
  readonly replaces: IpAddress | undefined
}

/** How a Service's addresses are looked up. */
export interface Known {
  readonly find: (name: string) => IpAddress | undefined
  readonly findService: (key: string) => Service | undefined
  /** All ServiceCIDRs. */
  readonly ranges: readonly ServiceCidr[]
}

/** Compares the addresses of a Service with the IPAddress objects that stand for them (upstream `syncService`). */
export function faultsOf(service: Service, known: Known): readonly AddressFault[] {
  return addressesOf(service).flatMap((ip) => faultOf(service, ip, known) ?? [])
}

/** The addresses of its own that a Service has. */
export function addressesOf({ spec, metadata }: Service): readonly string[] {
  if (spec.type === 'ExternalName' || metadata.deletionTimestamp !== undefined) return []
  return (spec.clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None')
}

function faultOf(service: Service, ip: string, known: Known): AddressFault | undefined {
  const name = canonicalAddress(ip)
  const bytes = parseAddress(ip)
  type Told = NonNullable<AddressFault['event']>
  const told = (reason: Told['reason'], message: string) => {
    return { ip, event: { reason, message }, create: undefined, replaces: undefined }
  }
  if (name === undefined || bytes === undefined) {
    return told('ClusterIPNotValid', `Cluster IP ${ip} is not a valid IP; please recreate Service`)
  }
  const family = bytes.length === 4 ? 'IPv4' : 'IPv6'
  const shown = `Cluster IP [${family}]: ${name}`
  const cidrs = known.ranges.flatMap(({ spec }) => spec.cidrs).flatMap((text) => parseCidr(text) ?? [])
  if (!cidrs.some((cidr) => cidrContains(cidr, bytes))) {
    return told('ClusterIPOutOfRange', `${shown} is not within any configured Service CIDR; please recreate service`)
  }
  const address = known.find(name)
  const create = addressObject(service, name, family)
  if (address === undefined) {
    return { ...told('ClusterIPNotAllocated', `${shown} is not allocated; repairing`), create }
  }
  if (belongsTo(address, service)) {
    return hasLabels(address, family) ? undefined : { ip, event: undefined, create, replaces: address }
  }
  if (isHeldElsewhere(address, known)) {
    const message = `Cluster IP [${family}]:${name} was assigned to multiple services; please recreate service`
    return told('ClusterIPAlreadyAllocated', message)
  }
  const { namespace, name: own } = service.metadata
  const message = `the ClusterIP [${family}]: ${name} for Service ${namespace}/${own} has a wrong reference; repairing`
  return { ...told('ClusterIPNotAllocated', message), create, replaces: address }
}

function isHeldElsewhere(address: IpAddress, { findService }: Known): boolean {
  if (!refersToService(address)) return false
  const { namespace, name } = address.spec.parentRef
  const holder = findService(`${namespace}/${name}`)
  return holder !== undefined && addressesOf(holder).some((ip) => canonicalAddress(ip) === address.metadata.name)
}

function refersToService({ spec: { parentRef } }: IpAddress): boolean {
  return (parentRef.group ?? '') === '' && parentRef.resource === 'services'
}

function belongsTo(address: IpAddress, { metadata }: Service): boolean {
  const { namespace, name } = address.spec.parentRef
  return refersToService(address) && namespace === metadata.namespace && name === metadata.name
}

function hasLabels({ metadata }: IpAddress, family: string): boolean {
  return metadata.labels?.[IP_FAMILY] === family && isManaged(metadata)
}

function isManaged({ labels }: IpAddress['metadata']): boolean {
  return labels?.[MANAGED_BY] === ALLOCATOR
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
export function serviceKeyOf(address: IpAddress): string | undefined {
  if (!isManaged(address.metadata) || !refersToService(address)) return undefined
  const { namespace, name } = address.spec.parentRef
  return `${namespace}/${name}`
}

/** Why an IPAddress of the allocator has to go: reason and text of its Event. */
export interface AddressLeak {
  readonly reason: 'IPAddressNotAllocated' | 'IPAddressWrongReference'
  readonly message: string
}

/**
 * Whether an IPAddress of the allocator stands for no address of a Service (upstream `syncIPAddress`).
 *
 * @param service The one that it refers to, `undefined` when that is gone.
 */
export function leakOf(address: IpAddress, service: Service | undefined): AddressLeak | undefined {
  const { name } = address.metadata
  if (!isManaged(address.metadata)) return undefined
  const { group = '', resource, namespace = '', name: owner } = address.spec.parentRef
  if (!refersToService(address)) {
    // As Go prints a pointer to a struct.
    const shown = `&{${group} ${resource} ${namespace} ${owner}}`
    const message = `IPAddress ${name} appears to have been modified, not referencing a Service ${shown}: cleaning up`
    return { reason: 'IPAddressNotAllocated', message }
  }
  if (service === undefined) {
    const message = `IPAddress: ${name} for Service ${namespace}/${owner} appears to have leaked: cleaning up`
    return { reason: 'IPAddressNotAllocated', message }
  }
  const held = addressesOf({ ...service, metadata: withoutDeletion(service) })
  if (held.some((ip) => canonicalAddress(ip) === name)) return undefined
  const message = `IPAddress: ${name} for Service ${namespace}/${owner} has a wrong reference; cleaning up`
  return { reason: 'IPAddressWrongReference', message }
}

/** A Service that is being deleted has its addresses until it is gone. */
function withoutDeletion({ metadata }: Service): Service['metadata'] {
  const { deletionTimestamp: _, ...rest } = metadata
  return rest
}
