import { isJsonObject } from './json.ts'

/**
 * Applies a JSON merge patch (RFC 7386) and returns the new document: `null` deletes a member, objects are merged,
 * everything else replaces. The given document stays as it is.
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const members = new Map(isJsonObject(document) ? Object.entries(document) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name)
    else members.set(name, applyMergePatch(members.get(name), value))
  }
  return Object.fromEntries(members)
}
