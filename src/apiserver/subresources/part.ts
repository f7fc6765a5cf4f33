import { getEntry } from '../object-storage.ts'
import { patch, placeOf, replace, shown } from '../resource-requests.ts'
import { methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/**
 * A subresource that is a part of the object: shows all of it, and changes nothing else. `status`; of pods
 * `ephemeralcontainers` (containers that are added to look into one that runs) and `resize` (cpu and memory of those that
 * it has).
 */
export function handlePart(part: 'status' | 'ephemeralcontainers' | 'resize'): SubresourceHandler {
  return async (call) => {
    switch (call.request.method) {
      case 'GET':
        return shown(call, getEntry(call.context, placeOf(call)), 200)
      case 'PUT':
        return replace(call, part)
      case 'PATCH':
        return patch(call, part)
      default:
        throw methodNotAllowed()
    }
  }
}
