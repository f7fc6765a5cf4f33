import type { Service, ServiceSpec } from '../types/core.ts'
import { cidrWarnings, ipWarnings } from '../validation/ip-fields.ts'

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'

/** What a client is told about a Service that is taken although some of it means nothing (upstream `GetWarningsForService`). */
export function serviceWarnings({ metadata, spec }: Service): readonly string[] {
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None'
  return [
    ...(metadata.annotations?.[TOPOLOGY_HINTS] === undefined
      ? []
      : [`annotation ${TOPOLOGY_HINTS} is deprecated, please use ${TOPOLOGY_MODE} instead`]),
    ...clusterIpWarnings(spec),
    ...(headless ? headlessWarnings(spec) : []),
    ...externalIpWarnings(spec, headless),
    ...(spec.loadBalancerIP ? ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP) : []),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((range, index) =>
      cidrWarnings(`spec.loadBalancerSourceRanges[${index}]`, range),
    ),
    ...ignoredWarnings(spec),
  ]
}

function clusterIpWarnings(spec: ServiceSpec): readonly string[] {
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  return (spec.clusterIPs ?? []).flatMap((ip, index) => ipWarnings(`spec.clusterIPs[${index}]`, ip))
}

function headlessWarnings(spec: ServiceSpec): readonly string[] {
  const ignored = (field: string) => `spec.${field} is ignored for headless services`
  return [
    ...(spec.loadBalancerIP ? [ignored('loadBalancerIP')] : []),
    ...((spec.externalIPs ?? []).length > 0 ? [ignored('externalIPs')] : []),
    ...(spec.sessionAffinity === 'None' ? [] : [ignored('SessionAffinity')]),
  ]
}

function externalIpWarnings(spec: ServiceSpec, headless: boolean): readonly string[] {
  const ips = spec.externalIPs ?? []
  const each = ips.flatMap((ip, index) => ipWarnings(`spec.externalIPs[${index}]`, ip))
  if (ips.length === 0 || headless || spec.type === 'ExternalName') return each
  return [...each, 'spec.externalIPs is deprecated and may no longer be implemented in some clusters']
}

function ignoredWarnings(spec: ServiceSpec): readonly string[] {
  const warnings: string[] = []
  if (spec.type === 'ExternalName' && (spec.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
  }
  return warnings
}
