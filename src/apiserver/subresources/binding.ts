import { formatTime } from '../../base/time.ts'
import type { Draft } from '../../kube/kind.ts'
import { objectIn } from '../../kube/kinds/draft.ts'
import { required } from '../../kube/validation/field-error.ts'
import { readObject } from '../body.ts'
import { updateObject } from '../object-storage.ts'
import { writeSettings } from '../query.ts'
import { type ApiResponse, jsonResponse } from '../request.ts'
import { type ObjectCall, placeOf, type ResourceCall } from '../resource-requests.ts'
import { badRequest, conflict, invalidObject, methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

const BINDING = { group: '', plural: 'bindings', kind: 'Binding' }

/** `pods/binding`: gives a pod its node. A pod that has one already, or that goes, is refused. */
export const handleBinding: SubresourceHandler = async (call) => {
  const { name, request } = call
  if (request.method !== 'POST') throw methodNotAllowed()
  const body = await readObject(await request.body(), request.headers['content-type'])
  const named = objectIn(body, 'metadata')?.name
  if (named && named !== name) throw badRequest('name in URL does not match name in Binding object')
  return bind(call, body)
}

/** `bindings`, the resource: the same, of the pod that the Binding is named after. */
export async function handleBindings(call: ResourceCall): Promise<ApiResponse> {
  const { namespace, request } = call
  if (request.method !== 'POST' || namespace === undefined) throw methodNotAllowed()
  const body = await readObject(await request.body(), request.headers['content-type'])
  const { name, namespace: given } = objectIn(body, 'metadata') ?? {}
  if (given && given !== namespace) throw badRequest(OTHER_NAMESPACE)
  if (typeof name !== 'string' || name === '') throw invalidObject(BINDING, '', [required('metadata.name')])
  return bind({ ...call, name }, body)
}

const OTHER_NAMESPACE = 'the namespace of the provided object does not match the namespace sent on the request'

async function bind(call: ObjectCall, body: Draft): Promise<ApiResponse> {
  const { context, kind, name, query } = call
  const target = objectIn(body, 'target')?.name
  if (typeof target !== 'string' || target === '') throw invalidObject(BINDING, name, [required('target.name')])
  const annotations = objectIn(objectIn(body, 'metadata') ?? {}, 'annotations') ?? {}
  await updateObject(context, placeOf(call), {
    part: 'internal',
    settings: writeSettings(query),
    change(present) {
      const pod = present()
      requireUnbound(pod, (why) => conflict(kind.resource, name, why))
      return bound(pod, { node: target, annotations, now: formatTime(context.clock.now()) })
    },
  })
  return jsonResponse(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}

function requireUnbound(pod: Draft, refuse: (why: string) => Error): void {
  const { name, deletionTimestamp } = pod.metadata as Draft
  const { nodeName } = pod.spec as Draft
  if (deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (nodeName) throw refuse(`pod ${name} is already assigned to node "${nodeName}"`)
}

interface Binding {
  readonly node: string
  readonly annotations: Draft
  /** RFC 3339. */
  readonly now: string
}

function bound(pod: Draft, { node, annotations, now }: Binding): Draft {
  const metadata = pod.metadata as Draft
  const status = (pod.status ?? {}) as Draft
  const conditions = (Array.isArray(status.conditions) ? status.conditions : []) as readonly Draft[]
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now }
  const all = { ...(metadata.annotations as Draft | undefined), ...annotations }
  return {
    ...pod,
    metadata: Object.keys(all).length === 0 ? metadata : { ...metadata, annotations: all },
    spec: { ...(pod.spec as Draft), nodeName: node },
    status: { ...status, conditions: [...conditions.filter(({ type }) => type !== 'PodScheduled'), scheduled] },
  }
}
