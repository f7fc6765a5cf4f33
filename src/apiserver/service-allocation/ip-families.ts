import type { FieldError } from '../../kube/kind.ts'
import { validateServiceAddresses } from '../../kube/kinds/service-address-validation.ts'
import type { IpFamily, ServiceSpec } from '../../kube/types/core.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { DraftSpec } from './mutable-service.ts'

const POLICY = 'spec.ipFamilyPolicy'

/**
 * Settles `ipFamilyPolicy` and `ipFamilies` of a Service that is written, in place, before its addresses are chosen: what
 * the user left out is inferred, an upgrade to two families gets its second, a downgrade loses it (KEP-563).
 *
 * @param old What was there, of an update.
 * @param configured The families that the cluster has ranges for, its default first.
 */
export function settleIpFamilies(
  spec: DraftSpec,
  old: ServiceSpec | undefined,
  configured: readonly IpFamily[],
): readonly FieldError[] {
  if (spec.type === 'ExternalName' || keepsPreferredFamilies(spec, old)) return []
  spec.ipFamilyPolicy ??= old?.ipFamilyPolicy ?? (isSelfManaged(spec) ? 'RequireDualStack' : 'SingleStack')
  const malformed = validateServiceAddresses(spec, old)
  if (malformed.length > 0) return malformed
  const reduced = old === undefined ? [] : settleReduction(spec, old)
  const errors = [...reduced, ...checkSingle(spec), ...inferFamilies(spec, configured)]
  if (errors.length > 0) return errors
  if (isSelfManaged(spec)) {
    completeFamilies(spec, ['IPv4', 'IPv6'], configured)
    return []
  }
  const unconfigured = checkConfigured(spec, configured)
  if (unconfigured.length === 0) completeFamilies(spec, configured, configured)
  return unconfigured
}

/**
 * A Service that prefers two families keeps those that it has, also when the cluster has got more or fewer since:
 * whoever wants the change says so.
 */
export function keepsPreferredFamilies(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
  if (old === undefined || old.type !== spec.type || spec.type === 'ExternalName') return false
  if (spec.ipFamilyPolicy !== 'PreferDualStack') return false
  if ((old.ipFamilyPolicy ?? 'PreferDualStack') !== 'PreferDualStack') return false
  return sameList(spec.clusterIPs, old.clusterIPs) && sameList(spec.ipFamilies, old.ipFamilies)
}

/** Headless without a selector: its endpoints are somebody else's business, and may be of any family. */
function isSelfManaged(spec: DraftSpec): boolean {
  return spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0
}

function settleReduction(spec: DraftSpec, old: ServiceSpec): readonly FieldError[] {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameList(spec.clusterIPs, old.clusterIPs)) spec.clusterIPs.length = Math.min(spec.clusterIPs.length, 1)
    if (sameList(spec.ipFamilies, old.ipFamilies)) spec.ipFamilies.length = Math.min(spec.ipFamilies.length, 1)
    return []
  }
  const error = (what: string) => invalid(POLICY, spec.ipFamilyPolicy, `must be 'SingleStack' to release the ${what}`)
  return [
    ...(isReduced(spec.clusterIPs, old.clusterIPs) ? [error('secondary cluster IP')] : []),
    ...(isReduced(spec.ipFamilies, old.ipFamilies) ? [error('secondary IP family')] : []),
  ]
}

function checkSingle(spec: DraftSpec): readonly FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') return []
  const text = (what: string) => `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`
  return [
    ...(spec.clusterIPs.length === 2 ? [invalid(POLICY, spec.ipFamilyPolicy, text('cluster IPs'))] : []),
    ...(spec.ipFamilies.length === 2 ? [invalid(POLICY, spec.ipFamilyPolicy, text('IP families'))] : []),
  ]
}

function inferFamilies(spec: DraftSpec, configured: readonly IpFamily[]): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const [index, ip] of spec.clusterIPs.entries()) {
    if (ip === 'None' || index < spec.ipFamilies.length) continue
    const family = ip.includes(':') ? 'IPv6' : 'IPv4'
    if (configured.includes(family)) spec.ipFamilies.push(family)
    else {
      const text = `${family} is not configured on this cluster`
      errors.push(invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, text))
    }
  }
  return errors
}

function checkConfigured(spec: DraftSpec, configured: readonly IpFamily[]): readonly FieldError[] {
  const errors: FieldError[] = []
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    errors.push(invalid(POLICY, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'))
  }
  for (const [index, family] of spec.ipFamilies.entries()) {
    if (configured.includes(family)) continue
    errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'))
  }
  return errors
}

/** The default family where there is none, and the other one of `available` where two are wanted. */
function completeFamilies(spec: DraftSpec, available: readonly IpFamily[], configured: readonly IpFamily[]): void {
  if (spec.ipFamilies.length === 0) spec.ipFamilies.push(configured[0] ?? 'IPv4')
  if (spec.ipFamilyPolicy === 'SingleStack' || spec.ipFamilies.length > 1) return
  const other = available.find((family) => family !== spec.ipFamilies[0])
  if (other !== undefined) spec.ipFamilies.push(other)
}

function isReduced(now: readonly string[], before: readonly string[] | undefined): boolean {
  return now.length > 0 && now.length < (before?.length ?? 0)
}

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  const left = a ?? []
  const right = b ?? []
  return left.length === right.length && left.every((item, i) => item === right[i])
}
