import { isFairleadError } from '../base/error.ts'
import { formatTime } from '../base/time.ts'
import type { Draft } from '../kube/kind.ts'
import { resizedSpec } from '../kube/kinds/pod-resize-validation.ts'
import { copyJson, equalBut } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import { namespaces } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { validateObjectMeta } from '../kube/validation/object-meta.ts'
import type { Compare, Entry, Operation } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import { decodedObject, freshObject } from './decoded.ts'
import { type Manager, type Tracking, trackWrite } from './managed-fields.ts'
import { objectKey } from './object-key.ts'
import { stampNew, stampUpdate } from './object-meta.ts'
import {
  alreadyExists,
  badRequest,
  conflict,
  invalidObject,
  nameConflict,
  namespaceTerminating,
  notFound,
  StatusError,
} from './status-error.ts'
import { keyOfKind, servedEntry, storedBytes } from './stored-form.ts'
import type { HookResult, PendingWrite, WriteHook } from './write-hook.ts'

/** How often a write is tried again that lost against another one. */
const ATTEMPTS = 10
/** How many names are made up from `generateName`, as upstream. */
const GENERATED_ATTEMPTS = 8

type Plan = Extract<HookResult, { readonly kind: 'plan' }>

/** Names an object of a kind. */
export interface ObjectPlace {
  readonly kind: AnyKind
  readonly namespace: string | undefined
  readonly name: string
}

export interface WriteSettings {
  /** Everything but the writing is done. */
  readonly dryRun: boolean
  /** Looks at what would be stored and may refuse it, by throwing StatusError. */
  readonly admit?: (object: Draft, old: KubeObject | undefined) => void
}

export interface CreateRequest {
  readonly draft: Draft
  /** Who is noted as the one who set the fields; left out: the draft already says. */
  readonly manager?: Manager
  readonly settings: WriteSettings
}

/** What a change is about: the whole object, or the part that a subresource stands for. */
export type UpdatePart = 'main' | 'status' | 'ephemeralcontainers' | 'resize' | 'internal'

export interface UpdateRequest {
  readonly part: UpdatePart
  /** What the one who changed the fields is noted with, where that is not the part. */
  readonly subresource?: string
  /** Who is noted as the one who changed the fields; left out: `change` sees to it. */
  readonly manager?: Manager
  readonly settings: WriteSettings
  /**
   * Makes the new object, if need be from the present one, of which it gets a copy of its own. Called again when another
   * write came between; a `metadata.resourceVersion` in the result that is not the present one ends it with Conflict.
   */
  change(present: () => Draft): Draft
}

/** @throws StatusError NotFound. */
export function getEntry({ store }: ApiContext, { kind, namespace, name }: ObjectPlace): Entry {
  const entry = store.get(keyOfKind(kind, namespace, name))
  if (entry === undefined) throw notFound(kind.resource, name)
  return servedEntry(kind, entry)
}

/** Stores a new object. @throws StatusError AlreadyExists, Invalid, Forbidden (the namespace goes), NotFound (it is not there). */
export async function createObject(
  context: ApiContext,
  kind: AnyKind,
  { draft, manager, settings }: CreateRequest,
): Promise<Entry> {
  const metadata = draft.metadata as Draft
  if (metadata.resourceVersion !== undefined)
    throw badRequest('resourceVersion should not be set on objects to be created')
  const generated = !metadata.name && metadata.generateName !== undefined
  let taken = 0
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (generated) delete metadata.name
    stampNew(kind, metadata, context)
    await kind.load?.(draft)
    const settled = settleDraft(context, kind, { draft, old: undefined, part: 'main' })
    settings.admit?.(settled.object, undefined)
    if (manager !== undefined) trackWrite(settled.asked, undefined, trackingOf(context, kind, manager, 'main'))
    const { namespace, name } = metadata as { namespace: string | undefined; name: string }
    const key = keyOfKind(kind, namespace, name)
    const compares = [{ key, modRevision: 0 }, ...requireNamespace(context, kind, namespace, name)]
    if (context.store.get(key) !== undefined) {
      if (!generated) throw alreadyExists(kind.resource, name)
      if (++taken === GENERATED_ATTEMPTS) throw nameConflict(kind.resource, name)
      continue
    }
    const stored = await commit(
      context,
      kind,
      { operation: 'create', object: settled.object, old: undefined },
      { key, compares, settings, planned: settled.planned },
    )
    if (stored !== undefined) return stored
  }
  throw conflict(kind.resource, String(metadata.name ?? metadata.generateName), 'too many writers at once, try again')
}

