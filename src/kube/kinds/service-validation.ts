import type { FieldError } from '../kind.ts'
import type { Service, ServiceSpec } from '../types/core.ts'
import { specialIpProblems } from '../validation/addresses.ts'
import { forbidden, invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyIpErrors } from '../validation/ip-fields.ts'
import { subdomainProblems } from '../validation/names.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { validateServiceAddresses } from './service-address-validation.ts'
import {
  validateLoadBalancerClass,
  validatePortAllocation,
  validateSourceRanges,
} from './service-load-balancer-validation.ts'
import { isHeadless } from './service-needs.ts'
import { validateAffinity, validateHealthCheckChange, validateTrafficPolicies } from './service-policy-validation.ts'
import { validateDistinctPorts, validateServicePorts } from './service-port-validation.ts'
import { validateLoadBalancerStatus } from './service-status-validation.ts'
import { validateAddressChange } from './service-update-validation.ts'

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'

/**
 * The rules of a Service with upstream's paths and words, in its order (`ValidateServiceCreate` and
 * `ValidateServiceUpdate` of 1.36); the allocation of addresses and ports, which comes first, adds its own.
 */
export function validateService(service: Service, old: Service | undefined): readonly FieldError[] {
  return [
    ...(old === undefined ? [] : validateChange(service.spec, old.spec)),
    ...validateWhole(service, old),
    ...validateLoadBalancerStatus(service, old),
  ]
}

function validateChange(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  return [
    ...validateAddressChange(spec, old),
    ...validateLoadBalancerClass(spec, old),
    ...validateHealthCheckChange(spec, old),
  ]
}

function validateWhole(service: Service, old: Service | undefined): readonly FieldError[] {
  const { spec } = service
  const ports = spec.ports ?? []
  return [
    ...validateTopology(service),
    ...validateNeeds(spec),
    ...validateServicePorts(ports),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateServiceAddresses(spec, old?.spec),
    ...validateExternalIps(spec, old?.spec),
    ...oneOf('spec.type', spec.type, TYPES),
    ...validateInnerPorts(spec),
    ...validateDistinctPorts(ports),
    ...validateSourceRanges(service, old),
    ...validatePortAllocation(spec),
    ...validateLoadBalancerClass(spec, undefined),
    ...validateTrafficPolicies(spec),
  ]
}

/** The old name of the annotation may stand beside the new one, when both say the same. */
function validateTopology({ metadata }: Service): readonly FieldError[] {
  const mode = metadata.annotations?.[TOPOLOGY_MODE]
  const hints = metadata.annotations?.[TOPOLOGY_HINTS]
  if (mode === undefined || hints === undefined || mode === hints) return []
  const text = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`
  return [invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, text)]
}

/** What each type must have, and what it may not. */
function validateNeeds(spec: ServiceSpec): readonly FieldError[] {
  const headless = isHeadless(spec)
  const portless = headless || spec.type === 'ExternalName'
  const noPorts = (spec.ports ?? []).length === 0 && !portless ? [required('spec.ports')] : []
  if (spec.type === 'ExternalName') return [...noPorts, ...validateExternalName(spec)]
  if (!headless || (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort')) return noPorts
  return [...noPorts, invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)]
}

function validateExternalName(spec: ServiceSpec): readonly FieldError[] {
  const text = 'may not be set for ExternalName services'
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  return [
    ...((spec.clusterIPs ?? []).length > 0 ? [forbidden('spec.clusterIPs', text)] : []),
    ...((spec.ipFamilies ?? []).length > 0 ? [forbidden('spec.ipFamilies', text)] : []),
    ...(spec.ipFamilyPolicy === undefined ? [] : [forbidden('spec.ipFamilyPolicy', text)]),
    ...(name === ''
      ? [required('spec.externalName')]
      : subdomainProblems(name).map((problem) => invalid('spec.externalName', name, problem))),
  ]
}

/** Those that were there stay, whatever the rules have become since. */
function validateExternalIps(spec: ServiceSpec, old: ServiceSpec | undefined): readonly FieldError[] {
  return (spec.externalIPs ?? []).flatMap((ip, index) => {
    const path = `spec.externalIPs[${index}]`
    const errors = legacyIpErrors(path, ip, old?.externalIPs)
    return errors.length > 0 ? errors : specialIpProblems(ip).map((text) => invalid(path, ip, text))
  })
}

function validateInnerPorts(spec: ServiceSpec): readonly FieldError[] {
  if (spec.type !== 'ClusterIP') return []
  const text = "may not be used when `type` is 'ClusterIP'"
  return (spec.ports ?? []).flatMap(({ nodePort }, index) =>
    nodePort ? [forbidden(`spec.ports[${index}].nodePort`, text)] : [],
  )
}
