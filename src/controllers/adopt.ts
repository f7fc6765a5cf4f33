import { isConflict, isNotFound } from '../kube/api-error.ts'
import type { Client } from '../kube/client.ts'
import { controllerRef } from '../kube/owner.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { adoptionPatch, type Claim, releasePatch } from './claim.ts'

/** What an owner's kind and its dependents' kind are. */
export interface Adoption<O extends KubeObject, T extends KubeObject> {
  readonly client: Client
  readonly ownerResource: Resource<O>
  readonly owner: O
  readonly resource: Resource<T>
  /** What holds a dependent as long as it is the owner's. @default nothing */
  readonly finalizer?: string
  /** Told of each dependent as it is after it was adopted or released. */
  readonly wrote?: (object: T) => void
}

/**
 * Carries out a claim: adopts what has no controller, lets go of what matches no more.
 *
 * @returns the owned objects, those adopted included. An object that changed meanwhile is left for the next time.
 */
export async function carryOut<O extends KubeObject, T extends KubeObject>(
  adoption: Adoption<O, T>,
  claim: Claim<T>,
): Promise<readonly T[]> {
  const { client, resource, owner, finalizer, wrote } = adoption
  const write = async (object: T, body: unknown) => {
    const written = await unlessChanged(() => client.patch(resource, object.metadata, { type: 'merge', body }))
    if (written !== undefined) wrote?.(written)
    return written
  }
  for (const object of claim.release) {
    await write(object, releasePatch(object.metadata, [owner.metadata.uid ?? ''], finalizer))
  }
  if (claim.adopt.length === 0 || !(await mayAdopt(adoption))) return claim.owned
  const reference = controllerRef(owner)
  const adopted = await Promise.all(
    claim.adopt.map((object) => write(object, adoptionPatch(object.metadata, reference, finalizer))),
  )
  return [...claim.owned, ...adopted.filter((object) => object !== undefined)]
}

/** Asks the API itself: an owner that is gone by now, or being deleted, must not adopt. */
async function mayAdopt<O extends KubeObject, T extends KubeObject>(adoption: Adoption<O, T>): Promise<boolean> {
  const { client, ownerResource, owner } = adoption
  const live = await client.find(ownerResource, owner.metadata)
  return live?.metadata.uid === owner.metadata.uid && live?.metadata.deletionTimestamp === undefined
}

async function unlessChanged<T>(write: () => Promise<T>): Promise<T | undefined> {
  try {
    return await write()
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return undefined
    throw error
  }
}
