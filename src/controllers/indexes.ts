import { serviceKeysOf } from '../kube/endpoint-slice.ts'
import type { Informer } from '../kube/informer.ts'
import type { InformerSet } from '../kube/informers.ts'
import { controllerOf } from '../kube/owner.ts'
import {
  controllerRevisions,
  daemonSets,
  deployments,
  endpointSlices,
  jobs,
  pods,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
} from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'

/** Objects of a namespace. */
export const BY_NAMESPACE = 'namespace'
/** Objects by the uid of their controller; those without one under {@link orphansOf} their namespace. */
export const BY_CONTROLLER = 'controller'
/** Pods by the node that they are on. */
export const BY_NODE = 'node'
/** Slices by `namespace/name` of their Service. */
export const BY_SERVICE = 'service'

/** Value of {@link BY_CONTROLLER} for objects that nobody controls. */
export function orphansOf(namespace: string | undefined): string {
  return `orphans/${namespace ?? ''}`
}

/** Adds the indexes that the controllers share, once per set of informers. */
export function addIndexes(informers: InformerSet): void {
  const podInformer = informers.for(pods)
  addOwnership(podInformer)
  podInformer.addIndex(BY_NODE, (pod) => (pod.spec.nodeName === undefined ? [] : [pod.spec.nodeName]))
  addOwnership(informers.for(replicaSets))
  addOwnership(informers.for(replicationControllers))
  addOwnership(informers.for(controllerRevisions))
  addOwnership(informers.for(jobs))
  informers.for(deployments).addIndex(BY_NAMESPACE, namespaceOf)
  informers.for(daemonSets).addIndex(BY_NAMESPACE, namespaceOf)
  informers.for(statefulSets).addIndex(BY_NAMESPACE, namespaceOf)
  informers.for(services).addIndex(BY_NAMESPACE, namespaceOf)
  informers.for(endpointSlices).addIndex(BY_SERVICE, serviceKeysOf)
}

function addOwnership<T extends KubeObject>(informer: Informer<T>): void {
  informer.addIndex(BY_NAMESPACE, namespaceOf)
  informer.addIndex(BY_CONTROLLER, (object) => [controllerUid(object) ?? orphansOf(object.metadata.namespace)])
}

/** The uid of the object's controller. */
export function controllerUid(object: KubeObject): string | undefined {
  return controllerOf(object)?.uid
}

function namespaceOf(object: KubeObject): readonly string[] {
  return [object.metadata.namespace ?? '']
}
