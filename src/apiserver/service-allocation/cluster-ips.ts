import { canonicalAddress } from '../../base/ip.ts'
import type { FieldError } from '../../kube/kind.ts'
import { apiVersionOf, ipAddresses } from '../../kube/resource.ts'
import type { IpFamily, ServiceSpec } from '../../kube/types/core.ts'
import type { IpAddress } from '../../kube/types/discovery.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import { encodeObject } from '../object-bytes.ts'
import { objectKey } from '../object-key.ts'
import { timestamp } from '../object-meta.ts'
import type { AllocationContext } from './allocation-context.ts'
import { pickFree } from './band.ts'
import { keepsPreferredFamilies } from './ip-families.ts'
import type { DraftSpec } from './mutable-service.ts'
import type { ServiceOwner } from './service-owner.ts'
import { addressBands, addressOf, rangeProblem } from './service-ranges.ts'

const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by'
const IP_FAMILY = 'ipaddress.kubernetes.io/ip-family'

/**
 * Chooses the addresses that a settled spec lacks, takes those that the Service did not have, and gives back those that
 * it has no more. Taking an address is creating its IPAddress object.
 */
export function planClusterIps(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  context: AllocationContext,
): readonly FieldError[] {
  if (keepsPreferredFamilies(spec, old)) return []
  const held = heldAddresses(old)
  if (hasAddresses(spec)) {
    const errors = chooseAddresses(spec, held, context)
    if (errors.length > 0) return errors
  }
  releaseClusterIps(
    held.filter((ip) => !heldAddresses(spec).includes(ip)),
    context,
  )
  return []
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

function chooseAddresses(spec: DraftSpec, held: readonly string[], context: AllocationContext): readonly FieldError[] {
  const asked = [...spec.clusterIPs]
  for (const [index, family] of spec.ipFamilies.entries()) {
    const ip = asked[index] ?? ''
    const problem = ip === '' ? undefined : takeAddress(ip, { family, held }, context)
    if (problem !== undefined) return [invalid('spec.clusterIPs', asked, `failed to allocate IP ${ip}: ${problem}`)]
    const chosen = ip === '' ? takeFreeAddress(family, context) : ip
    if (chosen === undefined) {
      return [invalid('spec.clusterIPs', asked, 'failed to allocate a serviceIP: range is full')]
    }
    spec.clusterIPs[index] = chosen
  }
  const [primary] = spec.clusterIPs
  if (primary !== undefined) spec.clusterIP = primary
  return []
}

/** Takes an address that was asked for, unless it is the Service's already. Returns why it cannot be had. */
function takeAddress(
  ip: string,
  { family, held }: { readonly family: IpFamily; readonly held: readonly string[] },
  context: AllocationContext,
): string | undefined {
  const name = canonicalAddress(ip) ?? ip
  if (held.includes(name)) return undefined
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
    metadata: { name, uid: random.uuid(), creationTimestamp: timestamp(clock.now()), labels },
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
