/**
 * The names that objects stand for: the Kubernetes DNS specification 1.1 with CoreDNS's additions (addresses under
 * `_port._protocol` names, SRV under plain ones, names for endpoints of Services that have a cluster IP).
 */
import { addressFamily, canonicalAddress, requireAddress } from '../../base/ip.ts'
import type { Namespace, Pod, Service } from '../../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../kube/types/discovery.ts'
import { canonicalName, isWithin } from '../wire/name.ts'
import type { RecordData } from '../wire/record.ts'
import { isReverseZone, type NameRecord, type ZoneOptions } from './name-record.ts'

interface PortName {
  readonly name: string
  readonly protocol: string
  readonly port: number
}

/** What a Service and its slices say: {@link ownRecords} and {@link sliceRecords} of each. */
export function serviceRecords(
  service: Service,
  slices: readonly EndpointSlice[],
  options: ZoneOptions,
): readonly NameRecord[] {
  const isEmpty = slices.every((slice) => readyEndpoints(service, slice, options).length === 0)
  const own = ownRecords(service, { isEmpty }, options)
  return [...own, ...slices.flatMap((slice) => sliceRecords(service, slice, options))]
}

/**
 * What a Service says by itself.
 *
 * @param isEmpty Whether it has no endpoint that is to be found.
 */
export function ownRecords(
  service: Service,
  { isEmpty }: { readonly isEmpty: boolean },
  options: ZoneOptions,
): readonly NameRecord[] {
  const out: NameRecord[] = []
  if (options.ignoreEmptyServices && isEmpty && !isHeadless(service) && !isExternal(service)) return out
  for (const { owner, reverse } of placesOf(service, options)) {
    if (isExternal(service)) addExternalName(out, owner, service.spec.externalName ?? '')
    else if (!isHeadless(service)) addClusterIps(out, owner, service, reverse)
  }
  return out
}

/** What one slice adds to its Service: a change of it costs what it has, not what the Service has in all. */
export function sliceRecords(service: Service, slice: EndpointSlice, options: ZoneOptions): readonly NameRecord[] {
  const out: NameRecord[] = []
  if (isExternal(service) || !options.endpoints) return out
  const endpoints = readyEndpoints(service, slice, options)
  for (const { owner, reverse } of placesOf(service, options)) {
    addEndpoints(out, owner, endpoints, { headless: isHeadless(service), reverse })
  }
  return out
}

/** Whether a slice has an endpoint that is to be found. */
export function hasEndpoints(service: Service, slice: EndpointSlice, options: ZoneOptions): boolean {
  return readyEndpoints(service, slice, options).length > 0
}

/** The Service's name in each zone, and the reverse zones that its addresses are entered in: once. */
function placesOf({ metadata: { name, namespace = '' } }: Service, options: ZoneOptions) {
  return forwardZones(options).map((zone, i) => ({
    owner: `${name}.${namespace}.svc.${zone}`,
    reverse: i === 0 ? reverseZones(options) : [],
  }))
}

/** A namespace has a name below `svc` and below `pod`, and nothing is said of it. */
export function namespaceRecords({ metadata: { name } }: Namespace, options: ZoneOptions): readonly NameRecord[] {
  const kinds = options.pods === 'disabled' ? ['svc'] : ['svc', 'pod']
  return forwardZones(options).flatMap((zone) =>
    kinds.map((kind) => ({ name: `${name}.${kind}.${zone}`, data: undefined })),
  )
}

/** A pod's `a-b-c-d.<namespace>.pod` names, when they are verified. */
export function podRecords(pod: Pod, options: ZoneOptions): readonly NameRecord[] {
  const { podIP, podIPs = [], phase } = pod.status ?? {}
  if (options.pods !== 'verified' || phase === 'Succeeded' || phase === 'Failed') return []
  const addresses = new Set([...(podIP === undefined ? [] : [podIP]), ...podIPs.map(({ ip }) => ip)])
  return forwardZones(options).flatMap((zone) =>
    [...addresses].flatMap((address) => {
      const data = addressData(address)
      const label = address.replaceAll(/[.:]/g, '-')
      return data === undefined ? [] : [{ name: `${label}.${pod.metadata.namespace}.pod.${zone}`, data }]
    }),
  )
}

/** What every zone holds, whatever objects there are. Names of the zone's server: see `KubernetesZone`. */
export function zoneRecords({ zones }: ZoneOptions): readonly NameRecord[] {
  return zones.flatMap((zone): NameRecord[] => {
    if (isReverseZone(zone)) return [{ name: zone, data: undefined }]
    return [
      { name: zone, data: undefined },
      { name: `svc.${zone}`, data: undefined },
      // As CoreDNS: it is there also when pods have no names.
      { name: `pod.${zone}`, data: undefined },
      { name: `dns-version.${zone}`, data: { kind: 'TXT', strings: ['1.1.0'] } },
    ]
  })
}

