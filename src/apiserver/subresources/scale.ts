import type { Draft } from '../../kube/kind.ts'
import { objectIn } from '../../kube/kinds/draft.ts'
import { apiVersionOf } from '../../kube/resource.ts'
import { formatLabelSelector, labelSelectorFrom } from '../../kube/selector.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { applyConfiguration } from '../apply.ts'
import { mediaTypeOf, readJson, readObject } from '../body.ts'
import { decodedObject } from '../decoded.ts'
import { fieldManagerOf } from '../managed-fields.ts'
import { getEntry, updateObject } from '../object-storage.ts'
import { APPLY_PATCH, applyPatch } from '../patch.ts'
import { flag, writeSettings } from '../query.ts'
import { type ApiResponse, jsonResponse } from '../request.ts'
import { type ObjectCall, placeOf, readApplied } from '../resource-requests.ts'
import { invalidObject, methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `scale`: the replica count as autoscaling/v1 Scale, to read and to set. */
export const handleScale: SubresourceHandler = async (call) => {
  switch (call.request.method) {
    case 'GET':
      return jsonResponse(200, scaleOf(call, getEntry(call.context, placeOf(call))))
    case 'PUT': {
      const body = await readObject(await call.request.body(), call.request.headers['content-type'])
      return setReplicas(call, () => body)
    }
    case 'PATCH': {
      const type = mediaTypeOf(call.request.headers['content-type'])
      if (type === APPLY_PATCH) return applyReplicas(call)
      const body = readJson(await call.request.body())
      return setReplicas(call, (scale) => applyPatch(call.kind, scale, { type, body }))
    }
    default:
      throw methodNotAllowed()
  }
}

async function setReplicas(call: ObjectCall, change: (scale: Draft) => Draft): Promise<ApiResponse> {
  const { context, kind, name, query, request } = call
  const { entry } = await updateObject(context, placeOf(call), {
    part: 'main',
    subresource: 'scale',
    manager: fieldManagerOf(query, request.headers['user-agent']),
    settings: writeSettings(query),
    change(read) {
      const present = read()
      const scale = change(scaleOf(call, getEntry(context, placeOf(call))))
      const replicas = objectIn(scale, 'spec')?.replicas ?? 0
      const { resourceVersion } = objectIn(scale, 'metadata') ?? {}
      requireCount(name, replicas)
      const metadata = { ...(present.metadata as Draft), ...(resourceVersion ? { resourceVersion } : {}) }
      if (kind.setScale === undefined) return { ...present, metadata, spec: { ...(present.spec as Draft), replicas } }
      const draft = { ...present, metadata }
      kind.setScale(draft, Number(replicas))
      return draft
    },
  })
  return jsonResponse(200, scaleOf({ ...call, kind }, entry))
}

/** @throws StatusError Invalid. */
function requireCount(name: string, replicas: unknown): void {
  if (Number.isInteger(replicas) && Number(replicas) >= 0) return
  const error = invalid('spec.replicas', replicas, 'must be greater than or equal to 0')
  throw invalidObject({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, name, [error])
}

/** A Scale that is applied owns the one field of the object that it stands for. */
async function applyReplicas(call: ObjectCall): Promise<ApiResponse> {
  const { context, kind, name, query, request } = call
  const scale = await readApplied(await request.body())
  const { replicas } = objectIn(scale, 'spec') ?? {}
  const body: Draft = { apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind, metadata: { name } }
  if (replicas !== undefined) {
    requireCount(name, replicas)
    if (kind.setScale === undefined) body.spec = { replicas }
    else kind.setScale(body, Number(replicas))
  }
  const { entry } = await applyConfiguration(context, placeOf(call), {
    part: 'main',
    subresource: 'scale',
    body,
    manager: fieldManagerOf(query, request.headers['user-agent']),
    managerGiven: query.has('fieldManager'),
    force: flag(query, 'force'),
    settings: writeSettings(query, 'PatchOptions'),
  })
  return jsonResponse(200, scaleOf(call, entry))
}

function scaleOf({ kind }: ObjectCall, entry: Entry): Draft {
  const object = decodedObject(entry)
  const view = kind.scale?.(object)
  const { name, namespace, uid, creationTimestamp } = object.metadata
  const resourceVersion = String(entry.modRevision)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: view?.replicas ?? 0 },
    status: {
      replicas: view?.statusReplicas ?? 0,
      selector: view?.selectorText ?? formatLabelSelector(labelSelectorFrom(view?.selector)),
    },
  }
}
