import type { FieldError } from '../kind.ts'
import type { Service, ServiceSpec } from '../types/core.ts'
import { forbidden, invalid } from '../validation/field-error.ts'
import { legacyCidrErrors } from '../validation/ip-fields.ts'
import { qualifiedNameProblems } from '../validation/names.ts'

const ONLY = "may only be used when `type` is 'LoadBalancer'"
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'

/**
 * Ranges that may reach a load balancer, in the field or else in the annotation. The path has a capital L in upstream
 * too. Ranges may be padded with blanks, as they once were in the annotation.
 */
export function validateSourceRanges(service: Service, old: Service | undefined): readonly FieldError[] {
  const ranges = service.spec.loadBalancerSourceRanges ?? []
  if (ranges.length === 0) return validateAnnotatedRanges(service, old)
  const path = 'spec.LoadBalancerSourceRanges'
  const kept = (old?.spec.loadBalancerSourceRanges ?? []).map((range) => range.trim())
  return [
    ...onlyForLoadBalancers(path, service.spec),
    ...ranges.flatMap((range, index) => legacyCidrErrors(`${path}[${index}]`, range.trim(), kept)),
  ]
}

function validateAnnotatedRanges({ metadata, spec }: Service, old: Service | undefined): readonly FieldError[] {
  const annotated = metadata.annotations?.[SOURCE_RANGES]
  if (annotated === undefined) return []
  const path = `metadata.annotations[${SOURCE_RANGES}]`
  const misplaced = onlyForLoadBalancers(path, spec)
  const given = annotated.trim()
  if (given === '' || old?.metadata.annotations?.[SOURCE_RANGES] === annotated) return misplaced
  return [...misplaced, ...given.split(',').flatMap((range) => legacyCidrErrors(path, range.trim()))]
}

function onlyForLoadBalancers(path: string, spec: ServiceSpec): readonly FieldError[] {
  return spec.type === 'LoadBalancer' ? [] : [forbidden(path, ONLY)]
}

/** `allocateLoadBalancerNodePorts` is for load balancers, which have it by default. */
export function validatePortAllocation(spec: ServiceSpec): readonly FieldError[] {
  if (spec.allocateLoadBalancerNodePorts === undefined) return []
  return onlyForLoadBalancers('spec.allocateLoadBalancerNodePorts', spec)
}

/** Upstream `validateLoadBalancerClassField`: the class of a load balancer stays. */
export function validateLoadBalancerClass(spec: ServiceSpec, old: ServiceSpec | undefined): readonly FieldError[] {
  const path = 'spec.loadBalancerClass'
  const name = spec.loadBalancerClass
  const changed = old?.type === 'LoadBalancer' && spec.type === 'LoadBalancer' && name !== old.loadBalancerClass
  const errors = changed ? [invalid(path, name, 'may not change once set')] : []
  if (name === undefined) return errors
  if (spec.type !== 'LoadBalancer') return [...errors, forbidden(path, ONLY)]
  return [...errors, ...qualifiedNameProblems(name).map((text) => invalid(path, name, text))]
}
