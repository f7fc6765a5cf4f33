import type { AnyKind } from '../kube/registry.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { Entry, StoreEvent } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { versionedBytes } from './object-bytes.ts'
import { partialMetadata } from './partial-metadata.ts'
import type { Form } from './representation.ts'
import type { Selection } from './selection.ts'
import type { StatusError } from './status-error.ts'
import { tableOf } from './table.ts'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** What a change of the store means to a watcher with a selection; `undefined`: nothing. */
export function eventTypeFor(event: StoreEvent, selection: Selection): EventType | undefined {
  const { entry, previous } = event
  const is = entry !== undefined && (selection.all || selection.matches(decodedObject(entry)))
  const was = previous !== undefined && (selection.all || selection.matches(decodedObject(previous)))
  if (is) return was ? 'MODIFIED' : 'ADDED'
  return was ? 'DELETED' : undefined
}

export interface Encoding {
  readonly kind: AnyKind
  readonly form: Form
  /** Whether tables carry their column definitions; clients print a header for each that does. */
  readonly headers: boolean
  readonly now: number
}

/** Encoded events, by change: every watcher of the same form is sent the same bytes. */
const encoded = new WeakMap<StoreEvent, Map<string, Uint8Array>>()

/** A change as one line of a watch. A deletion shows the last state with the version of the deletion. */
export function encodeChange(event: StoreEvent, type: EventType, encoding: Encoding): Uint8Array {
  const known = encoded.get(event) ?? new Map<string, Uint8Array>()
  const key = `${type} ${formKey(encoding)}`
  const found = known.get(key)
  if (found !== undefined) return found
  const shown = type === 'DELETED' ? event.previous : event.entry
  const bytes =
    shown === undefined ? Buffer.alloc(0) : encodeEvent(type, { ...shown, modRevision: event.revision }, encoding)
  known.set(key, bytes)
  encoded.set(event, known)
  return bytes
}

function formKey({ form, headers }: Encoding): string {
  return form.as === 'table' ? `table ${form.include} ${headers}` : form.as
}

const OPEN: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}
const CLOSE = Buffer.from('}\n')

/** One object as one line of a watch. */
export function encodeEvent(type: EventType, entry: Entry, encoding: Encoding): Uint8Array {
  return Buffer.concat([OPEN[type], encodeShown(entry, encoding), CLOSE])
}

function encodeShown(entry: Entry, { kind, form, headers, now }: Encoding): Uint8Array {
  if (form.as === 'object') return versionedBytes(entry.value, entry.modRevision)
  const object = atVersion(decodedObject(entry), entry.modRevision)
  if (form.as === 'metadata') return Buffer.from(JSON.stringify(partialMetadata(object)))
  const metadata = { resourceVersion: String(entry.modRevision) }
  const options = { metadata, include: form.include, now, headers, isOneOfMany: true }
  return Buffer.from(JSON.stringify(tableOf(kind, [object], options)))
}

function atVersion(object: KubeObject, revision: number): KubeObject {
  const resourceVersion = String(revision)
  if (object.metadata.resourceVersion === resourceVersion) return object
  return { ...object, metadata: { ...object.metadata, resourceVersion } }
}

/** A bookmark: nothing happened up to this version. */
export function encodeBookmark(
  kind: AnyKind,
  revision: number,
  { form, initialEnd }: { form: Form; initialEnd: boolean },
): Uint8Array {
  const annotations = initialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = { resourceVersion: String(revision), ...annotations }
  const { group, version, kind: title } = kind.resource
  const apiVersion = group === '' ? version : `${group}/${version}`
  const object =
    form.as === 'table'
      ? tableOf(kind, [], { metadata, include: 'None', now: 0, headers: false })
      : form.as === 'metadata'
        ? { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
        : { kind: title, apiVersion, metadata }
  return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
}

/** The last line of a watch that fails. */
export function encodeError(error: StatusError): Uint8Array {
  return Buffer.from(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`)
}
