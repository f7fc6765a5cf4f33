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
 * @returns the object as it is now.
 * @throws ApiError when the object is gone, or was replaced by another of its name.
 */
export async function writeStatus<T extends WithStatus>(
  client: Client,
  resource: Resource<T>,
  { object, status }: { readonly object: T; readonly status: NonNullable<T['status']> },
): Promise<T> {
  if (sameJson(object.status ?? {}, status)) return object
  const removed = Object.keys(object.status ?? {}).filter((key) => !(key in status))
  const body = {
    metadata: { uid: object.metadata.uid },
    status: { ...Object.fromEntries(removed.map((key) => [key, null])), ...status },
  }
  return client.patch(resource, object.metadata, { type: 'merge', body }, { subresource: 'status' })
}
