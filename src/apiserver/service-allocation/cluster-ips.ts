import { canonicalAddress } from '../../base/ip.ts'
import { formatTime } from '../../base/time.ts'
import { apiVersionOf, ipAddresses } from '../../kube/resource.ts'
import type { IpFamily, ServiceSpec } from '../../kube/types/core.ts'
import type { IpAddress } from '../../kube/types/discovery.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import { encodeObject } from '../object-bytes.ts'
import { objectKey } from '../object-key.ts'
import type { AllocationContext } from './allocation-context.ts'
import { pickFree } from './band.ts'
import { keepsPreferredFamilies } from './ip-families.ts'
import type { DraftSpec } from './mutable-service.ts'
import { failure, type Refusal, refusal } from './refusal.ts'
import type { ServiceOwner } from './service-owner.ts'
import { addressBands, addressOf, rangeProblem } from './service-ranges.ts'

const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by'
const IP_FAMILY = 'ipaddress.kubernetes.io/ip-family'

/**
 * Chooses the addresses that a settled spec lacks, takes them, and gives back those that it has no more. Taking an
 * address is creating its IPAddress object. Upstream's cases: a Service that is new or was an ExternalName gets all, one
 * that becomes an ExternalName gives all, one that gets or loses its second family gets or gives the second.
 */
export function planClusterIps(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  context: AllocationContext,
): Refusal | undefined {
  if (keepsPreferredFamilies(spec, old)) return undefined
  if (old === undefined || old.type === 'ExternalName') {
    return hasAddresses(spec) ? chooseAddresses(spec, spec.ipFamilies, context) : undefined
  }
  const held = heldAddresses(old)
  if (held.length === 0) return undefined
  const [before, now] = [old.ipFamilies?.length ?? 0, spec.ipFamilies.length]
  if (spec.type === 'ExternalName') releaseClusterIps(held, context)
  else if (before === 1 && now === 2) return chooseAddresses(spec, spec.ipFamilies.slice(1), context)
  else if (before === 2 && now === 1) releaseClusterIps(held.slice(1), context)
  return undefined
}

/** Gives back addresses that are the Service's. */
export function releaseClusterIps(ips: readonly string[], { reservations, owner }: AllocationContext): void {
  for (const ip of ips) reservations.release(addressKey(ip), (entry) => isOwnedBy(entry, owner))
}

/** The addresses that a stored Service has. */
export function heldAddresses(spec: ServiceSpec | undefined): readonly string[] {
  if (spec === undefined || !hasAddresses(spec)) return []
  return (spec.clusterIPs ?? []).filter((ip) => ip !== '').map((ip) => canonicalAddress(ip) ?? ip)
}

function hasAddresses(spec: ServiceSpec): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIPs?.[0] !== 'None' && spec.clusterIP !== 'None'
}

/** Addresses of these families, which are the last ones of the spec's. */
function chooseAddresses(
  spec: DraftSpec,
  families: readonly IpFamily[],
  context: AllocationContext,
): Refusal | undefined {
  const asked = [...spec.clusterIPs]
  const first = spec.ipFamilies.length - families.length
  for (const [index, family] of families.entries()) {
    const ip = asked[first + index] ?? ''
    const problem = ip === '' ? undefined : takeAddress(ip, family, context)
    if (problem !== undefined) {
      return refusal([invalid('spec.clusterIPs', asked, `failed to allocate IP ${ip}: ${problem}`)])
    }
    const chosen = ip === '' ? takeFreeAddress(family, context) : ip
    if (chosen === undefined) return failure('failed to allocate a serviceIP: range is full')
    spec.clusterIPs[first + index] = chosen
  }
  const [primary] = spec.clusterIPs
  if (primary !== undefined) spec.clusterIP = primary
  return undefined
}

/** Takes an address that was asked for. Returns why it cannot be had. */
function takeAddress(ip: string, family: IpFamily, context: AllocationContext): string | undefined {
  const name = canonicalAddress(ip) ?? ip
  const problem = rangeProblem(ip, context.ranges)
  if (problem !== undefined) return problem
  if (!context.reservations.isFree(addressKey(name))) return 'provided IP is already allocated'
  context.reservations.take(addressKey(name), addressObject(name, family, context))
  return undefined
}

function takeFreeAddress(family: IpFamily, context: AllocationContext): string | undefined {
  for (const range of context.ranges.filter((each) => each.family === family)) {
    const isFree = (number: bigint) => context.reservations.isFree(addressKey(addressOf(range, number)))
    const number = pickFree(addressBands(range), context.random, isFree)
    if (number === undefined) continue
    const name = addressOf(range, number)
    context.reservations.take(addressKey(name), addressObject(name, family, context))
    return name
  }
  return undefined
}

function addressObject(name: string, family: IpFamily, { owner, random, clock }: AllocationContext): Uint8Array {
  const { namespace, name: service } = owner
  const labels = { [IP_FAMILY]: family, [MANAGED_BY]: 'ipallocator.k8s.io' }
  return encodeObject({
    kind: ipAddresses.kind,
    apiVersion: apiVersionOf(ipAddresses),
    metadata: { name, uid: random.uuid(), creationTimestamp: formatTime(clock.now()), labels },
    spec: { parentRef: { group: '', resource: 'services', namespace, name: service } },
  })
}

function isOwnedBy(entry: Entry, owner: ServiceOwner): boolean {
  const { parentRef } = (decodedObject(entry) as IpAddress).spec
  return parentRef.resource === 'services' && parentRef.namespace === owner.namespace && parentRef.name === owner.name
}

function addressKey(name: string): string {
  return objectKey(ipAddresses, undefined, name)
}
