import type { FieldError } from '../kube/kind.ts'
import { invalid, notSupported, required, tooLong } from '../kube/validation/field-error.ts'
import { isPrintable } from '../kube/validation/go-quote.ts'
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

/** A whole number, also one below 0. @throws StatusError for anything else, in the words of Go's `strconv`. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const isNumber = /^[+-]?\d+$/.test(text)
  const value = Number(text)
  if (isNumber && Number.isSafeInteger(value)) return value
  const why = isNumber ? 'value out of range' : 'invalid syntax'
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`)
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
  const errors = kind === 'DeleteOptions' ? [] : managerProblems(query.get('fieldManager') ?? '')
  if (given.some((value) => value !== 'All')) errors.push(notSupported('dryRun', given, ['All']))
  const validation = query.get('fieldValidation') ?? ''
  if (kind !== 'DeleteOptions' && !VALIDATIONS.includes(validation)) {
    errors.push(notSupported('fieldValidation', validation, VALIDATIONS))
  }
  if (errors.length > 0) throw invalidOptions(kind, errors)
  return { dryRun: given.length > 0 }
}

/** Server-side apply must say who applies. @throws StatusError Invalid. */
export function requireManager(query: URLSearchParams): void {
  if (query.get('fieldManager')) return
  throw invalidOptions('PatchOptions', [required('fieldManager', 'is required for apply patch')])
}

const MANAGER_LIMIT = 128
const VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn']

/** meta/v1 `ValidateFieldManager`. */
function managerProblems(manager: string): FieldError[] {
  const errors: FieldError[] = []
  if (Buffer.byteLength(manager) > MANAGER_LIMIT) errors.push(tooLong('fieldManager', MANAGER_LIMIT))
  let position = 0
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
      errors.push(invalid('fieldManager', manager, `invalid character U+${code} (at position ${position})`))
    }
    position += Buffer.byteLength(character)
  }
  return errors
}
