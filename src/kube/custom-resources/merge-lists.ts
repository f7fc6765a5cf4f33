import { fieldPath } from '../field-path.ts'
import type { MergeList } from '../kind.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'

/** How the lists of a schema merge, by path: those that say that they are sets or maps. */
export function mergeListsOf(schema: JsonSchema, path = ''): Readonly<Record<string, MergeList>> {
  const own: Record<string, MergeList> = {}
  const type = schema['x-kubernetes-list-type']
  if (type === 'set') own[path] = { keys: [] }
  if (type === 'map') own[path] = { keys: schema['x-kubernetes-list-map-keys'] ?? [] }
  const items = schema.items === undefined ? {} : mergeListsOf(schema.items, path)
  const inner = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    mergeListsOf(property, fieldPath(path, name)),
  )
  return Object.assign(own, items, ...inner)
}
