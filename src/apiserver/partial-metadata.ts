import type { KubeObject } from '../kube/types/meta.ts'

/** The metadata of an object, as an object of its own (meta/v1 PartialObjectMetadata). */
export function partialMetadata({ metadata }: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}
