import { copyJson, isJsonObject } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'

/** Fills in the defaults of a schema, in place. `null` where none may be is the same as left out. */
export function applyDefaults(schema: JsonSchema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(schema.items, item)
    return
  }
  if (!isJsonObject(value)) return
  const object = value as Record<string, unknown>
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const absent = object[name] === undefined || (object[name] === null && property.nullable !== true)
    if (absent && property.default !== undefined) object[name] = copyJson(property.default)
    applyDefaults(property, object[name])
  }
  const { additionalProperties } = schema
  if (!isJsonObject(additionalProperties)) return
  for (const [name, item] of Object.entries(object)) {
    if (schema.properties?.[name] === undefined) applyDefaults(additionalProperties, item)
  }
}

/** Whether a schema has any. */
export function hasDefaults({ properties = {}, items, additionalProperties, default: own }: JsonSchema): boolean {
  if (own !== undefined || (items !== undefined && hasDefaults(items))) return true
  if (isJsonObject(additionalProperties) && hasDefaults(additionalProperties)) return true
  return Object.values(properties).some(hasDefaults)
}
