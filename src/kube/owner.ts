import type { KubeObject, OwnerReference } from './types/meta.ts'

/**
 * A reference to the object as the controller of another: that one goes with it, and no other controller adopts it.
 *
 * @param owner As the API gave it: it has a uid.
 */
export function controllerRef(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }
}

/** The owner that controls the object; `undefined` for one that nobody controls. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true)
}

/** Whether `owner`, and not an earlier object of its name, controls the object. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = controllerOf(object)?.uid
  return uid !== undefined && uid === owner.metadata.uid
}
