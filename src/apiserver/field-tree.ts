import { fieldPath } from '../kube/field-path.ts'
import { isJsonObject, type JsonObject, jsonEqual, memberOf } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import { mergeListOf } from './patch.ts'

/**
 * A set of fields of an object, as FieldsV1 of managedFields writes it: `f:` a field, `k:` an item of a list by its
 * keys, `v:` a value of a set; `.` the thing itself beside its parts. Without parts, `{}` is the thing itself.
 */
export type FieldTree = { readonly [step: string]: FieldTree }

/** Maps that are owned as one, as upstream's types say (`mapType=atomic`, `structType=atomic`). */
const ATOMIC = /(^spec\.selector|\.nodeSelector|KeyRef|\.fieldRef|\.resourceFieldRef|\.targetRef|\.claimRef)$/

const LEAF: FieldTree = {}
const SELF = '.'

export function isEmptyTree(tree: FieldTree): boolean {
  return Object.keys(tree).length === 0
}

/** Everything that a value has. @param path Field names so far, e.g. `spec.ports`. */
export function treeOf(kind: AnyKind, value: unknown, path: string): FieldTree {
  if (isJsonObject(value) && !ATOMIC.test(path)) return treeOfMap(kind, value, path)
  if (!Array.isArray(value)) return LEAF
  const items = listSteps(kind, value, path)
  if (items === undefined) return LEAF
  return Object.fromEntries(
    [...items].map(([step, item]) => [
      step,
      step.startsWith('k:') ? { [SELF]: LEAF, ...treeOf(kind, item, path) } : LEAF,
    ]),
  )
}

function treeOfMap(kind: AnyKind, value: JsonObject, path: string): FieldTree {
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && field !== null)
  return Object.fromEntries(fields.map(([name, field]) => [`f:${name}`, treeOf(kind, field, fieldPath(path, name))]))
}

/** The items of a list that merges by keys or is a set, by their steps; `undefined`: the list is one value. */
export function listSteps(kind: AnyKind, list: readonly unknown[], path: string): Map<string, unknown> | undefined {
  const merge = mergeListOf(kind, path)
  if (merge === undefined) return undefined
  const steps = new Map<string, unknown>()
  for (const item of list) {
    if (merge.keys.length === 0) steps.set(`v:${JSON.stringify(item)}`, item)
    else if (isJsonObject(item)) steps.set(keyStep(merge.keys, item), item)
    else return undefined
  }
  return steps
}

function keyStep(keys: readonly string[], item: JsonObject): string {
  const key = [...keys].sort().map((name) => [name, item[name] ?? (name === 'protocol' ? 'TCP' : undefined)])
  return `k:${JSON.stringify(Object.fromEntries(key))}`
}

function hasSelf(tree: FieldTree): boolean {
  return isEmptyTree(tree) || tree[SELF] !== undefined
}

function parts(tree: FieldTree): FieldTree {
  const { [SELF]: _, ...rest } = tree
  return rest
}

function build(self: boolean, children: FieldTree): FieldTree | undefined {
  if (isEmptyTree(children)) return self ? LEAF : undefined
  return self ? { [SELF]: LEAF, ...children } : children
}

/** What is in either. */
export function union(a: FieldTree, b: FieldTree): FieldTree {
  const out: Record<string, FieldTree> = { ...a }
  for (const [step, tree] of Object.entries(b)) {
    const mine = memberOf(a, step) as FieldTree | undefined
    if (mine === undefined) out[step] = tree
    else if (step !== SELF) out[step] = build(hasSelf(mine) || hasSelf(tree), union(parts(mine), parts(tree))) ?? LEAF
  }
  return out
}

/** The fields, and those that they lie in: what has an owned part is not gone (`EnsureNamedFieldsAreMembers`). */
export function withOwners(tree: FieldTree): FieldTree {
  if (isEmptyTree(tree)) return tree
  const inner = Object.entries(parts(tree)).map(([step, each]) => [step, withOwners(each)] as const)
  return { [SELF]: LEAF, ...Object.fromEntries(inner) }
}

/** What is in `a` but not in `b`. */
export function subtract(a: FieldTree, b: FieldTree): FieldTree {
  return combine(a, b, (mine, theirs) => mine && !theirs, subtract, true)
}

