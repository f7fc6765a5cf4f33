import { copyJson } from '../kube/patch/json.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { Entry } from '../store/store.ts'
import { decodeObject } from './object-bytes.ts'

/** The store hands out the same bytes for as long as it keeps them, so each version of an object is parsed once. */
const decoded = new WeakMap<Uint8Array, KubeObject>()

/** The object of an entry, shared: nobody may change it. */
export function decodedObject(entry: Entry): KubeObject {
  const known = decoded.get(entry.value)
  if (known !== undefined) return known
  const object = decodeObject(entry.value, entry.modRevision)
  decoded.set(entry.value, object)
  return object
}

/** A copy of an entry's object of one's own. */
export function freshObject(entry: Entry): KubeObject {
  return copyJson(decodedObject(entry))
}
