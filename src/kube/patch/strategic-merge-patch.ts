import { FairleadError } from '../../base/error.ts'
import type { MergeList } from '../kind.ts'
import { isJsonObject, type JsonObject, jsonEqual, jsonTypeName, memberOf } from './json.ts'
import { orderList } from './list-order.ts'

/** How the list at a path of field names (`spec.template.spec.containers`) is merged; `undefined`: it is replaced. */
export type MergeListFor = (path: string) => MergeList | undefined

/** A list of the patch with what the patch's object says about it in members of its own. */
interface ListPatch {
  readonly path: string
  readonly items: readonly unknown[]
  /** `$setElementOrder/<name>`: scalars, or objects with the merge key. Without it the order of `items` holds. */
  readonly order: readonly unknown[] | undefined
  /** `$deleteFromPrimitiveList/<name>` */
  readonly deletions: readonly unknown[]
}

const ORDER_PREFIX = '$setElementOrder/'
const DELETION_PREFIX = '$deleteFromPrimitiveList/'

/**
 * Applies a strategic merge patch and returns the new document; the given one stays as it is. Objects are merged,
 * `null` deletes, lists are merged or replaced as `mergeListFor` says. Directives: `$patch` (merge, replace, delete),
 * `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
 * Source: apimachinery `strategicpatch`, "Strategic Merge Patch" in the community's API conventions.
 *
 * @throws FairleadError `INVALID_INPUT` that names the path and what is wrong with the patch there.
 */
export function applyStrategicMergePatch(document: unknown, patch: unknown, mergeListFor: MergeListFor): unknown {
  if (!isJsonObject(patch)) throw refusal('', `found ${jsonTypeName(patch)}, expected object`)
  return mergeObject(isJsonObject(document) ? document : {}, patch, { path: '', mergeListFor })
}

interface Place {
  readonly path: string
  readonly mergeListFor: MergeListFor
}

function mergeObject(original: JsonObject, patch: JsonObject, place: Place): JsonObject {
  const directive = memberOf(patch, '$patch')
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge' && directive !== 'replace') {
    throw refusal(place.path, `$patch is ${JSON.stringify(directive)}, expected merge, replace or delete`)
  }
  const members = new Map(directive === 'replace' ? [] : Object.entries(retainedMembers(original, patch, place.path)))
  for (const name of patchedNames(patch)) {
    const value = memberOf(patch, name)
    if (value === null) members.delete(name)
    else setDefined(members, name, mergeMember(members.get(name), { name, value, patch, place }))
  }
  return Object.fromEntries(members)
}

interface MemberPatch {
  readonly name: string
  readonly value: unknown
  /** The object that has the member, and the directives about it. */
  readonly patch: JsonObject
  readonly place: Place
}

function mergeMember(original: unknown, { name, value, patch, place }: MemberPatch): unknown {
  const path = place.path === '' ? name : `${place.path}.${name}`
  const here = { ...place, path }
  if (isJsonObject(value)) return mergeObject(isJsonObject(original) ? original : {}, value, here)
  const order = listMember(patch, ORDER_PREFIX + name, path)
  const deletions = listMember(patch, DELETION_PREFIX + name, path) ?? []
  if (value !== undefined && !Array.isArray(value)) return value
  // Directives alone, without the list: there must be one to work on.
  if (value === undefined && !Array.isArray(original)) return original
  const rule = place.mergeListFor(path)
  if (rule === undefined) return value ?? original
  const listPatch = { path, items: value ?? [], order, deletions }
  return mergeList(Array.isArray(original) ? original : [], listPatch, { rule, place: here })
}

function mergeList(
  original: readonly unknown[],
  patch: ListPatch,
  { rule, place }: { readonly rule: MergeList; readonly place: Place },
): readonly unknown[] {
  const key = rule.patchKey ?? rule.keys[0]
  const merged =
    key === undefined ? mergeScalars(original, patch) : mergeItems(original, patch, { ...place, ...rule, key })
  const identity = (item: unknown) => (key !== undefined && isJsonObject(item) ? memberOf(item, key) : item)
  return orderList(merged, {
    wanted: (patch.order ?? patch.items).map(identity),
    before: original.map(identity),
    identity,
  })
}

