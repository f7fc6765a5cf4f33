import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { Draft } from '../../kube/kind.ts'
import { objectIn } from '../../kube/kinds/draft.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { readObject } from '../body.ts'
import { decodedObject } from '../decoded.ts'
import { type DeleteOptions, deleteObject } from '../object-deletion.ts'
import { getEntry, type ObjectPlace, updateObject, type WriteSettings } from '../object-storage.ts'
import { writeSettings } from '../query.ts'
import { jsonResponse } from '../request.ts'
import { placeOf, type ResourceCall } from '../resource-requests.ts'
import { badRequest, methodNotAllowed, StatusError } from '../status-error.ts'
import { budgetsFor, canIgnoreBudgets, isUnguarded, takeDisruption } from './disruption-budget.ts'
import type { SubresourceHandler } from './subresource.ts'

type Context = ResourceCall['context']

const SEVERAL = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'

interface Eviction {
  readonly place: ObjectPlace
  readonly options: DeleteOptions
  readonly settings: WriteSettings
}

/**
 * `pods/eviction`: deletes the pod, unless its disruption budget stands against it: then 429, with upstream's words
 * (`pkg/registry/core/pod/storage/eviction.go`).
 */
export const handleEviction: SubresourceHandler = async (call) => {
  const { context, name, query, request } = call
  if (request.method !== 'POST') throw methodNotAllowed()
  const body = await readObject(await request.body(), request.headers['content-type'])
  if (objectIn(body, 'metadata')?.name !== name) {
    throw badRequest('name in URL does not match name in Eviction object')
  }
  const given = objectIn(body, 'deleteOptions') ?? {}
  const inBody = Array.isArray(given.dryRun) && given.dryRun.includes('All')
  const settings = { dryRun: writeSettings(query).dryRun || inBody }
  const eviction = { place: placeOf(call), options: given as DeleteOptions, settings }
  const pod = decodedObject(getEntry(context, eviction.place)) as Pod
  if (!canIgnoreBudgets(pod)) await requireBudget(context, pod, settings)
  await evict(context, eviction)
  return jsonResponse(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 })
}

/** @throws StatusError TooManyRequests while the budget allows no disruption. */
async function requireBudget(context: Context, pod: Pod, settings: WriteSettings): Promise<void> {
  const [budget, ...more] = budgetsFor(context.store, pod)
  if (more.length > 0) throw new StatusError(500, '', SEVERAL)
  if (budget === undefined || isUnguarded(pod, budget)) return
  const kind = context.kinds.find('policy', 'v1', 'poddisruptionbudgets')
  if (kind === undefined) return
  const { namespace, name } = budget.metadata
  await updateObject(
    context,
    { kind, namespace, name },
    {
      part: 'internal',
      settings,
      change: (present) => takeDisruption(present(), pod.metadata.name, context.clock.now()),
    },
  )
}

/** Says why the pod goes, so that its controller need not count it as a failure, and deletes what was said that of. */
async function evict(context: Context, { place, options, settings }: Eviction): Promise<void> {
  if (settings.dryRun) {
    await deleteObject(context, place, { options, settings })
    return
  }
  requireUid(context, place, options)
  const { entry } = await updateObject(context, place, {
    part: 'internal',
    settings,
    change: (present) => markedForDisruption(present(), context.clock.now()),
  })
  const { resourceVersion = '' } = decodedObject(entry).metadata
  const preconditions = { ...options.preconditions, resourceVersion }
  await deleteObject(context, place, { options: { ...options, preconditions }, settings })
}

/** A pod that is not the one that was meant is not touched at all. */
function requireUid(context: Context, place: ObjectPlace, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = decodedObject(getEntry(context, place)).metadata
  const wanted = preconditions ?? {}
  const conflictOf = (what: string, asked: string, is: string | undefined) => {
    const { plural } = place.kind.resource
    const message = `Operation cannot be fulfilled on ${plural} "${place.name}": the ${what} in the precondition (${asked}) does not match the ${what} in record (${is}). The object might have been deleted and then recreated`
    return new StatusError(409, 'Conflict', message, { name: place.name, kind: plural })
  }
  if (wanted.uid !== undefined && wanted.uid !== uid) throw conflictOf('UID', wanted.uid, uid)
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    throw conflictOf('ResourceVersion', wanted.resourceVersion, resourceVersion)
  }
}

function markedForDisruption(pod: Draft, now: number): Draft {
  const status = (pod.status ?? {}) as Draft
  const conditions = status.conditions as readonly Condition[] | undefined
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  } as const
  const known = findCondition(conditions, condition.type)?.status === 'True'
  const next = setCondition(conditions, condition, now)
  return known && next === conditions ? pod : { ...pod, status: { ...status, conditions: next } }
}
