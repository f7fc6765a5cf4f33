import { isNotFound } from '../kube/api-error.ts'
import type { Client } from '../kube/client.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { sameJson } from './canonical-json.ts'

interface WithStatus extends KubeObject {
  readonly status?: object
}

/**
 * Writes an object's status when it differs: as a patch, since a controller is the only one to write its status, and
 * need not lose a race against others who change the rest of the object.
 *
 * @returns the object as it is now; `undefined` when it is gone.
 * @throws ApiError when it was replaced by another of its name.
 */
export async function writeStatus<T extends WithStatus>(
  client: Client,
  resource: Resource<T>,
  { object, status }: { readonly object: T; readonly status: NonNullable<T['status']> },
): Promise<T | undefined> {
  if (sameJson(object.status ?? {}, status)) return object
  const body = { metadata: { uid: object.metadata.uid }, status: replacing(object.status ?? {}, status) }
  try {
    return await client.patch(resource, object.metadata, { type: 'merge', body }, { subresource: 'status' })
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** A merge patch (RFC 7396) that makes an object of another: what it has no more is null, at every depth. */
function replacing(before: object, after: object): object {
  const old = new Map<string, unknown>(Object.entries(before))
  const removed = [...old.keys()].filter((key) => !(key in after)).map((key) => [key, null] as const)
  const kept = Object.entries(after).map(([key, value]) => {
    const was = old.get(key)
    return [key, isPlain(was) && isPlain(value) ? replacing(was, value) : value] as const
  })
  return Object.fromEntries([...removed, ...kept])
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
