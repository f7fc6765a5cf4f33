import type { FieldError, KindDefinition } from '../kind.ts'
import { configMaps } from '../resource.ts'
import type { ConfigMap } from '../types/core.ts'
import { forbidden, invalid } from '../validation/field-error.ts'
import { dataKeyProblems } from '../validation/names.ts'
import { ageColumn } from './printing.ts'

const SIZE_LIMIT = 1024 * 1024

/** v1 ConfigMap. */
export const configMapKind: KindDefinition<ConfigMap> = {
  resource: configMaps,
  listKind: 'ConfigMapList',
  singular: 'configmap',
  shortNames: ['cm'],
  validate: (map, old) => [...validateImmutable(map, old), ...validateData(map)],
  columns: [
    {
      name: 'Data',
      type: 'string',
      description: 'Number of entries.',
      cell: (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    },
    ageColumn,
  ],
}

function validateData(map: ConfigMap): readonly FieldError[] {
  const data = map.data ?? {}
  const binary = map.binaryData ?? {}
  const keys = [
    ...Object.keys(data).flatMap((key) => dataKeyProblems(key).map((text) => invalid(`data[${key}]`, key, text))),
    ...Object.keys(binary).flatMap((key) =>
      dataKeyProblems(key).map((text) => invalid(`binaryData[${key}]`, key, text)),
    ),
    ...Object.keys(data)
      .filter((key) => key in binary)
      .map((key) => invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')),
  ]
  const texts = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0)
  const size = Object.values(binary).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), texts)
  if (size <= SIZE_LIMIT) return keys
  return [...keys, { type: 'TooLong', field: '[]', detail: `may not be more than ${SIZE_LIMIT} bytes` }]
}

function validateImmutable(map: ConfigMap, old: ConfigMap | undefined): readonly FieldError[] {
  if (old?.immutable !== true) return []
  const text = 'field is immutable when `immutable` is set'
  const changed = (['data', 'binaryData'] as const).filter(
    (field) => JSON.stringify(map[field]) !== JSON.stringify(old[field]),
  )
  return [
    ...(map.immutable === true ? [] : [forbidden('immutable', text)]),
    ...changed.map((field) => forbidden(field, text)),
  ]
}
