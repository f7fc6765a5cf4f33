import { serviceKeysOf } from '../kube/endpoint-slice.ts'
import type { Informer } from '../kube/informer.ts'
import type { InformerSet } from '../kube/informers.ts'
import { endpointSlices, nodes, pods, services } from '../kube/resource.ts'
import type { Node, Pod, Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import type { ClusterView } from './sync/sync-context.ts'

/** Of our own, so that it does not matter who else shares the informers. */
const BY_BALANCED_SERVICE = 'ccm-service'

/** The cluster as informers hold it. */
export class InformerView implements ClusterView {
  readonly services: Informer<Service>
  readonly nodeInformer: Informer<Node>
  readonly sliceInformer: Informer<EndpointSlice>
  readonly pods: Informer<Pod>
  #nodes: ReadonlyMap<string, Node> | undefined

  constructor(informers: InformerSet) {
    this.services = informers.for(services)
    this.nodeInformer = informers.for(nodes)
    this.sliceInformer = informers.for(endpointSlices)
    this.pods = informers.for(pods)
    this.sliceInformer.addIndex(BY_BALANCED_SERVICE, serviceKeysOf)
    const changed = () => {
      this.#nodes = undefined
    }
    this.nodeInformer.on({ added: changed, updated: changed, deleted: changed })
  }

  service(key: string): Service | undefined {
    return this.services.get(key)
  }

  nodes(): ReadonlyMap<string, Node> {
    this.#nodes ??= new Map(this.nodeInformer.list().map((node) => [node.metadata.name, node]))
    return this.#nodes
  }

  slices(key: string): readonly EndpointSlice[] {
    return this.sliceInformer.byIndex(BY_BALANCED_SERVICE, key)
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.pods.get(`${namespace}/${name}`)
  }
}
