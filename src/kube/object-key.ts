import type { ObjectKey } from './client.ts'
import type { KubeObject } from './types/meta.ts'

/** `namespace/name`, or `name` for kinds that have no namespace: the key of informers and work queues. */
export function keyOf(object: KubeObject): string {
  return formatKey(object.metadata)
}

/** In one piece: keys are kept by the thousand, and what is put together with `+` is kept as its pieces. @see keyOf */
export function formatKey({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : [namespace, name].join('/')
}

/** The inverse of {@link formatKey}. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/')
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
