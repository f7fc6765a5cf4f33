import type { Draft } from '../../kube/kind.ts'
import { validateNamespaceFinalizers } from '../../kube/kinds/namespace.ts'
import type { Namespace } from '../../kube/types/core.ts'
import { readObject } from '../body.ts'
import { validateFields } from '../field-validation.ts'
import { alignWithUrl } from '../object-meta.ts'
import { updateObject } from '../object-storage.ts'
import { writeSettings } from '../query.ts'
import { placeOf, shown } from '../resource-requests.ts'
import { invalidObject, methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `namespaces/finalize`: sets `spec.finalizers`; a namespace that is being deleted goes with the last of them. */
export const handleFinalize: SubresourceHandler = async (call) => {
  const { context, kind, name, query, request } = call
  if (request.method !== 'PUT') throw methodNotAllowed()
  const body = await readObject(await request.body(), request.headers['content-type'])
  alignWithUrl(kind, body, { namespace: undefined, name })
  validateFields(kind, body, { query })
  const errors = validateNamespaceFinalizers((body as unknown as Namespace).spec?.finalizers)
  if (errors.length > 0) throw invalidObject(kind.resource, name, errors)
  const { resourceVersion } = body.metadata as Draft
  const { entry } = await updateObject(context, placeOf(call), {
    part: 'internal',
    settings: writeSettings(query),
    change(present) {
      const namespace = present()
      const metadata = {
        ...(namespace.metadata as Draft),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      }
      return { ...namespace, metadata, spec: body.spec ?? {} }
    },
  })
  return shown(call, entry, 200)
}
