import type { Draft } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import { conformToSchema, type Misfits } from '../kube/schema/conform.ts'
import { findKindMessage } from '../kube/schema/schema.ts'
import { JSON_TYPE, mediaTypeOf, repeatsFields } from './body.ts'
import { undeclaredFields } from './declared-fields.ts'
import { duplicateFields } from './duplicate-fields.ts'
import { badRequest } from './status-error.ts'

/** What a client sent, and how it wants that to be checked. */
export interface Sent {
  readonly query: URLSearchParams
  /** Left out where it is no text of its own: a patch. */
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string | undefined }
}

/**
 * Brings what a client sent into the shape of its kind. Unknown fields are dropped, and of those that stand twice the
 * last one counts; `fieldValidation=Strict` refuses both instead, `Warn` (the default) has them named in a warning,
 * `Ignore` keeps silent.
 *
 * @returns Texts of warnings. @throws StatusError
 */
export function validateFields(kind: AnyKind, draft: Draft, sent: Sent): readonly string[] {
  const { kind: title, version } = kind.resource
  const repeats = repeatsFields(draft)
  const { unknown, wrongType } = conform(kind, draft) ?? { unknown: [], wrongType: undefined }
  const cannot = `${title} in version "${version}" cannot be handled as a ${title}`
  if (wrongType !== undefined) throw badRequest(`${cannot}: ${wrongType}`)
  const mode = sent.query.get('fieldValidation') ?? 'Warn'
  if (mode === 'Ignore') return []
  const twice = (repeats ? duplicatesIn(sent) : []).filter((path) => !unknown.includes(path))
  const texts = [
    ...twice.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
  ]
  if (mode === 'Strict' && texts.length > 0) throw badRequest(`${cannot}: strict decoding error: ${texts.join(', ')}`)
  return texts
}

/**
 * The same for server-side apply, whose fields must all be known however they are to be checked: one that is not cannot
 * be owned. @throws StatusError
 */
export function validateApplied(kind: AnyKind, body: Draft, query: URLSearchParams): readonly string[] {
  const sent = { ...body }
  const { unknown = [], wrongType } = conform(kind, body) ?? {}
  if (unknown.length > 0 && wrongType === undefined) throw undeclaredFields(kind, sent, unknown)
  return validateFields(kind, body, { query })
}

/** In JSON alone: YAML that says something twice is refused when it is read, and protobuf has no such thing. */
function duplicatesIn({ body }: Sent): readonly string[] {
  if (body === undefined || mediaTypeOf(body.contentType) !== JSON_TYPE) return []
  return duplicateFields(Buffer.from(body.bytes).toString())
}

function conform(kind: AnyKind, draft: Draft): Misfits | undefined {
  if (kind.conform !== undefined) return kind.conform(draft)
  const message = findKindMessage(apiVersionOf(kind.resource), kind.resource.kind)
  return message === undefined ? undefined : conformToSchema(message, draft)
}

/** The header that carries warnings (RFC 9111's predecessor, 299 "miscellaneous persistent warning"), which kubectl prints. */
export function warningHeaders(warnings: readonly string[]): Readonly<Record<string, string>> {
  if (warnings.length === 0) return {}
  const quoted = warnings.slice(0, 20).map((text) => `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?'))}`)
  return { warning: quoted.join(', ') }
}
