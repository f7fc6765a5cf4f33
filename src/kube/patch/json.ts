/**
 * JSON trees as patches see them. They are never changed in place: a changed tree shares what did not change with the
 * old one. Object spread with computed keys makes even a member named `__proto__` plain data.
 */

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member of that name; `undefined` when the object has none of its own. */
export function memberOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

export function withMember(object: JsonObject, name: string, value: unknown): JsonObject {
  return { ...object, [name]: value }
}

export function withoutMember(object: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = object
  return rest
}

/** Whether two JSON trees are equal; the order of members is of no account. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]))
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && jsonEqual(a[name], b[name]))
  )
}

/** Whether two objects have equal members, but for those of some names; a member that is `undefined` is none. */
export function equalBut(a: JsonObject, b: JsonObject, ignored: readonly string[]): boolean {
  const isGone = (object: JsonObject, name: string) => object[name] === undefined || ignored.includes(name)
  for (const name in a) if (!isGone(a, name) && !jsonEqual(a[name], memberOf(b, name))) return false
  for (const name in b) if (!isGone(b, name) && memberOf(a, name) === undefined) return false
  return true
}

/** A copy of a JSON tree that shares nothing with it; several times as fast as structuredClone(). */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyJson) as T
  const copy = { ...value } as Record<string, unknown>
  for (const name in copy) {
    const item = copy[name]
    if (typeof item === 'object' && item !== null) copy[name] = copyJson(item)
  }
  return copy as T
}

/** What a value is, in a word, for messages. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}
