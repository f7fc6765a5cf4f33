import type { Column, Draft } from '../../kube/kind.ts'
import { objectIn } from '../../kube/kinds/draft.ts'
import { ageColumn } from '../../kube/kinds/printing.ts'
import { apiVersionOf } from '../../kube/resource.ts'
import { formatLabelSelector, labelSelectorFrom } from '../../kube/selector.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import type { Entry } from '../../store/store.ts'
import { applyConfiguration } from '../apply.ts'
import { mediaTypeOf, readJson, readObject } from '../body.ts'
import { decodedObject } from '../decoded.ts'
import { fieldManagerOf } from '../managed-fields.ts'
import { getEntry, updateObject } from '../object-storage.ts'
import { APPLY_PATCH, applyPatch } from '../patch.ts'
import { flag, writeSettings } from '../query.ts'
import { acceptedForm } from '../representation.ts'
import { type ApiResponse, jsonResponse } from '../request.ts'
import { type ObjectCall, placeOf, readApplied } from '../resource-requests.ts'
import { invalidObject, methodNotAllowed } from '../status-error.ts'
import { tableOf } from '../table.ts'
import type { SubresourceHandler } from './subresource.ts'

/** `scale`: the replica count as autoscaling/v1 Scale, to read and to set. */
export const handleScale: SubresourceHandler = async (call) => {
  switch (call.request.method) {
    case 'GET':
      return shownScale(call, getEntry(call.context, placeOf(call)))
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
      const scale = change({ ...scaleOf(call, getEntry(context, placeOf(call))) })
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
  return shownScale(call, entry)
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
  return shownScale(call, entry)
}

interface Scale extends KubeObject {
  readonly spec: { readonly replicas: number }
  readonly status: { readonly replicas: number; readonly selector: string }
}

const PRINTED: { readonly columns: readonly Column<Scale>[] } = {
  columns: [
    {
      name: 'Desired',
      type: 'integer',
      description: 'How many instances are wanted.',
      cell: ({ spec }) => spec.replicas,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'How many instances there are.',
      cell: ({ status }) => status.replicas,
    },
    ageColumn,
  ],
}

function shownScale(call: ObjectCall, entry: Entry): ApiResponse {
  const { context, query, request } = call
  const scale = scaleOf(call, entry)
  const form = acceptedForm(request.headers.accept, query.get('includeObject'))
  if (form.as !== 'table') return jsonResponse(200, scale)
  const { resourceVersion = '' } = scale.metadata
  const options = { metadata: { resourceVersion }, include: form.include, now: context.clock.now() }
  return jsonResponse(200, tableOf(PRINTED, [scale], options))
}

function scaleOf({ kind }: ObjectCall, entry: Entry): Scale {
  const object = decodedObject(entry)
  const view = kind.scale?.(object)
  const { name, namespace, uid = '', creationTimestamp = '' } = object.metadata
  const resourceVersion = String(entry.modRevision)
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: view?.replicas ?? 0 },
    status: {
      replicas: view?.statusReplicas ?? 0,
      selector: view?.selectorText ?? formatLabelSelector(labelSelectorFrom(view?.selector)),
    },
  }
}
