import { ApiError, isForbidden } from '../kube/api-error.ts'

/** The API refused to create something because its namespace is being deleted: nothing to try again. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ApiError) || !isForbidden(error)) return false
  const { details, message = '' } = error.status
  const causes = details?.causes ?? []
  return causes.some(({ reason }) => reason === 'NamespaceTerminating') || message.includes('is being terminated')
}
