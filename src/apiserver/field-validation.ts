import type { Draft } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import { conformToSchema, type Misfits } from '../kube/schema/conform.ts'
import { findKindMessage } from '../kube/schema/schema.ts'
import { badRequest } from './status-error.ts'

/**
 * Brings what a client sent into the shape of its kind. Unknown fields are dropped; `fieldValidation=Strict` refuses
 * them instead, `Warn` (the default) has them named in a warning, `Ignore` keeps silent.
 *
 * @returns Texts of warnings. @throws StatusError
 */
export function validateFields(kind: AnyKind, draft: Draft, query: URLSearchParams): readonly string[] {
  const { kind: title, version } = kind.resource
  const misfits = conform(kind, draft)
  if (misfits === undefined) return []
  const { unknown, wrongType } = misfits
  const cannot = `${title} in version "${version}" cannot be handled as a ${title}`
  if (wrongType !== undefined) throw badRequest(`${cannot}: ${wrongType}`)
  if (unknown.length === 0) return []
  const texts = unknown.map((path) => `unknown field ${JSON.stringify(path)}`)
  const mode = query.get('fieldValidation') ?? 'Warn'
  if (mode === 'Strict') throw badRequest(`${cannot}: strict decoding error: ${texts.join(', ')}`)
  return mode === 'Ignore' ? [] : texts
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
