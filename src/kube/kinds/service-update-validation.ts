import type { FieldError } from '../kind.ts'
import type { ServiceSpec } from '../types/core.ts'
import { invalid } from '../validation/field-error.ts'
import { isHeadless, needsHealthCheckPort } from './service-needs.ts'

const UNCHANGEABLE = 'may not change once set'

/** What an update of a Service may not change. */
export function validateServiceUpdate(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  return [
    ...validateAddressChange(spec, old),
    ...validateClassChange(spec, old),
    ...validateHealthCheckChange(spec, old),
  ]
}

function validateAddressChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return []
  const bothHeadless = isHeadless(asRecord(spec)) && isHeadless(asRecord(old))
  const ips = { field: 'clusterIPs', noun: 'clusterIP', now: spec.clusterIPs ?? [], before: old.clusterIPs ?? [] }
  const families = { field: 'ipFamilies', noun: 'ipFamily', now: spec.ipFamilies ?? [], before: old.ipFamilies ?? [] }
  return [...(bothHeadless ? [] : validateListChange(spec, ips)), ...validateListChange(spec, families)]
}

interface ListChange {
  readonly field: string
  readonly noun: string
  readonly now: readonly string[]
  readonly before: readonly string[]
}

function validateListChange(spec: ServiceSpec, { field, noun, now, before }: ListChange): readonly FieldError[] {
  const path = `spec.${field}`
  if (now.length === before.length) {
    return before.flatMap((value, index) =>
      value === now[index] ? [] : [invalid(`${path}[${index}]`, now, UNCHANGEABLE)],
    )
  }
  if (now.length === 0) return [invalid(`${path}[0]`, now, `primary ${noun} can not be unset`)]
  const errors: FieldError[] = []
  if (before.length > 0 && now[0] !== before[0]) errors.push(invalid(`${path}[0]`, now, UNCHANGEABLE))
  if (now.length < before.length && spec.ipFamilyPolicy !== 'SingleStack') {
    const text = `must be set to 'SingleStack' when releasing the secondary ${noun}`
    errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text))
  }
  return errors
}

function validateClassChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const both = spec.type === 'LoadBalancer' && old.type === 'LoadBalancer'
  if (!both || spec.loadBalancerClass === old.loadBalancerClass) return []
  return [invalid('spec.loadBalancerClass', spec.loadBalancerClass, UNCHANGEABLE)]
}

function validateHealthCheckChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const both = needsHealthCheckPort(asRecord(spec)) && needsHealthCheckPort(asRecord(old))
  if (!both || spec.healthCheckNodePort === old.healthCheckNodePort) return []
  const text = 'cannot change healthCheckNodePort on loadBalancer service with externalTraffic=Local during update'
  return [invalid('spec.healthCheckNodePort', spec.healthCheckNodePort, text)]
}

function asRecord(spec: ServiceSpec): Readonly<Record<string, unknown>> {
  return spec as unknown as Readonly<Record<string, unknown>>
}
