import type { FieldError } from '../kind.ts'
import type { StatusCause } from '../types/meta.ts'
import { goQuote } from './go-quote.ts'

type FieldErrorType = FieldError['type']

interface Wording {
  /** `reason` of the Status cause. */
  readonly reason: string
  readonly text: string
  readonly showsValue: boolean
}

const WORDING: Record<FieldErrorType, Wording> = {
  Required: { reason: 'FieldValueRequired', text: 'Required value', showsValue: false },
  Invalid: { reason: 'FieldValueInvalid', text: 'Invalid value', showsValue: true },
  Duplicate: { reason: 'FieldValueDuplicate', text: 'Duplicate value', showsValue: true },
  Forbidden: { reason: 'FieldValueForbidden', text: 'Forbidden', showsValue: false },
  NotSupported: { reason: 'FieldValueNotSupported', text: 'Unsupported value', showsValue: true },
  NotFound: { reason: 'FieldValueNotFound', text: 'Not found', showsValue: true },
  TooLong: { reason: 'FieldValueTooLong', text: 'Too long', showsValue: false },
  TooMany: { reason: 'FieldValueTooMany', text: 'Too many', showsValue: true },
}

/** `Required value`, `Invalid value: "x": must be …`: a field error without its path, in upstream's words. */
export function fieldErrorBody(error: FieldError): string {
  const { text, showsValue } = WORDING[error.type]
  // Where there is no value at all, none is shown; one that is left out by the user is null.
  const value = showsValue && 'value' in error ? `: ${printValue(error.value)}` : ''
  return `${text}${value}${error.detail === '' ? '' : `: ${error.detail}`}`
}

/** The body behind its path. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`
}

/** The error as a cause in `status.details`. */
export function fieldErrorCause(error: FieldError): StatusCause {
  return { reason: WORDING[error.type].reason, message: fieldErrorBody(error), field: error.field }
}

function printValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value)
  return value === undefined ? 'null' : JSON.stringify(value)
}

export function required(field: string, detail = ''): FieldError {
  return { type: 'Required', field, detail }
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail }
}

export function duplicate(field: string, value: unknown): FieldError {
  return { type: 'Duplicate', field, value, detail: '' }
}

export function forbidden(field: string, detail: string): FieldError {
  return { type: 'Forbidden', field, detail }
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  return { type: 'NotSupported', field, value, detail: `supported values: ${quoted(supported)}` }
}

export function tooLong(field: string, limit: number): FieldError {
  return { type: 'TooLong', field, detail: `may not be more than ${limit} bytes` }
}

export function tooMany(field: string, count: number, limit: number): FieldError {
  return { type: 'TooMany', field, value: count, detail: `must have at most ${limit} items` }
}

function quoted(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ')
}

/** An error unless `value` is left out or one of `supported`. */
export function oneOf(field: string, value: unknown, supported: readonly string[]): FieldError[] {
  if (value === undefined || supported.some((each) => each === value)) return []
  return [notSupported(field, value, supported)]
}
