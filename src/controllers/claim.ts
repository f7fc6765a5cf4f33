import type { KubeObject, ObjectMeta, OwnerReference } from '../kube/types/meta.ts'

/** What an owner should do with objects that might be its own. */
export interface Claim<T extends KubeObject> {
  readonly owned: readonly T[]
  /** Match, and have no controller: get our owner reference. */
  readonly adopt: readonly T[]
  /** Ours by owner reference, but match no more: lose it. */
  readonly release: readonly T[]
}

/**
 * Sorts candidates by owner reference and selector, as upstream's ControllerRefManager. An owner that is being deleted
 * neither adopts nor releases; an object that is being deleted is not adopted.
 */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  matches: (labels: Readonly<Record<string, string>>) => boolean,
  candidates: readonly T[],
): Claim<T> {
  const owned: T[] = []
  const adopt: T[] = []
  const release: T[] = []
  const leaving = owner.metadata.deletionTimestamp !== undefined
  for (const candidate of candidates) {
    const controller = candidate.metadata.ownerReferences?.find((reference) => reference.controller === true)
    const match = matches(candidate.metadata.labels ?? {})
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue
      if (match) owned.push(candidate)
      else if (!leaving) release.push(candidate)
    } else if (match && !leaving && candidate.metadata.deletionTimestamp === undefined) {
      adopt.push(candidate)
    }
  }
  return { owned, adopt, release }
}

/**
 * Merge patch that adds an owner reference; refused when the object has changed since it was read.
 *
 * @param finalizer Is added too.
 */
export function adoptionPatch(metadata: ObjectMeta, reference: OwnerReference, finalizer?: string): unknown {
  const finalizers = metadata.finalizers ?? []
  const held =
    finalizer === undefined || finalizers.includes(finalizer) ? {} : { finalizers: [...finalizers, finalizer] }
  return ownersPatch(metadata, { ownerReferences: [...(metadata.ownerReferences ?? []), reference], ...held })
}

/**
 * Merge patch that removes the owner references with the given uids; refused when the object has changed since.
 *
 * @param finalizer Is removed too.
 */
export function releasePatch(metadata: ObjectMeta, uids: readonly string[], finalizer?: string): unknown {
  const { finalizers = [], ownerReferences = [] } = metadata
  const rest = ownerReferences.filter((reference) => !uids.includes(reference.uid))
  const free =
    finalizer === undefined || !finalizers.includes(finalizer)
      ? {}
      : { finalizers: finalizers.filter((name) => name !== finalizer) }
  return ownersPatch(metadata, { ownerReferences: rest.length === 0 ? null : rest, ...free })
}

function ownersPatch({ uid, resourceVersion }: ObjectMeta, changed: object): unknown {
  return { metadata: { uid, resourceVersion, ...changed } }
}
