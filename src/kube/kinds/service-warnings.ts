import type { Service } from '../types/core.ts'
import { isHeadless } from './service-needs.ts'

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'

/** What a client is told about a Service that is taken although some of it means nothing (upstream `GetWarningsForService`). */
export function serviceWarnings({ metadata, spec }: Service): readonly string[] {
  const warnings: string[] = []
  if (metadata.annotations?.[TOPOLOGY_HINTS] !== undefined) {
    warnings.push(
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
    )
  }
  const external = (spec.externalIPs ?? []).length > 0
  if (isHeadless(spec as unknown as Readonly<Record<string, unknown>>)) {
    const ignored = (field: string) => `spec.${field} is ignored when spec.clusterIP is "None"`
    if (spec.loadBalancerIP) warnings.push(ignored('loadBalancerIP'))
    if (external) warnings.push(ignored('externalIPs'))
    if (spec.sessionAffinity !== 'None') warnings.push(ignored('SessionAffinity'))
  }
  if (external && spec.type === 'ExternalName') {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  }
  return warnings
}
