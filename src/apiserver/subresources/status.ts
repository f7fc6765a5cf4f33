import { getEntry } from '../object-storage.ts'
import { patch, placeOf, replace, shown } from '../resource-requests.ts'
import { methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `status`: shows the object, and changes nothing but its status. */
export const handleStatus: SubresourceHandler = async (call) => {
  switch (call.request.method) {
    case 'GET':
      return shown(call, getEntry(call.context, placeOf(call)), 200)
    case 'PUT':
      return replace(call, 'status')
    case 'PATCH':
      return patch(call, 'status')
    default:
      throw methodNotAllowed()
  }
}
