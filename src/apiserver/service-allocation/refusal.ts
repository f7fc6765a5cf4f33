import type { FieldError } from '../../kube/kind.ts'
import { internalError, StatusError } from '../status-error.ts'

/** Why a Service cannot have what it asks for: a field is to blame, or none. */
export type Refusal =
  | { readonly kind: 'refused'; readonly errors: readonly FieldError[] }
  | { readonly kind: 'failed'; readonly error: StatusError }

/** `undefined` when there is nothing to say. */
export function refusal(errors: readonly FieldError[]): Refusal | undefined {
  return errors.length === 0 ? undefined : { kind: 'refused', errors }
}

/** Nothing is left, which upstream calls its own fault (500, `InternalError`). */
export function failure(message: string): Refusal {
  return { kind: 'failed', error: internalError(message) }
}

/** An error that upstream gives no reason (500). */
export function unknownFailure(message: string): Refusal {
  return { kind: 'failed', error: new StatusError(500, '', message) }
}
