import { formatTime } from '../base/time.ts'
import { fieldPath } from '../kube/field-path.ts'
import type { Draft } from '../kube/kind.ts'
import { copyJson, isJsonObject, type JsonObject, memberOf } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import type { ManagedFieldsEntry } from '../kube/types/meta.ts'
import { required } from '../kube/validation/field-error.ts'
import type { Entry } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import {
  differenceOf,
  type FieldTree,
  intersect,
  isEmptyTree,
  listSteps,
  pathsOf,
  subtract,
  treeOf,
  union,
  withOwners,
} from './field-tree.ts'
import { entryOf, fieldsOf, isSame, type Manager, ownedFields, type Tracking, withFields } from './managed-fields.ts'
import { alignWithUrl } from './object-meta.ts'
import {
  createObject,
  isNotFound,
  type ObjectPlace,
  type UpdatePart,
  updateObject,
  type WriteSettings,
} from './object-storage.ts'
import { invalidOptions } from './query.ts'
import { badRequest, conflict, StatusError } from './status-error.ts'

export interface ApplyRequest {
  readonly part: UpdatePart
  /** What owners of the fields are noted with, where that is not the part. */
  readonly subresource?: string
  readonly body: Draft
  readonly manager: Manager
  readonly managerGiven: boolean
  /** Take fields over from their managers. */
  readonly force: boolean
  readonly settings: WriteSettings
  /** Asked before an object is made that is not there yet; may throw. */
  readonly mayCreate?: () => void
}

/**
 * Server-side apply: the object gets the fields of the body, loses those that this manager applied before and now left
 * out, unless others own them, and the manager is noted as their owner. @throws StatusError Conflict naming each owner.
 */
export async function applyConfiguration(
  context: ApiContext,
  place: ObjectPlace,
  request: ApplyRequest,
): Promise<{ readonly entry: Entry; readonly created: boolean }> {
  const { kind, namespace, name } = place
  const { body, manager, part, settings } = request
  if (!isJsonObject(body)) throw badRequest('the applied configuration is no object')
  if (!request.managerGiven)
    throw invalidOptions('PatchOptions', [required('fieldManager', 'is required for apply patch')])
  alignWithUrl(kind, body, { namespace, name })
  if ((body.metadata as Draft).managedFields !== undefined) throw badRequest('metadata.managedFields must be nil')
  const subresource = request.subresource ?? (part === 'main' ? undefined : part)
  const tracking: Tracking = { kind, manager, subresource, time: formatTime(context.clock.now()) }
  try {
    const change = (present: () => Draft) => applied(present(), tracking, request)
    return { entry: (await updateObject(context, place, { part, settings, change })).entry, created: false }
  } catch (error) {
    if (!isNotFound(error) || subresource !== undefined) throw error
  }
  request.mayCreate?.()
  const { uid } = body.metadata as Draft
  if (uid !== undefined) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
    throw conflict(kind.resource, name, why)
  }
  const draft = copyJson(body)
  const fields = treeOf(kind, ownedFields(body), '')
  ;(draft.metadata as Draft).managedFields = [entryOf(tracking, 'Apply', fields)]
  return { entry: await createObject(context, kind, { draft, settings }), created: true }
}

function applied(present: Draft, tracking: Tracking, { body, force }: ApplyRequest): Draft {
  const { kind } = tracking
  const entries = ((present.metadata as Draft).managedFields ?? []) as readonly ManagedFieldsEntry[]
  const mine = entries.find((entry) => isSame(entry, tracking, 'Apply'))
  const others = entries.filter((entry) => entry !== mine)
  const fields = treeOf(kind, ownedFields(body), '')
  const merged = merge(kind, present, copyJson(body), '') as Draft
  const { changed } = differenceOf(kind, ownedFields(present), ownedFields(merged))
  const kept = settleConflicts(others, changed, { kind, force })
  const ownedByOthers = kept.reduce<FieldTree>((all, entry) => union(all, fieldsOf(entry)), {})
  const dropped = subtract(mine === undefined ? {} : fieldsOf(mine), withOwners(union(fields, ownedByOthers)))
  removeFields(kind, merged, dropped, '')
  const unchanged = mine !== undefined && JSON.stringify(fieldsOf(mine)) === JSON.stringify(fields)
  const entry = unchanged ? mine : entryOf(tracking, 'Apply', fields)
  // Who owns nothing is not named.
  const own = isEmptyTree(fields) ? [] : [entry]
  const place = mine === undefined ? kept.length : Math.min(entries.indexOf(mine), kept.length)
  ;(merged.metadata as Draft).managedFields = kept.toSpliced(place, 0, ...own)
  return merged
}