/** What is in both. */
export function intersect(a: FieldTree, b: FieldTree): FieldTree {
  return combine(a, b, (mine, theirs) => mine && theirs, intersect, false)
}

function combine(
  a: FieldTree,
  b: FieldTree,
  ...[self, descend, keepAlone]: readonly [
    (mine: boolean, theirs: boolean) => boolean,
    (a: FieldTree, b: FieldTree) => FieldTree,
    boolean,
  ]
): FieldTree {
  const out: Record<string, FieldTree> = {}
  for (const [step, mine] of Object.entries(a)) {
    const theirs = memberOf(b, step) as FieldTree | undefined
    if (theirs === undefined) {
      if (keepAlone) out[step] = mine
      continue
    }
    const left = build(self(hasSelf(mine), hasSelf(theirs)), descend(parts(mine), parts(theirs)))
    if (left !== undefined) out[step] = left
  }
  return out
}

export interface Difference {
  /** Fields that are new or have another value. */
  readonly changed: FieldTree
  /** Fields that are no more. */
  readonly removed: FieldTree
}

/** How two versions of a value differ. */
export function differenceOf(kind: AnyKind, before: unknown, after: unknown, path = ''): Difference {
  const pairs = childPairs(kind, before, after, path)
  const changed: Record<string, FieldTree> = {}
  const removed: Record<string, FieldTree> = {}
  for (const { step, old, now, at } of pairs) {
    if (now === undefined || now === null) {
      if (old !== undefined && old !== null) removed[step] = stepTree(kind, step, old, at)
    } else if (old === undefined || old === null) changed[step] = stepTree(kind, step, now, at)
    else if (!jsonEqual(old, now)) {
      if (!divides(kind, old, now, at)) {
        changed[step] = LEAF
        continue
      }
      const inner = differenceOf(kind, old, now, at)
      if (!isEmptyTree(inner.changed)) changed[step] = inner.changed
      if (!isEmptyTree(inner.removed)) removed[step] = inner.removed
    }
  }
  return { changed, removed }
}

interface Pair {
  readonly step: string
  readonly old: unknown
  readonly now: unknown
  readonly at: string
}

function childPairs(kind: AnyKind, before: unknown, after: unknown, path: string): readonly Pair[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const old = listSteps(kind, before, path) ?? new Map<string, unknown>()
    const now = listSteps(kind, after, path) ?? new Map<string, unknown>()
    return [...new Set([...old.keys(), ...now.keys()])].map((step) => ({
      step,
      old: old.get(step),
      now: now.get(step),
      at: path,
    }))
  }
  const old = isJsonObject(before) ? before : {}
  const now = isJsonObject(after) ? after : {}
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].map((name) => ({
    step: `f:${name}`,
    old: memberOf(old, name),
    now: memberOf(now, name),
    at: fieldPath(path, name),
  }))
}

/** Whether a change inside a value is told field by field. */
function divides(kind: AnyKind, old: unknown, now: unknown, path: string): boolean {
  if (Array.isArray(old) && Array.isArray(now)) {
    return listSteps(kind, old, path) !== undefined && listSteps(kind, now, path) !== undefined
  }
  return isJsonObject(old) && isJsonObject(now) && !ATOMIC.test(path)
}

function stepTree(kind: AnyKind, step: string, value: unknown, at: string): FieldTree {
  if (step.startsWith('v:')) return LEAF
  const tree = treeOf(kind, value, at)
  return step.startsWith('k:') ? { [SELF]: LEAF, ...tree } : tree
}

/** Each field on its own, as messages name it: `.spec.ports[port=80,protocol="TCP"].targetPort`. */
export function pathsOf(tree: FieldTree, prefix = ''): readonly string[] {
  if (isEmptyTree(tree)) return [prefix]
  return Object.entries(tree).flatMap(([step, inner]) =>
    step === SELF ? [prefix] : pathsOf(inner, `${prefix}${stepText(step)}`),
  )
}

/** A step as messages name it. */
export function stepText(step: string): string {
  const text = step.slice(2)
  if (step.startsWith('f:')) return `.${text}`
  if (step.startsWith('v:')) return `[=${text}]`
  const keys = Object.entries(JSON.parse(text) as JsonObject)
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
}
