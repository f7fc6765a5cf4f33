import { FairleadError } from '../base/error.ts'
import type { KubeObject } from '../kube/types/meta.ts'

/**
 * How objects lie in the store: compact JSON that begins with `{"kind":…,"apiVersion":…,"metadata":{` and has no
 * resourceVersion, since that is the revision of the very write. It is spliced in when the bytes are sent, so that a
 * read needs no parsing.
 */

const METADATA = Buffer.from('"metadata":{')
const decoder = new TextDecoder()

/** The bytes to store. `metadata` must have at least one field besides `resourceVersion`. */
export function encodeObject(object: Readonly<Record<string, unknown>>): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object
  const { resourceVersion: _, ...stored } = (metadata ?? {}) as Record<string, unknown>
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: stored, ...rest }))
}

/** Where the resourceVersion goes, and the text to put there. */
export interface Splice {
  readonly at: number
  readonly text: string
}

/** @throws FairleadError `STORE_FAILED` when the bytes are not those of {@link encodeObject}. */
export function spliceVersion(bytes: Uint8Array, revision: number): Splice {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 400)).indexOf(METADATA)
  if (at < 0)
    throw new FairleadError('STORE_FAILED', 'Cannot read an object: its bytes have no metadata where it belongs')
  return { at: at + METADATA.length, text: `"resourceVersion":"${revision}",` }
}

/** The object as clients get it: the stored bytes with `metadata.resourceVersion`. */
export function versionedBytes(bytes: Uint8Array, revision: number): Buffer {
  const { at, text } = spliceVersion(bytes, revision)
  const out = Buffer.allocUnsafe(bytes.byteLength + text.length)
  out.set(bytes.subarray(0, at), 0)
  out.write(text, at, 'latin1')
  out.set(bytes.subarray(at), at + text.length)
  return out
}

/** Parses stored bytes; `metadata.resourceVersion` is the given revision. */
export function decodeObject(bytes: Uint8Array, revision: number): KubeObject {
  const object = JSON.parse(decoder.decode(bytes)) as KubeObject
  ;(object.metadata as { resourceVersion: string }).resourceVersion = String(revision)
  return object
}
