import { isJsonObject } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'

const STEP = /\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/gy

/**
 * The `fieldPath` of a rule, as it goes behind the path of what the rule is about: `.a['b']` becomes `.a.b`, or `.a[b]`
 * where the schema has a map. `undefined` when the schema has no such field.
 */
export function rulePath(schema: JsonSchema, fieldPath: string): string | undefined {
  let [at, path]: [JsonSchema | undefined, string] = [schema, '']
  let read = 0
  for (const match of fieldPath.matchAll(STEP)) {
    const name = match[1] ?? (match[2] ?? '').replaceAll(/\\(.)/g, '$1')
    const isField: boolean = at?.properties !== undefined
    const next: unknown = isField ? at?.properties?.[name] : at?.additionalProperties
    if (!isJsonObject(next)) return undefined
    path += isField ? `.${name}` : `[${name}]`
    at = next as JsonSchema
    read += match[0].length
  }
  return read === fieldPath.length ? path : undefined
}