/** The name of an address in `in-addr.arpa` or `ip6.arpa` (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: string): string {
  const bytes = requireAddress(address)
  if (bytes.length === 4) return `${[...bytes].reverse().join('.')}.in-addr.arpa`
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]).reverse()
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`
}

/** A or AAAA; undefined for text that is no address. */
export function addressData(text: string): RecordData | undefined {
  const address = canonicalAddress(text)
  if (address === undefined) return undefined
  return { kind: addressFamily(address) === 4 ? 'A' : 'AAAA', address }
}

/** The zones that have names in them, the primary one first. */
export function forwardZones({ zones }: ZoneOptions): readonly string[] {
  return zones.filter((zone) => !isReverseZone(zone))
}

function isExternal({ spec }: Service): boolean {
  return spec.type === 'ExternalName'
}

export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === 'None'
}

function addExternalName(out: NameRecord[], name: string, externalName: string): void {
  const target = canonicalName(externalName)
  // What looks like an address is no name; upstream says nothing either.
  if (target === '' || addressFamily(target) !== undefined) return
  out.push({ name, data: { kind: 'CNAME', target } })
}

function addClusterIps(out: NameRecord[], owner: string, { spec }: Service, reverse: readonly string[]): void {
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? '']).flatMap((text) => addressData(text) ?? [])
  for (const { name = '', protocol = 'TCP', port } of spec.ports ?? []) {
    addPort(out, { owner, target: owner, addresses, port: { name, protocol, port } })
  }
  for (const data of addresses) {
    out.push({ name: owner, data })
    if ('address' in data) addPointer(out, { address: data.address, target: owner, zones: reverse, rank: 0 })
  }
}

interface ReadyEndpoint {
  readonly hostname: string
  readonly data: RecordData & { readonly address: string }
  readonly ports: readonly PortName[]
}

/** Each address of each endpoint that is to be found. */
function readyEndpoints(service: Service, slice: EndpointSlice, options: ZoneOptions): readonly ReadyEndpoint[] {
  if (slice.addressType === 'FQDN') return []
  const ports = (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
    port === undefined ? [] : [{ name, protocol, port }],
  )
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    if (endpoint.conditions?.ready === false && service.spec.publishNotReadyAddresses !== true) return []
    return endpoint.addresses.flatMap((address) => {
      const data = addressData(address)
      if (data === undefined || !('address' in data)) return []
      return [{ hostname: endpointHostname(endpoint, data.address, options), data, ports }]
    })
  })
}

/** The hostname of an endpoint; without one, its pod's name where that is wished, or the address with dashes. */
function endpointHostname({ hostname, targetRef }: Endpoint, address: string, options: ZoneOptions): string {
  if (hostname !== undefined && hostname !== '') return hostname.toLowerCase()
  const pod = targetRef?.name
  if (options.endpointPodNames && pod !== undefined && pod !== '' && pod.length <= 63) return pod
  const dashed = address.replaceAll(/[.:]/g, '-')
  return dashed.endsWith('-') ? `${dashed}0` : dashed
}

function addEndpoints(
  out: NameRecord[],
  owner: string,
  endpoints: readonly ReadyEndpoint[],
  { headless, reverse }: { readonly headless: boolean; readonly reverse: readonly string[] },
): void {
  for (const { hostname, data, ports } of endpoints) {
    const target = `${hostname}.${owner}`
    out.push({ name: target, data })
    if (headless) out.push({ name: owner, data })
    for (const { name, protocol, port } of ports) {
      out.push({ name: target, data: serviceData(target, port) })
      if (headless) addPort(out, { owner, target, addresses: [data], port: { name, protocol, port } })
    }
    addPointer(out, { address: data.address, target, zones: reverse, rank: 1 })
  }
}

interface Pointer {
  readonly address: string
  readonly target: string
  readonly zones: readonly string[]
  readonly rank: number
}

/** An address's name, where one of our zones has it. */
function addPointer(out: NameRecord[], { address, target, zones, rank }: Pointer): void {
  if (zones.length === 0) return
  const name = reverseName(address)
  if (zones.some((zone) => isWithin(name, zone))) out.push({ name, data: { kind: 'PTR', target }, rank })
}

function reverseZones({ zones }: ZoneOptions): readonly string[] {
  return zones.filter(isReverseZone)
}

interface PortRecords {
  readonly owner: string
  readonly target: string
  readonly addresses: readonly RecordData[]
  readonly port: PortName
}

/** SRV under the plain name, and for a named port SRV and addresses under `_port._protocol`. */
function addPort(out: NameRecord[], { owner, target, addresses, port: { name, protocol, port } }: PortRecords): void {
  const data = serviceData(target, port)
  if (addresses.length > 0) out.push({ name: owner, data })
  if (name === '' || addresses.length === 0) return
  const portName = `_${name.toLowerCase()}._${protocol.toLowerCase()}.${owner}`
  out.push({ name: portName, data })
  for (const address of addresses) out.push({ name: portName, data: address })
}

/** The weight is set where all records of the name are known. */
function serviceData(target: string, port: number): RecordData {
  return { kind: 'SRV', priority: 0, weight: 0, port, target }
}