/** Changes a stored object. The result is `undefined` when the change was what a deletion waited for: the object is gone. */
export async function updateObject(
  context: ApiContext,
  place: ObjectPlace,
  request: UpdateRequest,
): Promise<{ readonly entry: Entry; readonly gone: boolean }> {
  const { kind, namespace, name } = place
  const key = keyOfKind(kind, namespace, name)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = getEntry(context, place)
    const old = decodedObject(entry)
    const draft = mergeParts(
      kind,
      request.change(() => freshObject(entry) as unknown as Draft),
      {
        entry,
        part: request.part,
      },
    )
    requireSameObject(kind, draft, old)
    keepManagers(draft, old)
    stampUpdate(kind, draft, old)
    await kind.load?.(draft)
    const { object, asked, planned } = settleDraft(context, kind, { draft, old, part: request.part })
    if (isUnchanged(object, old)) return { entry, gone: false }
    request.settings.admit?.(object, old)
    if (request.manager !== undefined) {
      const tracking = trackingOf(context, kind, request.manager, request.part)
      trackWrite(asked, old, { ...tracking, subresource: request.subresource ?? tracking.subresource })
    }
    const gone = mayGo(kind, object)
    const compares = [{ key, modRevision: entry.modRevision }]
    const done = { key, compares, settings: request.settings, planned: gone ? undefined : planned }
    const write: PendingWrite = { operation: gone ? 'delete' : 'update', object, old }
    const stored = await commit(context, kind, write, done)
    if (stored !== undefined) return { entry: stored, gone }
  }
  throw conflict(kind.resource, name)
}

/** A write that says nothing about managers keeps them. */
function keepManagers(draft: Draft, old: KubeObject): void {
  const metadata = draft.metadata as Draft
  const { managedFields } = old.metadata
  if (managedFields !== undefined) metadata.managedFields ??= managedFields
}

function trackingOf(context: ApiContext, kind: AnyKind, ...[manager, part]: readonly [Manager, UpdatePart]): Tracking {
  return { kind, manager, subresource: part === 'main' ? undefined : part, time: formatTime(context.clock.now()) }
}

/** Whether nothing holds a deleted object any more. */
export function mayGo(kind: AnyKind, draft: Draft): boolean {
  const metadata = draft.metadata as Draft
  if (metadata.deletionTimestamp === undefined) return false
  const held = Array.isArray(metadata.finalizers) && metadata.finalizers.length > 0
  if (held || Number(metadata.deletionGracePeriodSeconds ?? 0) > 0) return false
  return kind.resource.plural !== 'namespaces' || namespaceFinalizers(draft).length === 0
}

/** `spec.finalizers` of a Namespace. */
export function namespaceFinalizers(draft: Draft): readonly unknown[] {
  const spec = draft.spec as Draft | undefined
  return Array.isArray(spec?.finalizers) ? spec.finalizers : []
}

interface CommitTarget {
  readonly key: string
  readonly compares: readonly Compare[]
  readonly settings: WriteSettings
  /** What the kind's allocator has said already. */
  readonly planned?: Plan | undefined
}