function mergeScalars(original: readonly unknown[], { items, deletions }: ListPatch): readonly unknown[] {
  return [...new Set([...original, ...items])].filter((item) => !deletions.includes(item))
}

interface ItemRule extends MergeList, Place {
  /** Name of the field by which an item of the patch finds its item in the list. */
  readonly key: string
}

function mergeItems(original: readonly unknown[], { items, path }: ListPatch, rule: ItemRule): readonly unknown[] {
  const patches = items.map((item) => requireObject(item, path))
  const replaces = patches.some((item) => memberOf(item, '$patch') === 'replace')
  let merged: readonly unknown[] = replaces ? [] : original
  for (const item of patches) {
    const directive = memberOf(item, '$patch')
    if (directive === 'replace') continue
    if (memberOf(item, rule.key) === undefined) {
      throw refusal(path, `${JSON.stringify(item)} does not contain declared merge key: ${rule.key}`)
    }
    merged =
      directive === 'delete' ? merged.filter((old) => !sameMember(old, item, rule.key)) : mergeItem(merged, item, rule)
  }
  return merged
}

function mergeItem(list: readonly unknown[], item: JsonObject, rule: ItemRule): readonly unknown[] {
  const index = findItem(list, item, rule)
  const old = list[index]
  const merged = mergeObject(isJsonObject(old) ? old : {}, item, rule)
  return index === -1 ? [...list, merged] : list.with(index, merged)
}

/**
 * The item with the same merge key. Of several (port 53 for TCP and for UDP) the one that agrees in the other keys
 * that the patch gives; upstream takes the first and so overwrites the wrong one.
 */
function findItem(list: readonly unknown[], item: JsonObject, rule: ItemRule): number {
  const given = rule.keys.filter((key) => Object.hasOwn(item, key))
  const exact = list.findIndex((old) => [rule.key, ...given].every((key) => sameMember(old, item, key)))
  return exact === -1 ? list.findIndex((old) => sameMember(old, item, rule.key)) : exact
}

function sameMember(old: unknown, item: JsonObject, key: string): boolean {
  return isJsonObject(old) && Object.hasOwn(old, key) && jsonEqual(old[key], item[key])
}

/** `$retainKeys` lists the members that may stay; those of the patch must be among them. */
function retainedMembers(original: JsonObject, patch: JsonObject, path: string): JsonObject {
  const retained = listMember(patch, '$retainKeys', path)
  if (retained === undefined) return original
  const foreign = patchedNames(patch).find((name) => !retained.includes(name))
  if (foreign !== undefined) throw refusal(path, `the patch has "${foreign}", which its $retainKeys does not list`)
  return Object.fromEntries(Object.entries(original).filter(([name]) => retained.includes(name)))
}

/** Names of the members that the patch is about, directives resolved. */
function patchedNames(patch: JsonObject): readonly string[] {
  const names = Object.keys(patch).map((name) => {
    const prefix = [ORDER_PREFIX, DELETION_PREFIX].find((each) => name.startsWith(each)) ?? ''
    return name.slice(prefix.length)
  })
  return [...new Set(names)].filter((name) => name !== '$patch' && name !== '$retainKeys')
}

function listMember(patch: JsonObject, name: string, path: string): readonly unknown[] | undefined {
  const value = memberOf(patch, name)
  if (value === undefined || Array.isArray(value)) return value
  throw refusal(path, `${name} is a ${jsonTypeName(value)}, expected list`)
}

function requireObject(item: unknown, path: string): JsonObject {
  if (isJsonObject(item)) return item
  throw refusal(path, `the list has a ${jsonTypeName(item)}, expected objects`)
}

function setDefined(members: Map<string, unknown>, name: string, value: unknown): void {
  if (value !== undefined) members.set(name, value)
}

function refusal(path: string, detail: string): FairleadError {
  const place = path === '' ? '' : ` at ${path}`
  return new FairleadError('INVALID_INPUT', `Cannot apply strategic merge patch${place}: ${detail}`)
}