function settleConflicts(
  others: readonly ManagedFieldsEntry[],
  changed: FieldTree,
  { kind, force }: { readonly kind: AnyKind; readonly force: boolean },
): readonly ManagedFieldsEntry[] {
  const disputed = others.map((entry) => ({ entry, fields: intersect(changed, fieldsOf(entry)) }))
  const conflicts = disputed.filter(({ fields }) => !isEmptyTree(fields))
  if (conflicts.length > 0 && !force) throw applyConflict(kind, conflicts)
  return disputed
    .map(({ entry, fields }) => (isEmptyTree(fields) ? entry : withFields(entry, subtract(fieldsOf(entry), fields))))
    .filter((entry) => !isEmptyTree(fieldsOf(entry)))
}

function applyConflict(
  kind: AnyKind,
  conflicts: readonly { entry: ManagedFieldsEntry; fields: FieldTree }[],
): StatusError {
  const sorted = conflicts.toSorted((a, b) => compareTexts(identityOf(a.entry), identityOf(b.entry)))
  const byOwner = sorted.map(({ entry, fields }) => ({ owner: ownerText(entry), paths: pathsOf(fields) }))
  const causes = byOwner.flatMap(({ owner, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })),
  )
  const [first] = causes
  const text =
    causes.length === 1 && first !== undefined
      ? `${first.message}: ${first.field}`
      : byOwner
          .map(({ owner, paths }) => [`conflicts with ${owner}:`, ...paths.map((each) => `- ${each}`)].join('\n'))
          .join('\n')
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`
  const group = kind.resource.group === '' ? {} : { group: kind.resource.group }
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${text}`, { ...group, causes })
}

/** Who owns a field, as upstream prints them: of what was applied the version does not count. */
function ownerText({ manager, subresource, operation, apiVersion }: ManagedFieldsEntry): string {
  const name = `${JSON.stringify(manager)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}`
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}

function identityOf({ manager, operation, apiVersion, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, apiVersion, subresource])
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** The present value with what the body has laid over it. */
function merge(kind: AnyKind, present: unknown, body: unknown, path: string): unknown {
  if (isJsonObject(present) && isJsonObject(body)) {
    const out: Draft = { ...present }
    for (const [name, value] of Object.entries(body)) {
      if (value === null) continue
      const before = memberOf(present, name)
      out[name] = before === undefined ? value : merge(kind, before, value, fieldPath(path, name))
    }
    return out
  }
  if (Array.isArray(present) && Array.isArray(body)) return mergeLists(kind, present, body, path)
  return body
}

function mergeLists(
  kind: AnyKind,
  present: readonly unknown[],
  body: readonly unknown[],
  path: string,
): readonly unknown[] {
  const before = listSteps(kind, present, path)
  const now = listSteps(kind, body, path)
  if (before === undefined || now === undefined) return body
  const out = new Map(before)
  for (const [step, item] of now) out.set(step, before.has(step) ? merge(kind, before.get(step), item, path) : item)
  return [...out.values()]
}

/** Takes fields out of a value, in place. */
function removeFields(kind: AnyKind, value: unknown, tree: FieldTree, path: string): void {
  if (Array.isArray(value)) {
    removeItems(kind, value, tree, path)
    return
  }
  if (!isJsonObject(value)) return
  const draft = value as JsonObject as Draft
  for (const [step, inner] of Object.entries(tree)) {
    const name = step.slice(2)
    if (!step.startsWith('f:') || memberOf(draft, name) === undefined) continue
    if (isEmptyTree(inner)) delete draft[name]
    else removeFields(kind, draft[name], inner, fieldPath(path, name))
  }
}

function removeItems(kind: AnyKind, list: unknown[], tree: FieldTree, path: string): void {
  const items = listSteps(kind, list, path)
  if (items === undefined) return
  for (const [step, inner] of Object.entries(tree)) {
    const item = items.get(step)
    if (item === undefined) continue
    if (isEmptyTree(inner) || inner['.'] !== undefined) items.delete(step)
    else removeFields(kind, item, inner, path)
  }
  list.splice(0, list.length, ...items.values())
}
