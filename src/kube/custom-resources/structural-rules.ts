import type { FieldError } from '../kind.ts'
import { isJsonObject } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field-error.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** Why a schema is not structural, so that objects could not be pruned and defaulted by it (upstream `ValidateStructural`). */
export function structuralProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  if (!schema.type) return [required(`${path}.type`, 'must not be empty at the root')]
  if (schema.type !== 'object') return [invalid(`${path}.type`, schema.type, 'must be object at the root')]
  return nodeProblems(schema, path)
}

function nodeProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  const { type, items, properties = {}, additionalProperties } = schema
  return [
    ...(type && !TYPES.includes(type) ? [notSupported(`${path}.type`, type, TYPES)] : []),
    ...ruleProblems(schema, path),
    ...listProblems(schema, path),
    ...(type === 'array' && items === undefined ? [required(`${path}.items`, 'must be specified')] : []),
    ...(items === undefined ? [] : childProblems(items, `${path}.items`, 'array items')),
    ...Object.entries(properties).flatMap(([name, property]) =>
      childProblems(property, `${path}.properties[${name}]`, 'object fields'),
    ),
    ...(isJsonObject(additionalProperties)
      ? childProblems(additionalProperties as JsonSchema, `${path}.additionalProperties`, 'object fields')
      : []),
  ]
}

function childProblems(schema: JsonSchema, path: string, what: string): readonly FieldError[] {
  const free = schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (!schema.type && !free) return [required(`${path}.type`, `must not be empty for specified ${what}`)]
  return nodeProblems(schema, path)
}

function ruleProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (Object.keys(schema.properties ?? {}).length > 0 && isJsonObject(schema.additionalProperties)) {
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  }
  if (schema.uniqueItems === true) {
    const text = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'
    errors.push(forbidden(`${path}.uniqueItems`, text))
  }
  if ('$ref' in schema) errors.push(forbidden(`${path}.$ref`, '$ref is not supported'))
  if (schema['x-kubernetes-embedded-resource'] === true && schema.type !== 'object') {
    errors.push(invalid(`${path}.type`, schema.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'))
  }
  if (schema.pattern !== undefined && !isPattern(schema.pattern)) {
    errors.push(invalid(`${path}.pattern`, schema.pattern, 'must be a valid regular expression'))
  }
  return errors
}

function listProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const at = `${path}.x-kubernetes-list-type`
  if (type === undefined) return []
  if (!['atomic', 'map', 'set'].includes(type)) return [notSupported(at, type, ['atomic', 'map', 'set'])]
  if (schema.type !== 'array') {
    return [invalid(`${path}.type`, schema.type ?? '', 'must be array if x-kubernetes-list-type is specified')]
  }
  const keysAt = `${path}.x-kubernetes-list-map-keys`
  if (type !== 'map') {
    const text = 'must not be specified if x-kubernetes-list-type is not map'
    return keys.length === 0 ? [] : [forbidden(keysAt, text)]
  }
  if (keys.length === 0) return [required(keysAt, 'must not be empty if x-kubernetes-list-type is map')]
  const known = schema.items?.properties ?? {}
  return keys
    .filter((key) => known[key] === undefined)
    .map((key) => invalid(keysAt, keys, `entries must all be names of item properties: ${key}`))
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
