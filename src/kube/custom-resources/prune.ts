import { fieldPath } from '../field-path.ts'
import { isJsonObject } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'

const ENVELOPE: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata'])

/**
 * Takes out of an object what its schema does not know, in place.
 *
 * @param root Whether it is a whole object, whose apiVersion, kind and metadata are not the schema's business.
 * @returns Paths of what was taken out.
 */
export function prune(schema: JsonSchema, value: unknown, root: boolean, path = ''): readonly string[] {
  if (Array.isArray(value)) {
    const { items } = schema
    if (items === undefined) return []
    return value.flatMap((item, index) => prune(items, item, false, `${path}[${index}]`))
  }
  if (!isJsonObject(value)) return []
  const whole = root || schema['x-kubernetes-embedded-resource'] === true
  return Object.keys(value).flatMap((name) => {
    if (whole && ENVELOPE.has(name)) return []
    return pruneField(schema, value as Record<string, unknown>, name, fieldPath(path, name))
  })
}

function pruneField(
  schema: JsonSchema,
  object: Record<string, unknown>,
  ...[name, at]: readonly [string, string]
): readonly string[] {
  const { properties = {}, additionalProperties } = schema
  if (Object.hasOwn(properties, name)) return prune(properties[name] ?? {}, object[name], false, at)
  if (isJsonObject(additionalProperties)) return prune(additionalProperties, object[name], false, at)
  if (additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true) return []
  delete object[name]
  return [at]
}
