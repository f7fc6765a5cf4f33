import type { FieldError } from '../kind.ts'
import type { ServiceSpec } from '../types/core.ts'
import { forbidden, invalid, notSupported, oneOf, required } from '../validation/field-error.ts'
import { portNumberProblems } from '../validation/names.ts'
import { isExternallyAccessible, needsHealthCheckPort } from './service-needs.ts'

const AFFINITY_LIMIT = 86_400
const POLICIES = ['Cluster', 'Local']
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']

/** `sessionAffinity` and its configuration. */
export function validateAffinity(spec: ServiceSpec): readonly FieldError[] {
  const unknown = oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])
  const path = 'spec.sessionAffinityConfig'
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig !== undefined) {
    return [...unknown, forbidden(path, 'must not be set when session affinity is None')]
  }
  if (spec.sessionAffinity !== 'ClientIP') return unknown
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (seconds === undefined) {
    return [...unknown, required(`${path}.clientIP.timeoutSeconds`, 'when session affinity type is ClientIP')]
  }
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= AFFINITY_LIMIT) return unknown
  const text = `must be greater than 0 and less than ${AFFINITY_LIMIT}`
  return [...unknown, invalid(`${path}.clientIP.timeoutSeconds`, seconds, text)]
}

/** Where traffic may go: `externalTrafficPolicy` with its health check port, `internalTrafficPolicy`, `trafficDistribution`. */
export function validateTrafficPolicies(spec: ServiceSpec): readonly FieldError[] {
  return [
    ...validateExternalPolicy(spec),
    ...validateHealthCheckPort(spec),
    ...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, POLICIES),
    ...validateDistribution(spec.trafficDistribution),
  ]
}

function validateExternalPolicy(spec: ServiceSpec): readonly FieldError[] {
  const path = 'spec.externalTrafficPolicy'
  const policy = spec.externalTrafficPolicy
  if (isExternallyAccessible(spec)) return oneOf(path, policy, POLICIES)
  return policy ? [invalid(path, policy, 'may only be set for externally-accessible services')] : []
}

function validateHealthCheckPort(spec: ServiceSpec): readonly FieldError[] {
  const path = 'spec.healthCheckNodePort'
  const port = spec.healthCheckNodePort
  if (!port) return []
  if (!needsHealthCheckPort(spec)) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    return [invalid(path, port, text)]
  }
  return portNumberProblems(port).map((text) => invalid(path, port, text))
}

function validateDistribution(distribution: string | undefined): readonly FieldError[] {
  if (distribution === undefined || DISTRIBUTIONS.includes(distribution)) return []
  return [notSupported('spec.trafficDistribution', distribution, DISTRIBUTIONS)]
}

/** The health check port stays as long as there is one. */
export function validateHealthCheckChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const both = needsHealthCheckPort(spec) && needsHealthCheckPort(old)
  if (!both || spec.healthCheckNodePort === old.healthCheckNodePort) return []
  return [forbidden('spec.healthCheckNodePort', 'field is immutable')]
}
