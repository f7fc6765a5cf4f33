import type { FieldError } from '../kind.ts'
import type { ServiceSpec } from '../types/core.ts'
import { invalid } from '../validation/field-error.ts'
import { isHeadless } from './service-needs.ts'

const UNCHANGEABLE = 'may not change once set'

/** What an update of a Service may not change: its addresses and families, but for the second ones. */
export function validateAddressChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return []
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(old)]
  const addresses = headless && wasHeadless ? [] : validateIpChange(spec, old)
  return headless || wasHeadless ? addresses : [...addresses, ...validateFamilyChange(spec, old)]
}

function validateIpChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const path = 'spec.clusterIPs'
  const now = spec.clusterIPs ?? []
  const before = old.clusterIPs ?? []
  if (now.length === before.length) {
    return before.flatMap((ip, index) => (ip === now[index] ? [] : [invalid(`${path}[${index}]`, now, UNCHANGEABLE)]))
  }
  if (now.length === 0) return [invalid(`${path}[0]`, now, 'primary clusterIP can not be unset')]
  const changed = before.length > 0 && now[0] !== before[0]
  return [
    ...(changed ? [invalid(`${path}[0]`, now, UNCHANGEABLE)] : []),
    ...(now.length < before.length ? validateRelease(spec, 'clusterIP') : []),
  ]
}

/** Upstream names the first family whichever changed, and shows the addresses when the number of families changed. */
function validateFamilyChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const path = 'spec.ipFamilies[0]'
  const now = spec.ipFamilies ?? []
  const before = old.ipFamilies ?? []
  if (now.length === before.length) {
    return before.flatMap((family, index) => (family === now[index] ? [] : [invalid(path, now, UNCHANGEABLE)]))
  }
  if (now.length === 0) return [invalid(path, now, 'primary ipFamily can not be unset')]
  const changed = before.length > 0 && now[0] !== before[0]
  return [
    ...(changed ? [invalid(path, spec.clusterIPs ?? [], UNCHANGEABLE)] : []),
    ...(now.length < before.length ? validateRelease(spec, 'ipFamily') : []),
  ]
}

function validateRelease(spec: ServiceSpec, noun: string): readonly FieldError[] {
  if (spec.ipFamilyPolicy === 'SingleStack') return []
  const text = `must be set to 'SingleStack' when releasing the secondary ${noun}`
  return [invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text)]
}
