import type { Draft } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { Entry, StoreEvent } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { encodeObject } from './object-bytes.ts'
import { objectKey, objectPrefix } from './object-key.ts'

/** The store's key of an object of a kind. */
export function keyOfKind(kind: AnyKind, namespace: string | undefined, name: string): string {
  return objectKey(kind.stored?.resource ?? kind.resource, namespace, name)
}

/** The prefix of all objects of a kind, or of those in one namespace. */
export function prefixOfKind(kind: AnyKind, namespace?: string): string {
  return objectPrefix(kind.stored?.resource ?? kind.resource, namespace)
}

/** The bytes to store for an object as it is served. */
export function storedBytes(kind: AnyKind, object: Draft): Uint8Array {
  return encodeObject(kind.stored === undefined ? object : kind.stored.toStored(object))
}

/** Converted bytes, by kind and by the bytes in the store: each version of an object is converted once. */
const converted = new WeakMap<AnyKind, WeakMap<Uint8Array, Uint8Array>>()
/** Converted changes, so that all watchers of a kind get the same one. */
const changes = new WeakMap<AnyKind, WeakMap<StoreEvent, StoreEvent>>()

/** An entry of the store with the object as the kind serves it. */
export function servedEntry(kind: AnyKind, entry: Entry): Entry {
  return kind.stored === undefined ? entry : { ...entry, value: servedBytes(kind, entry) }
}

/** A change of the store as the kind serves it. */
export function servedChange(kind: AnyKind, event: StoreEvent): StoreEvent {
  if (kind.stored === undefined) return event
  const known = changes.get(kind) ?? new WeakMap<StoreEvent, StoreEvent>()
  changes.set(kind, known)
  const found = known.get(event)
  if (found !== undefined) return found
  const { entry, previous } = event
  const served: StoreEvent = {
    ...event,
    entry: entry === undefined ? undefined : servedEntry(kind, entry),
    previous: previous === undefined ? undefined : servedEntry(kind, previous),
  }
  known.set(event, served)
  return served
}

function servedBytes(kind: AnyKind, entry: Entry): Uint8Array {
  const known = converted.get(kind) ?? new WeakMap<Uint8Array, Uint8Array>()
  converted.set(kind, known)
  const found = known.get(entry.value)
  if (found !== undefined) return found
  const object = decodedObject(entry) as KubeObject as unknown as Draft
  const bytes = encodeObject(kind.stored?.fromStored(object) ?? object)
  known.set(entry.value, bytes)
  return bytes
}
