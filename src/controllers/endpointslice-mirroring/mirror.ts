import { isIPv4, isIPv6 } from 'node:net'
import { SERVICE_NAME_LABEL, TRIGGER_TIME_ANNOTATION } from '../../kube/endpoint-slice.ts'
import { controllerRef } from '../../kube/owner.ts'
import { endpoints as endpointsResource } from '../../kube/resource.ts'
import type { EndpointAddress, Endpoints } from '../../kube/types/core.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../kube/types/discovery.ts'
import { canonicalJson, sameJson } from '../canonical-json.ts'
import { portsKey } from '../endpointslice/desired.ts'
import type { SlicePlan } from '../endpointslice/plan.ts'
import { MANAGED_BY_LABEL } from '../endpointslice/slice.ts'

export const MIRRORING_NAME = 'endpointslicemirroring-controller.k8s.io'

/** Addresses mirrored per subset at most (upstream `--mirroring-max-endpoints-per-subset`). */
export const MAX_PER_SUBSET = 1000

const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror'
/** Object of Endpoints that a leader election uses as its lock. */
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'
const NOT_COPIED = [TRIGGER_TIME_ANNOTATION, 'kubectl.kubernetes.io/last-applied-configuration']

export interface Mirroring extends SlicePlan {
  /** Addresses that are not IP addresses. */
  readonly invalid: number
  /** Addresses left out, the invalid ones included. */
  readonly skipped: number
}

interface Group {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly EndpointPort[]
  readonly endpoints: Map<string, Endpoint>
}

/** Whether Endpoints are meant to be mirrored at all. */
export function isMirrored({ metadata }: Endpoints): boolean {
  return metadata.labels?.[SKIP_LABEL] !== 'true' && metadata.annotations?.[LEADER_ANNOTATION] === undefined
}

/**
 * The writes that make slices of custom Endpoints: one slice for each set of ports and address family (upstream's
 * endpointslicemirroring reconciler).
 *
 * @param existing The slices mirrored from these Endpoints before.
 */
export function planMirroring(
  endpoints: Endpoints,
  existing: readonly EndpointSlice[],
  max: number = MAX_PER_SUBSET,
): Mirroring {
  const { groups, invalid, skipped } = groupsOf(endpoints, max)
  const left = new Set(existing)
  const create: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  for (const group of groups) {
    const wanted = sliceOf(endpoints, group)
    const known = existing.find((slice) => left.has(slice) && keyOf(slice) === keyOf(wanted))
    if (known === undefined) {
      create.push(wanted)
      continue
    }
    left.delete(known)
    if (!isSame(known, wanted)) update.push(over(known, wanted))
  }
  const leaving = endpoints.metadata.deletionTimestamp !== undefined
  const recycled = recycle(leaving ? [] : create, [...left])
  return { create: recycled.create, update: [...update, ...recycled.update], delete: recycled.delete, invalid, skipped }
}

function groupsOf(
  { subsets = [] }: Endpoints,
  max: number,
): { readonly groups: readonly Group[]; readonly invalid: number; readonly skipped: number } {
  const groups = new Map<string, Group>()
  let invalid = 0
  let skipped = 0
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const slicePorts = ports.map(
      (port): EndpointPort => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' }),
    )
    const all = [
      ...addresses.map((each) => [each, true] as const),
      ...notReadyAddresses.map((each) => [each, false] as const),
    ]
    let added = 0
    for (const [address, ready] of all) {
      if (added >= max) break
      const addressType = isIPv4(address.ip) ? 'IPv4' : isIPv6(address.ip) ? 'IPv6' : undefined
      if (addressType === undefined) {
        invalid++
        continue
      }
      const key = `${addressType} ${portsKey(slicePorts)}`
      const group = groups.get(key) ?? { addressType, ports: slicePorts, endpoints: new Map() }
      groups.set(key, group)
      group.endpoints.set(`${address.ip} ${canonicalJson(address.targetRef ?? null)}`, endpointOf(address, ready))
      added++
    }
    skipped += all.length - added
  }
  return { groups: [...groups.values()], invalid, skipped }
}

function endpointOf({ ip, targetRef, nodeName, hostname }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(targetRef === undefined ? {} : { targetRef }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(hostname === undefined || hostname === '' ? {} : { hostname }),
  }
}

function sliceOf(endpoints: Endpoints, { addressType, ports, endpoints: list }: Group): EndpointSlice {
  const { name, namespace, labels, annotations = {} } = endpoints.metadata
  const copied = Object.entries(annotations).filter(([key]) => !NOT_COPIED.includes(key))
  const owner = { ...endpoints, apiVersion: endpointsResource.version, kind: endpointsResource.kind }
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: '',
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: MIRRORING_NAME },
      ...(copied.length === 0 ? {} : { annotations: Object.fromEntries(copied) }),
      ownerReferences: [controllerRef(owner)],
    },
    addressType,
    endpoints: [...list.values()],
    ports,
  }
}

/** A slice that would be deleted becomes one that would be created, when it is of the same family. */
function recycle(create: readonly EndpointSlice[], remove: readonly EndpointSlice[]): SlicePlan {
  const left = [...remove]
  const fresh: EndpointSlice[] = []
  const update: EndpointSlice[] = []
  for (const wanted of create) {
    const index = left.findIndex(({ addressType }) => addressType === wanted.addressType)
    const [old] = index < 0 ? [] : left.splice(index, 1)
    if (old === undefined) fresh.push(wanted)
    else update.push(over(old, wanted))
  }
  return { create: fresh, update, delete: left }
}

function over(known: EndpointSlice, wanted: EndpointSlice): EndpointSlice {
  const { name, resourceVersion, uid } = known.metadata
  const { generateName: _generated, ...metadata } = wanted.metadata
  const identity = {
    name,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(uid === undefined ? {} : { uid }),
  }
  return { ...wanted, metadata: { ...metadata, ...identity } }
}

function isSame(known: EndpointSlice, wanted: EndpointSlice): boolean {
  const facts = ({ metadata, endpoints }: EndpointSlice) => [
    metadata.labels ?? {},
    metadata.annotations ?? {},
    (metadata.ownerReferences ?? []).map(({ uid }) => uid),
    (endpoints ?? []).map(canonicalJson).sort(),
  ]
  return sameJson(facts(known), facts(wanted))
}

function keyOf({ addressType, ports }: EndpointSlice): string {
  return `${addressType} ${portsKey(ports ?? [])}`
}
