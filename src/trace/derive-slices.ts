import { desiredEndpoints } from '../controllers/endpointslice/desired.ts'
import { CONTROLLER_NAME, newSlice } from '../controllers/endpointslice/slice.ts'
import { hasSelector, selects } from '../controllers/service-pods.ts'
import type { Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import type { ClusterObjects } from './world.ts'

/** The slices that the EndpointSlice controller would make for a Service, by the controller's own decision. */
export function deriveSlices(
  service: Service,
  { pods, nodes }: Pick<ClusterObjects, 'pods' | 'nodes'>,
): EndpointSlice[] {
  if (!hasSelector(service)) return []
  const own = pods.filter(
    ({ metadata }) => metadata.namespace === service.metadata.namespace && selects(service, metadata.labels),
  )
  const node = (name: string) => nodes.find(({ metadata }) => metadata.name === name)
  const families = service.spec.ipFamilies ?? ['IPv4']
  return families.flatMap((family) =>
    desiredEndpoints(service, family, { pods: own, node }).groups.map(({ ports, endpoints }, index) => {
      const slice = newSlice(service, family, ports)
      const name = `${service.metadata.name}-${family.toLowerCase()}-${index}`
      return { ...slice, metadata: { ...slice.metadata, name }, endpoints }
    }),
  )
}

/** Whether a slice is the controller's, and not one that somebody wrote by hand. */
export function isDerived({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === CONTROLLER_NAME
}
