import type { Draft } from '../kind.ts'

/** Sets a field that is absent or null. */
export function setDefault(draft: Draft, field: string, value: unknown): void {
  if (draft[field] === undefined || draft[field] === null) draft[field] = value
}

/** Sets a field that is absent or says nothing: for upstream an empty text and a zero are no values. */
export function setEmpty(draft: Draft, field: string, value: unknown): void {
  if (!draft[field]) draft[field] = value
}

/** The object in a field; an empty one is put there when there is none. */
export function ensureObject(draft: Draft, field: string): Draft {
  const existing = objectIn(draft, field)
  if (existing !== undefined) return existing
  const made: Draft = {}
  if (draft[field] === undefined || draft[field] === null) draft[field] = made
  return made
}

/** The object in a field, if there is one. */
export function objectIn(draft: Draft, field: string): Draft | undefined {
  const value = draft[field]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Draft) : undefined
}

/** The objects in a list field; what is no object is passed over. */
export function objectsIn(draft: Draft, field: string): readonly Draft[] {
  const value = draft[field]
  if (!Array.isArray(value)) return []
  return value.filter((item): item is Draft => typeof item === 'object' && item !== null && !Array.isArray(item))
}
