import type { Draft } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import type { KubeObject, ManagedFieldsEntry } from '../kube/types/meta.ts'
import { type Difference, differenceOf, type FieldTree, isEmptyTree, subtract, treeOf, union } from './field-tree.ts'

/** Who writes, as managedFields names it. */
export interface Manager {
  readonly name: string
  /** The request said so itself. Otherwise fields are only tracked on objects that already have managers. */
  readonly explicit: boolean
}

/** Metadata that nobody owns. */
const UNOWNED = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'generateName',
  'selfLink',
])

/** The manager of a request: its `fieldManager`, else the first word of its user agent. */
export function fieldManagerOf(query: URLSearchParams, userAgent: string | undefined): Manager {
  const given = query.get('fieldManager')
  if (given) return { name: given, explicit: true }
  return { name: (userAgent ?? 'unknown').split('/', 1)[0] || 'unknown', explicit: false }
}

/** The fields of an object that someone can own. */
export function ownedFields(object: object): Draft {
  const { apiVersion: _, kind: __, metadata, ...rest } = object as Draft
  const owned = Object.entries((metadata ?? {}) as Draft).filter(([name]) => !UNOWNED.has(name))
  return owned.length === 0 ? rest : { metadata: Object.fromEntries(owned), ...rest }
}

export interface Tracking {
  readonly kind: AnyKind
  readonly manager: Manager
  readonly subresource: string | undefined
  /** RFC 3339, seconds. */
  readonly time: string
}

/** Notes in `metadata.managedFields` of the draft what the write changed. */
export function trackWrite(draft: Draft, old: KubeObject | undefined, tracking: Tracking): void {
  const metadata = draft.metadata as Draft
  const base = baseEntries(metadata, old)
  if (!tracking.manager.explicit && base.length === 0) {
    delete metadata.managedFields
    return
  }
  const { kind } = tracking
  const difference =
    old === undefined
      ? { changed: treeOf(kind, ownedFields(draft), ''), removed: {} }
      : differenceOf(kind, ownedFields(old), ownedFields(draft))
  const entries = withDifference(base, difference, tracking)
  if (entries.length === 0) delete metadata.managedFields
  else metadata.managedFields = entries
}

/** What the write brings along, or what was there; `[{}]` forgets everything, as upstream has it. */
function baseEntries(metadata: Draft, old: KubeObject | undefined): readonly ManagedFieldsEntry[] {
  const given = metadata.managedFields as readonly ManagedFieldsEntry[] | undefined
  const kept = old?.metadata.managedFields ?? []
  if (given === undefined || given.length === 0) return kept
  if (given.length === 1 && Object.keys(given[0] ?? {}).length === 0) return []
  return given.every(({ manager, fieldsV1 }) => typeof manager === 'string' && fieldsV1 !== undefined) ? given : kept
}

function withDifference(
  base: readonly ManagedFieldsEntry[],
  { changed, removed }: Difference,
  tracking: Tracking,
): readonly ManagedFieldsEntry[] {
  const touched = union(changed, removed)
  if (isEmptyTree(touched)) return base
  const mine = base.find((entry) => isSame(entry, tracking, 'Update'))
  const others = base
    .filter((entry) => entry !== mine)
    .map((entry) => withFields(entry, subtract(fieldsOf(entry), touched)))
    .filter((entry) => !isEmptyTree(fieldsOf(entry)))
  const fields = union(subtract(mine === undefined ? {} : fieldsOf(mine), removed), changed)
  return isEmptyTree(fields) ? others : [...others, entryOf(tracking, 'Update', fields)]
}

/** The entry of one manager. */
export function entryOf(
  { kind, manager, subresource, time }: Tracking,
  operation: 'Apply' | 'Update',
  fields: FieldTree,
): ManagedFieldsEntry {
  return {
    manager: manager.name,
    operation,
    apiVersion: apiVersionOf(kind.resource),
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: fields as Record<string, unknown>,
    ...(subresource === undefined ? {} : { subresource }),
  }
}

export function isSame(
  entry: ManagedFieldsEntry,
  { kind, manager, subresource }: Tracking,
  operation: 'Apply' | 'Update',
): boolean {
  // What was applied by one version is left out by another; what was updated is told apart.
  const version = operation === 'Apply' || entry.apiVersion === apiVersionOf(kind.resource)
  return version && entry.manager === manager.name && entry.operation === operation && entry.subresource === subresource
}

export function fieldsOf(entry: ManagedFieldsEntry): FieldTree {
  return (entry.fieldsV1 ?? {}) as FieldTree
}

export function withFields(entry: ManagedFieldsEntry, fields: FieldTree): ManagedFieldsEntry {
  return { ...entry, fieldsV1: fields as Record<string, unknown> }
}
