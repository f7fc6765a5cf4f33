import { formatTime } from '../base/time.ts'
import type { Draft } from '../kube/kind.ts'
import type { Entry } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import { decodedObject, freshObject } from './decoded.ts'
import { commit, getEntry, mayGo, type ObjectPlace, type WriteSettings } from './object-storage.ts'
import { conflict } from './status-error.ts'

/** meta/v1 DeleteOptions, as far as they are heeded. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  /** An older way to say `Orphan`, or not. */
  readonly orphanDependents?: boolean
  readonly dryRun?: readonly string[]
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export interface Deletion {
  readonly entry: Entry
  /** False: the object is marked, and goes when its finalizers or its grace are done with. */
  readonly gone: boolean
}

const ATTEMPTS = 10

/** Deletes an object, or marks it when a finalizer or its grace holds it. @throws StatusError NotFound, Conflict. */
export async function deleteObject(
  context: ApiContext,
  place: ObjectPlace,
  { options, settings }: { readonly options: DeleteOptions; readonly settings: WriteSettings },
): Promise<Deletion> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = getEntry(context, place)
    requirePreconditions(place, entry, options)
    const marked = mark(place, entry, options, context.clock.now())
    const gone = mayGo(place.kind, marked)
    const old = decodedObject(entry)
    if (!gone && isMarked(old.metadata, marked)) return { entry, gone: false }
    const target = { key: entry.key, compares: [{ key: entry.key, modRevision: entry.modRevision }], settings }
    const stored = await commit(
      context,
      place.kind,
      { operation: gone ? 'delete' : 'update', object: marked, old },
      target,
    )
    if (stored !== undefined) return { entry: stored, gone }
  }
  throw conflict(place.kind.resource, place.name)
}

function requirePreconditions({ kind, name }: ObjectPlace, entry: Entry, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = decodedObject(entry).metadata
  const wanted = preconditions ?? {}
  // As upstream: here alone the kind is named, not the resource.
  const named = { ...kind.resource, plural: kind.resource.kind }
  if (wanted.uid !== undefined && wanted.uid !== uid) {
    const why = `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`
    throw conflict(named, name, why)
  }
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`
    throw conflict(named, name, why)
  }
}

/** The object as a deletion marks it: when it goes, and what it waits for. */
function mark({ kind }: ObjectPlace, entry: Entry, options: DeleteOptions, now: number): Draft {
  const draft = freshObject(entry) as unknown as Draft
  const metadata = draft.metadata as Draft
  const grace = kind.deletionGrace?.(decodedObject(entry), options.gracePeriodSeconds) ?? 0
  const before = metadata.deletionTimestamp === undefined ? undefined : Number(metadata.deletionGracePeriodSeconds ?? 0)
  if (before === undefined || grace < before) {
    metadata.deletionTimestamp = formatTime(now + grace * 1000)
    metadata.deletionGracePeriodSeconds = grace
    if (before === undefined && typeof metadata.generation === 'number') metadata.generation++
  }
  if (before === undefined) kind.announceDeletion?.(draft, now)
  metadata.finalizers = withPropagation(metadata.finalizers, options)
  if (kind.resource.plural === 'namespaces') draft.status = { ...(draft.status as Draft), phase: 'Terminating' }
  return draft
}

/** Foreground deletion and orphaning are finalizers, which the garbage collector takes off when it is done. */
function withPropagation(finalizers: unknown, options: DeleteOptions): readonly string[] | undefined {
  const isSaid = options.propagationPolicy !== undefined || options.orphanDependents !== undefined
  const kept = (Array.isArray(finalizers) ? (finalizers as readonly string[]) : []).filter(
    (name) => !isSaid || (name !== 'foregroundDeletion' && name !== 'orphan'),
  )
  const orphan = options.propagationPolicy === 'Orphan' || options.orphanDependents === true
  const added = orphan ? ['orphan'] : options.propagationPolicy === 'Foreground' ? ['foregroundDeletion'] : []
  const all = [...kept, ...added]
  return all.length === 0 ? undefined : all
}

function isMarked(
  before: { readonly deletionTimestamp?: string; readonly finalizers?: readonly string[] },
  marked: Draft,
): boolean {
  const now = marked.metadata as Draft
  return (
    before.deletionTimestamp === now.deletionTimestamp &&
    JSON.stringify(before.finalizers) === JSON.stringify(now.finalizers)
  )
}