/** Writes with what the kind's hook adds. `undefined`: a compare was lost, so all has to be thought over again. */
export async function commit(
  context: ApiContext,
  kind: AnyKind,
  write: PendingWrite,
  target: CommitTarget,
): Promise<Entry | undefined> {
  const { store } = context
  const planned = target.planned ?? planOf(kind, write, hookOf(context, kind, write.operation))
  const value = storedBytes(kind, target.planned === undefined ? (planned?.draft ?? write.object) : write.object)
  const main: Operation =
    write.operation === 'delete' ? { type: 'delete', key: target.key } : { type: 'put', key: target.key, value }
  const present = store.get(target.key)
  const served = (revision: number) => servedEntry(kind, entryOf(target.key, value, revision))
  if (target.settings.dryRun) return served(present?.modRevision ?? 0)
  const result = await store.transact(
    [...target.compares, ...(planned?.compares ?? [])],
    [main, ...(planned?.operations ?? [])],
  )
  if (!result.committed) return undefined
  planned?.committed?.()
  return served(result.revision)
}

function entryOf(key: string, value: Uint8Array, revision: number): Entry {
  return { key, value, createRevision: revision, modRevision: revision }
}

function hookOf({ hooks, allocators }: ApiContext, kind: AnyKind, operation: PendingWrite['operation']) {
  const { plural } = kind.resource
  return hooks.get(plural) ?? (operation === 'delete' ? allocators.get(plural) : undefined)
}

/** @throws StatusError what the hook has against the write. */
function planOf(kind: AnyKind, write: PendingWrite, hook: WriteHook | undefined): Plan | undefined {
  const result = hook?.(write)
  if (result?.kind === 'refused') {
    throw invalidObject(kind.resource, String((write.object.metadata as Draft).name), result.errors)
  }
  if (result?.kind === 'failed') throw result.error
  return result
}

interface Written {
  readonly draft: Draft
  readonly old: KubeObject | undefined
  readonly part: UpdatePart
}

interface Settled {
  /** What is to be stored. */
  readonly object: Draft
  /** What of it the user has asked for; it has the same metadata. */
  readonly asked: Draft
  readonly planned: Plan | undefined
}

/** Fills in, completes from pools, empties and checks a draft before it is stored. @throws StatusError Invalid. */
function settleDraft(context: ApiContext, kind: AnyKind, { draft, old, part }: Written): Settled {
  if (part === 'internal') return { object: draft, asked: draft, planned: undefined }
  const name = String((draft.metadata as Draft).name ?? '')
  const allocator = part === 'main' ? context.allocators.get(kind.resource.plural) : undefined
  return withoutShapeErrors(kind, name, () => {
    kind.default?.(draft)
    const operation = old === undefined ? 'create' : 'update'
    const planned = planOf(kind, { operation, object: draft, old }, allocator)
    const object = planned?.draft ?? draft
    kind.prepare?.(object, old)
    const checked = object as unknown as KubeObject
    const errors = [
      ...validateObjectMeta(kind, checked.metadata, old?.metadata),
      ...(kind.validate?.(checked, old, part) ?? []),
    ]
    if (errors.length > 0) throw invalidObject(kind.resource, name, errors)
    if (planned === undefined) return { object, asked: object, planned }
    return { object, asked: old === undefined ? withoutStatus(draft) : draft, planned }
  })
}

function withoutStatus({ status: _, ...rest }: Draft): Draft {
  return rest
}

/**
 * A rule that meets a value of a type it does not expect fails with TypeError, one that meets an amount that cannot be
 * read with `INVALID_INPUT`: then the object is no such kind.
 */
function withoutShapeErrors<T>(kind: AnyKind, name: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    const isUnreadable = isFairleadError(error, 'INVALID_INPUT')
    if (!(error instanceof TypeError) && !isUnreadable) throw error
    const { kind: title, version } = kind.resource
    const why = isUnreadable ? error.message : `a field of "${name}" has the wrong type`
    throw badRequest(`${title} in version "${version}" cannot be handled as a ${title}: ${why}`)
  }
}

interface Present {
  readonly entry: Entry
  readonly part: UpdatePart
}

