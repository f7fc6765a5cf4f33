import { objectIn } from '../../kube/kinds/draft.ts'
import { readObject } from '../body.ts'
import { type DeleteOptions, deleteObject } from '../object-deletion.ts'
import { writeSettings } from '../query.ts'
import { jsonResponse } from '../request.ts'
import { placeOf } from '../resource-requests.ts'
import { methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `pods/eviction`: deletes the pod; there are no disruption budgets that could stand against it. */
export const handleEviction: SubresourceHandler = async (call) => {
  const { context, query, request } = call
  if (request.method !== 'POST') throw methodNotAllowed()
  const body = await readObject(await request.body(), request.headers['content-type'])
  const options = (objectIn(body, 'deleteOptions') ?? {}) as DeleteOptions
  await deleteObject(context, placeOf(call), { options, settings: writeSettings(query) })
  return jsonResponse(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}
