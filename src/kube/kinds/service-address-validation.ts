import { isIPv6 } from 'node:net'
import type { FieldError } from '../kind.ts'
import type { ServiceSpec } from '../types/core.ts'
import { duplicate, invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyIpErrors } from '../validation/ip-fields.ts'

const IPS = 'spec.clusterIPs'
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack']

/** Rules between clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy (`ValidateServiceClusterIPsRelatedFields`). */
export function validateServiceAddresses(spec: ServiceSpec, old: ServiceSpec | undefined): readonly FieldError[] {
  if (spec.type === 'ExternalName') return []
  const stands = [
    ...validateMirror(spec),
    ...validateFamilies(spec),
    ...oneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, POLICIES),
  ]
  const ips = validateIps(spec.clusterIPs ?? [], old?.clusterIPs)
  return [...stands, ...ips.errors, ...(ips.wrong ? [] : validatePairs(spec))]
}

function validateMirror(spec: ServiceSpec): readonly FieldError[] {
  const ips = spec.clusterIPs ?? []
  const single = spec.clusterIP ?? ''
  if (ips.length === 0) return single === '' ? [] : [required(IPS)]
  if (single === '') return [invalid(IPS, ips, 'must be empty when `clusterIP` is not specified')]
  return ips[0] === single ? [] : [invalid(IPS, ips, 'first value must match `clusterIP`')]
}

function validateFamilies(spec: ServiceSpec): readonly FieldError[] {
  const families = spec.ipFamilies ?? []
  return families.flatMap((family, index) => {
    const path = `spec.ipFamilies[${index}]`
    const repeated = families.indexOf(family) < index
    return [...oneOf(path, family, ['IPv4', 'IPv6']), ...(repeated ? [duplicate(path, family)] : [])]
  })
}

interface IpsVerdict {
  readonly errors: readonly FieldError[]
  /** One of them is no address, so that nothing else can be said of them. */
  readonly wrong: boolean
}

function validateIps(ips: readonly string[], kept: readonly string[] | undefined): IpsVerdict {
  const errors = ips.flatMap((ip, index) => {
    if (index > 0 || ip !== 'None') return legacyIpErrors(`${IPS}[${index}]`, ip, kept)
    return ips.length > 1 ? [invalid(IPS, ips, "'None' must be the first and only value")] : []
  })
  const tooMany = ips.length > 2 ? [invalid(IPS, ips, 'may only hold up to 2 values')] : []
  return { errors: [...errors, ...tooMany], wrong: errors.length > 0 }
}

function validatePairs(spec: ServiceSpec): readonly FieldError[] {
  const ips = spec.clusterIPs ?? []
  const errors: FieldError[] = []
  if (ips.length > 1 && !(ips.some((ip) => isIPv6(ip)) && ips.some((ip) => !isIPv6(ip)))) {
    errors.push(invalid(IPS, ips, 'may specify no more than one IP for each IP family'))
  }
  if (ips[0] === 'None') return errors
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const ip = ips[index]
    if (ip === undefined || isIPv6(ip) === (family === 'IPv6')) continue
    errors.push(invalid(`${IPS}[${index}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``))
  }
  return errors
}
