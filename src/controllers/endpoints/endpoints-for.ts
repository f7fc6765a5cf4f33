import type { Endpoints, Pod, Service } from '../../kube/types/core.ts'
import { HEADLESS_LABEL, isHeadless } from '../service-pods.ts'
import { endpointSubsets, truncate } from './subsets.ts'

const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'

/**
 * The Endpoints object that a Service should have: its labels and those that say whose it is, its pods' addresses.
 *
 * @param known The object as it is now; what others noted in its annotations is kept.
 */
export function endpointsFor(service: Service, pods: readonly Pod[], known: Endpoints | undefined): Endpoints {
  const { namespace, name } = service.metadata
  const { subsets, truncated } = truncate(endpointSubsets(service, pods))
  const { [HEADLESS_LABEL]: _headless, ...copied } = service.metadata.labels ?? {}
  const labels = {
    ...copied,
    [MANAGED_BY_LABEL]: 'endpoint-controller',
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
  }
  const { [OVER_CAPACITY]: _over, ...rest } = known?.metadata.annotations ?? {}
  const annotations = truncated ? { ...rest, [OVER_CAPACITY]: 'truncated' } : rest
  const metadata = known?.metadata ?? { name, ...(namespace === undefined ? {} : { namespace }) }
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...metadata, labels, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    ...(subsets.length === 0 ? {} : { subsets }),
  }
}
