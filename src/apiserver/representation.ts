import type { AnyKind } from '../kube/registry.ts'
import type { Entry } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { versionedBytes } from './object-bytes.ts'
import { partialMetadata } from './partial-metadata.ts'
import { notAcceptable } from './status-error.ts'
import { tableOf } from './table.ts'

/** How objects are shown to a client. */
export type Form =
  | { readonly as: 'object' }
  /** Only metadata (PartialObjectMetadata). */
  | { readonly as: 'metadata' }
  /** Ready to print (meta/v1 Table); rows carry the metadata, the whole object or nothing. */
  | { readonly as: 'table'; readonly include: 'None' | 'Metadata' | 'Object' }

export const OBJECT_FORM: Form = { as: 'object' }

/** The first form in an Accept header that is served. @throws StatusError when there is none. */
export function acceptedForm(accept: string | undefined, includeObject: string | null): Form {
  if (accept === undefined || accept === '') return OBJECT_FORM
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3)
    if (as === undefined) return OBJECT_FORM
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'metadata' }
    if (as === 'Table') return { as: 'table', include: includedObject(includeObject) }
  }
  throw notAcceptable()
}

/** For answers that have no form but their own. @throws StatusError for who takes tables and metadata alone. */
export function requireObjectForm(accept: string | undefined): void {
  if (accept?.split(',').every((range) => /;\s*as=/.test(range)) === true) throw notAcceptable()
}

function includedObject(value: string | null): 'None' | 'Metadata' | 'Object' {
  return value === 'None' || value === 'Object' ? value : 'Metadata'
}

/** One object in the given form. */
export function showOne(kind: AnyKind, entry: Entry, form: Form, now: number): Uint8Array {
  switch (form.as) {
    case 'object':
      return versionedBytes(entry.value, entry.modRevision)
    case 'metadata':
      return Buffer.from(JSON.stringify(partialMetadata(decodedObject(entry))))
    case 'table': {
      const object = decodedObject(entry)
      const metadata = { resourceVersion: String(entry.modRevision) }
      return Buffer.from(JSON.stringify(tableOf(kind, [object], { metadata, include: form.include, now })))
    }
    default:
      return form satisfies never
  }
}