/** Takes from a change only what its part may change. */
function mergeParts(kind: AnyKind, changed: Draft, { entry, part }: Present): Draft {
  if (part === 'internal' || !kind.subresources?.includes('status')) return changed
  if (part === 'main') {
    const { status: _, ...rest } = changed
    const { status } = decodedObject(entry) as KubeObject & { readonly status?: unknown }
    return status === undefined ? rest : { ...rest, status: copyJson(status) }
  }
  const present = freshObject(entry) as unknown as Draft
  if (part === 'ephemeralcontainers') return withEphemeral(present, changed)
  if (part === 'resize') return withResources(present, changed)
  return { ...present, metadata: metadataWithStatus(kind, present, changed), status: changed.status }
}

function metadataWithStatus({ statusKeeps }: AnyKind, present: Draft, changed: Draft): Draft {
  if (statusKeeps === 'metadata') return meantMetadata(present, changed)
  const { ownerReferences, labels } = present.metadata as Draft
  return { ...(changed.metadata as Draft), ownerReferences, ...(statusKeeps === 'labels' ? { labels } : {}) }
}

function withEphemeral(present: Draft, changed: Draft): Draft {
  const { ephemeralContainers } = (changed.spec ?? {}) as Draft
  const spec = { ...(present.spec as Draft), ephemeralContainers }
  return { ...present, metadata: meantMetadata(present, changed), spec }
}

/** Of a change that adds, removes or renames containers nothing is left out: it is refused for that. */
function withResources(present: Draft, changed: Draft): Draft {
  const spec = resizedSpec(present.spec as Draft, (changed.spec ?? {}) as Draft)
  return spec === undefined ? changed : { ...present, metadata: meantMetadata(present, changed), spec }
}

/** Of the metadata, what says which object in which version is meant, and who has changed it. */
function meantMetadata(present: Draft, changed: Draft): Draft {
  const { uid, resourceVersion, managedFields } = changed.metadata as Draft
  return { ...(present.metadata as Draft), uid, resourceVersion, managedFields }
}

function requireSameObject(kind: AnyKind, draft: Draft, old: KubeObject): void {
  const { uid, resourceVersion } = draft.metadata as Draft
  const { name } = old.metadata
  if (typeof uid === 'string' && uid !== old.metadata.uid) {
    throw conflict(kind.resource, name, uidPrecondition(uid, old.metadata.uid))
  }
  if (resourceVersion !== undefined && resourceVersion !== '0' && resourceVersion !== old.metadata.resourceVersion) {
    if (!/^\d+$/.test(String(resourceVersion))) {
      throw invalidObject(kind.resource, name, [
        {
          type: 'Invalid',
          field: 'metadata.resourceVersion',
          value: resourceVersion,
          detail: 'must be an unsigned integer',
        },
      ])
    }
    throw conflict(kind.resource, name)
  }
}

/** Why a write is refused that means another object of the same name; in upstream's words. */
export function uidPrecondition(wanted: unknown, present: string | undefined): string {
  return `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${present}`
}

function isUnchanged(draft: Draft, old: KubeObject): boolean {
  return (
    equalBut(draft, old as unknown as Draft, ['metadata']) &&
    equalBut(draft.metadata as Draft, old.metadata as unknown as Draft, ['resourceVersion'])
  )
}

/** The namespace of a new object must be there and stay: its version is compared with the write. */
function requireNamespace(
  context: ApiContext,
  kind: AnyKind,
  namespace: string | undefined,
  name: string,
): readonly Compare[] {
  if (!kind.resource.namespaced || namespace === undefined) return []
  const key = objectKey(namespaces, undefined, namespace)
  const entry = context.store.get(key)
  if (entry === undefined) throw notFound(namespaces, namespace)
  if (decodedObject(entry).metadata.deletionTimestamp !== undefined) {
    throw namespaceTerminating(kind.resource, name, namespace)
  }
  return [{ key, modRevision: entry.modRevision }]
}

/** Whether an error says that the object is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 404
}
