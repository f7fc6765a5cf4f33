import type { FieldError } from '../kube/kind.ts'
import { notSupported, tooLong } from '../kube/validation/field-error.ts'
import type { WriteSettings } from './object-storage.ts'
import { badRequest, invalidObject, type StatusError } from './status-error.ts'

/**
 * A flag is on when it is there, unless its value is `0` or `false` in any case: clients in Python send `True`.
 * Source: k8s.io/apimachinery `Convert_Slice_string_To_bool`
 */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== '0' && value.toLowerCase() !== 'false'
}

/** A whole number of at least 0. @throws StatusError for anything else. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw badRequest(`invalid value for query parameter ${name}: ${JSON.stringify(text)} is no whole number`)
}

/** Which of meta/v1's options a request carries. */
export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions'

/** Options of a request that are none, as upstream refuses them. */
export function invalidOptions(kind: OptionsKind, errors: readonly FieldError[]): StatusError {
  return invalidObject({ group: 'meta.k8s.io', plural: '', kind }, '', errors)
}

/**
 * How a write is to be done.
 *
 * @param inBody What DeleteOptions in the body say of `dryRun`. @throws StatusError Invalid.
 */
export function writeSettings(
  query: URLSearchParams,
  kind: OptionsKind = 'UpdateOptions',
  inBody: unknown = undefined,
): WriteSettings {
  const given = [...query.getAll('dryRun').filter((value) => value !== ''), ...(Array.isArray(inBody) ? inBody : [])]
  const errors = given.some((value) => value !== 'All') ? [notSupported('dryRun', given, ['All'])] : []
  const manager = query.get('fieldManager') ?? ''
  if (Buffer.byteLength(manager) > MANAGER_LIMIT) errors.push(tooLong('fieldManager', MANAGER_LIMIT))
  if (errors.length > 0) throw invalidOptions(kind, errors)
  return { dryRun: given.length > 0 }
}

const MANAGER_LIMIT = 128
