import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'

type Place = Pick<Resource<KubeObject>, 'group' | 'plural' | 'namespaced'>

/** Below this every object is stored. */
export const REGISTRY_PREFIX = '/registry/'

/** The store's key of an object, e.g. `/registry/core/services/default/web`, `/registry/networking.k8s.io/ipaddresses/10.96.0.1`. */
export function objectKey(resource: Place, namespace: string | undefined, name: string): string {
  return `${objectPrefix(resource, namespace)}${name}`
}

/** The prefix of all objects of a kind, or of those in one namespace; ends with a slash. */
export function objectPrefix(resource: Place, namespace?: string): string {
  const all = `${REGISTRY_PREFIX}${resource.group === '' ? 'core' : resource.group}/${resource.plural}/`
  return resource.namespaced && namespace !== undefined && namespace !== '' ? `${all}${namespace}/` : all
}
