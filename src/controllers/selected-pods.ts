import type { Informer } from '../kube/informer.ts'
import type { Pod, Service } from '../kube/types/core.ts'
import { BY_NAMESPACE } from './indexes.ts'
import { endpointFacts, hasSelector, selects } from './service-pods.ts'

/** The Services and pods of a cluster, with {@link BY_NAMESPACE}. */
export interface ServicesAndPods {
  readonly services: Informer<Service>
  readonly pods: Informer<Pod>
}

/** The pods that a Service selects. */
export function selectedPods(pods: Informer<Pod>, service: Service): readonly Pod[] {
  const inNamespace = pods.byIndex(BY_NAMESPACE, service.metadata.namespace ?? '')
  return inNamespace.filter((pod) => selects(service, pod.metadata.labels))
}

/** Calls back with each Service that selects, or has selected, a pod whose change matters to its endpoints. */
export function followSelectedPods({ services, pods }: ServicesAndPods, onChange: (service: Service) => void): void {
  const tell = ({ metadata: { namespace = '', labels } }: Pod) => {
    for (const service of services.byIndex(BY_NAMESPACE, namespace)) {
      if (hasSelector(service) && selects(service, labels)) onChange(service)
    }
  }
  pods.on({
    added: tell,
    updated(pod, old) {
      if (endpointFacts(pod) === endpointFacts(old)) return
      tell(pod)
      tell(old)
    },
    deleted: tell,
  })
}
