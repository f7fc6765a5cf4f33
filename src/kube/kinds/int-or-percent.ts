import type { FieldError } from '../kind.ts'
import { invalid } from '../validation/field-error.ts'

/** A number of pods, or how many of a hundred. */
export type IntOrPercent = number | string

const NO_PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

/** Upstream `ValidatePositiveIntOrPercent`. */
export function validateIntOrPercent(field: string, value: IntOrPercent | undefined): readonly FieldError[] {
  if (value === undefined) return []
  if (typeof value === 'string') return /^[0-9]+%$/.test(value) ? [] : [invalid(field, value, NO_PERCENT)]
  return value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []
}

/** Upstream `IsNotMoreThan100Percent`. */
export function notMoreThanAll(field: string, value: IntOrPercent | undefined): readonly FieldError[] {
  if (typeof value !== 'string' || intOrPercentValue(value) <= 100) return []
  return [invalid(field, value, 'must not be greater than 100%')]
}

/** The number that it says, also where that is per cent; 0 for what is neither. */
export function intOrPercentValue(value: IntOrPercent): number {
  if (typeof value === 'number') return value
  return /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : 0
}
