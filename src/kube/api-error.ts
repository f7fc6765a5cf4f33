import { FairleadError } from '../base/error.ts'
import type { Status } from './types/meta.ts'

/** A refusal by the API server: code `API_REFUSED`, the server's message, and its Status. */
export class ApiError extends FairleadError {
  readonly status: Status

  constructor(status: Status) {
    super('API_REFUSED', status.message ?? status.reason ?? `The API server answered ${status.code}`)
    this.name = 'ApiError'
    this.status = status
  }
}

/** There is no such object (or no such resource). */
export function isNotFound(error: unknown): error is ApiError {
  return hasReason(error, 404, 'NotFound')
}

/** An object of that name exists. */
export function isAlreadyExists(error: unknown): error is ApiError {
  return hasReason(error, undefined, 'AlreadyExists')
}

/** The object was changed since it was read, or a precondition does not hold. */
export function isConflict(error: unknown): error is ApiError {
  return hasReason(error, 409, 'Conflict')
}

/** The resource version or the continue token is too old: list again. */
export function isGone(error: unknown): error is ApiError {
  return hasReason(error, 410, 'Expired', 'Gone')
}

/** The object is not valid; `status.details.causes` says which fields. */
export function isInvalid(error: unknown): error is ApiError {
  return hasReason(error, 422, 'Invalid')
}

export function isUnauthorized(error: unknown): error is ApiError {
  return hasReason(error, 401, 'Unauthorized')
}

export function isForbidden(error: unknown): error is ApiError {
  return hasReason(error, 403, 'Forbidden')
}

/** Such as an eviction that a disruption budget refuses for now. */
export function isTooManyRequests(error: unknown): error is ApiError {
  return hasReason(error, 429, 'TooManyRequests')
}

/** The reason decides; the code only where the server gave none. */
function hasReason(error: unknown, code: number | undefined, ...reasons: readonly string[]): error is ApiError {
  if (!(error instanceof ApiError)) return false
  const { reason = '', code: actual } = error.status
  return reason === '' || reason === 'Unknown' ? code !== undefined && actual === code : reasons.includes(reason)
}
