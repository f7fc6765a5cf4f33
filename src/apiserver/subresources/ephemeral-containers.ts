import { getEntry } from '../object-storage.ts'
import { patch, placeOf, replace, shown } from '../resource-requests.ts'
import { methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `pods/ephemeralcontainers`: adds containers to a pod that runs, to look into it; nothing else of it changes. */
export const handleEphemeralContainers: SubresourceHandler = async (call) => {
  switch (call.request.method) {
    case 'GET':
      return shown(call, getEntry(call.context, placeOf(call)), 200)
    case 'PUT':
      return replace(call, 'ephemeralcontainers')
    case 'PATCH':
      return patch(call, 'ephemeralcontainers')
    default:
      throw methodNotAllowed()
  }
}
