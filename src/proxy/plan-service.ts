import { SERVICE_PROXY_NAME } from '../kube/service-proxy-name.ts'
import type { Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import { balancingOf, type WeightOf, weightsOf } from './balancing.ts'
import { candidatesOf, chooseBackends, chooseLocalBackends } from './endpoint-choice.ts'
import { frontendsOf } from './frontends.ts'
import type { NodeView } from './node-view.ts'
import {
  type Balancing,
  FAMILIES,
  type Family,
  type PortPlan,
  type Problem,
  type ServicePlan,
  type SkipReason,
} from './service-plan.ts'

/** Marks slices of headless Services, and Services that want no proxy. */
export const HEADLESS = 'service.kubernetes.io/headless'

/** Why the proxy leaves a Service alone; undefined when it does not. */
export function skipReason(service: Service): SkipReason | undefined {
  const { spec, metadata } = service
  if (spec.type === 'ExternalName') return 'external-name'
  if (spec.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None') return 'headless'
  const labels = metadata.labels ?? {}
  if (HEADLESS in labels) return 'headless'
  return SERVICE_PROXY_NAME in labels ? 'another-proxy' : undefined
}

/** Whether the proxy reads this slice. */
export function isProxiedSlice(slice: EndpointSlice): boolean {
  const labels = slice.metadata.labels ?? {}
  return !(HEADLESS in labels) && !(SERVICE_PROXY_NAME in labels) && slice.addressType !== 'FQDN'
}

/**
 * What a node does for a Service: for each port and family its addresses, its endpoints, and why.
 *
 * @param slices All EndpointSlices of the Service, in any order.
 */
export function planService(service: Service, slices: readonly EndpointSlice[], node: NodeView): ServicePlan {
  const reason = skipReason(service)
  if (reason !== undefined) return { kind: 'skipped', reason }
  const problems: Problem[] = []
  const used = slices.filter(isProxiedSlice)
  if (used.length > 1) used.sort(byName)
  const balancing = balancingOf(service, problems)
  const weightOf = weightsOf(service, problems)
  const ports: PortPlan[] = []
  for (const family of FAMILIES) {
    if (!mayHave(service, family, node)) continue
    ports.push(...planFamily({ service, slices: used, node, family, problems, balancing, weightOf }))
  }
  return { kind: 'programmed', ports, problems }
}

/** Whether some address of the Service may be of this family: most Services have one family only. */
function mayHave({ spec, status }: Service, family: Family, node: NodeView): boolean {
  const fits = (address: string) => family === 'ip' || address.includes(':')
  if ((spec.clusterIPs ?? [spec.clusterIP ?? '']).some(fits) || (spec.externalIPs ?? []).some(fits)) return true
  if (spec.type === 'ClusterIP') return false
  return (
    (node.nodePortAddresses ?? node.addresses).some(fits) ||
    (status?.loadBalancer?.ingress ?? []).some(({ ip = '' }) => fits(ip))
  )
}

interface Inputs {
  readonly service: Service
  readonly slices: readonly EndpointSlice[]
  readonly node: NodeView
  readonly family: Family
  readonly problems: Problem[]
  readonly balancing: Balancing
  readonly weightOf: WeightOf | undefined
}

function planFamily(inputs: Inputs): PortPlan[] {
  const { service, slices, node, family, problems, balancing, weightOf } = inputs
  const seconds = affinitySeconds(service)
  const plans: PortPlan[] = []
  for (const port of service.spec.ports ?? []) {
    const frontends = frontendsOf(service, port, { family, node, problems })
    if (frontends.length === 0) continue
    const name = port.name ?? ''
    const protocol = port.protocol ?? 'TCP'
    const candidates = candidatesOf(slices, { name, protocol, family, weightOf }, problems)
    const cluster = chooseBackends(candidates, node)
    const local = frontends.some(({ policy }) => policy === 'Local')
      ? { local: chooseLocalBackends(candidates, node) }
      : {}
    plans.push({
      namespace: service.metadata.namespace ?? '',
      service: service.metadata.name,
      name,
      protocol,
      family,
      since: service.metadata.creationTimestamp ?? '',
      frontends,
      ...(balancing === 'round-robin' ? {} : { balancing }),
      ...(seconds === undefined ? {} : { affinitySeconds: seconds }),
      cluster,
      ...local,
      ...(protocol === 'UDP' ? { serving: candidates.filter(({ serving }) => serving) } : {}),
    })
  }
  return plans
}

/** What the API server puts into `sessionAffinityConfig` when nothing is said. */
const DEFAULT_AFFINITY_SECONDS = 10_800

function affinitySeconds({ spec }: Service): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS
}

function byName(a: EndpointSlice, b: EndpointSlice): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}
