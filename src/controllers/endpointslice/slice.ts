import { SERVICE_NAME_LABEL } from '../../kube/endpoint-slice.ts'
import { services } from '../../kube/resource.ts'
import type { Service } from '../../kube/types/core.ts'
import type { EndpointPort, EndpointSlice } from '../../kube/types/discovery.ts'
import type { OwnerReference } from '../../kube/types/meta.ts'
import { HEADLESS_LABEL, isHeadless } from '../service-pods.ts'

export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
export const CONTROLLER_NAME = 'endpointslice-controller.k8s.io'

const RESERVED = [MANAGED_BY_LABEL, SERVICE_NAME_LABEL, HEADLESS_LABEL]

/** A slice without endpoints for a Service; its name is left to the server. */
export function newSlice(
  service: Service,
  addressType: 'IPv4' | 'IPv6',
  ports: readonly EndpointPort[],
): EndpointSlice {
  const { namespace } = service.metadata
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: '',
      generateName: `${service.metadata.name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: sliceLabels(service),
      ownerReferences: [serviceReference(service)],
    },
    addressType,
    endpoints: [],
    ports,
  }
}

/** The Service's labels and those that say whose slice it is. */
export function sliceLabels(service: Service): Readonly<Record<string, string>> {
  const copied = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !RESERVED.includes(key))
  return {
    ...Object.fromEntries(copied),
    [SERVICE_NAME_LABEL]: service.metadata.name,
    [MANAGED_BY_LABEL]: CONTROLLER_NAME,
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
  }
}

/** Whether the slice's controller is this very Service, not one of the same name before it. */
export function isOwnedBy(slice: EndpointSlice, service: Service): boolean {
  return (slice.metadata.ownerReferences ?? []).some(
    (reference) => reference.controller === true && reference.uid === service.metadata.uid,
  )
}

function serviceReference(service: Service): OwnerReference {
  return {
    apiVersion: services.version,
    kind: services.kind,
    name: service.metadata.name,
    uid: service.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}
