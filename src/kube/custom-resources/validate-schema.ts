import { fieldPath } from '../field-path.ts'
import type { FieldError } from '../kind.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'
import { duplicate, invalid, notSupported, required, tooMany } from '../validation/field-error.ts'
import { isOfFormat } from './formats.ts'

/**
 * Checks a value against a structural schema, with the words of upstream (kube-openapi `validation/validate`).
 *
 * @param path Of the value, such as `spec.ports[0]`; '' for a whole object.
 */
export function validateBySchema(schema: JsonSchema, value: unknown, path = ''): readonly FieldError[] {
  if (value === null) return schema.nullable === true ? [] : [wrongType(schema, value, path)]
  if (!isOfType(schema, value)) return [wrongType(schema, value, path)]
  return [
    ...validateEnum(schema, value, path),
    ...validateByType(schema, value, path),
    ...validateCombinations(schema, value, path),
  ]
}

function inBody(path: string, rule: string): string {
  return `${path} in body ${rule}`
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function isOfType(schema: JsonSchema, value: unknown): boolean {
  const type = typeOf(value)
  if (schema['x-kubernetes-int-or-string'] === true) return type === 'integer' || type === 'string'
  if (schema.type === undefined || schema.type === '') return true
  return schema.type === type || (schema.type === 'number' && type === 'integer')
}

function wrongType(schema: JsonSchema, value: unknown, path: string): FieldError {
  const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? '')
  const got = typeOf(value)
  return invalid(path, got, inBody(path, `must be of type ${wanted}: ${JSON.stringify(got)}`))
}

function validateEnum(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  if (schema.enum === undefined || schema.enum.some((each) => jsonEqual(each, value))) return []
  return [notSupported(path, value, schema.enum.map(String))]
}

function validateByType(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  if (typeof value === 'string') return validateString(schema, value, path)
  if (typeof value === 'number') return validateNumber(schema, value, path)
  if (Array.isArray(value)) return validateArray(schema, value, path)
  return isJsonObject(value) ? validateObject(schema, value, path) : []
}

function validateString(schema: JsonSchema, value: string, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const length = [...value].length
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    errors.push({ type: 'TooLong', field: path, detail: `may not be more than ${schema.maxLength} bytes` })
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalid(path, value, inBody(path, `should be at least ${schema.minLength} chars long`)))
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) {
    errors.push(invalid(path, value, inBody(path, `should match '${schema.pattern}'`)))
  }
  if (schema.format !== undefined && !isOfFormat(schema.format, value)) {
    errors.push(invalid(path, value, inBody(path, `must be of type ${schema.format}: ${JSON.stringify(value)}`)))
  }
  return errors
}

function validateNumber(schema: JsonSchema, value: number, path: string): readonly FieldError[] {
  const { minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false, multipleOf } = schema
  const errors: FieldError[] = []
  const refuse = (rule: string) => errors.push(invalid(path, value, inBody(path, rule)))
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum && value === minimum))) {
    refuse(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`)
  }
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum && value === maximum))) {
    refuse(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`)
  }
  if (multipleOf !== undefined && multipleOf > 0 && !Number.isInteger(value / multipleOf)) {
    refuse(`should be a multiple of ${multipleOf}`)
  }
  return errors
}

function validateArray(schema: JsonSchema, value: readonly unknown[], path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const { items, minItems, maxItems } = schema
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems))
  if (minItems !== undefined && value.length < minItems) {
    errors.push(invalid(path, value.length, inBody(path, `should have at least ${minItems} items`)))
  }
  if (items !== undefined) {
    errors.push(...value.flatMap((item, index) => validateBySchema(items, item, `${path}[${index}]`)))
  }
  return [...errors, ...validateUnique(schema, value, path)]
}

/** Sets have no value twice, maps no keys. */
function validateUnique(schema: JsonSchema, value: readonly unknown[], path: string): readonly FieldError[] {
  const type = schema['x-kubernetes-list-type']
  if (type !== 'set' && type !== 'map') return []
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const seen = new Set<string>()
  return value.flatMap((item, index) => {
    const identity =
      type === 'map' && isJsonObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item
    const text = JSON.stringify(identity)
    if (seen.has(text)) return [duplicate(`${path}[${index}]`, identity)]
    seen.add(text)
    return []
  })
}

function validateObject(schema: JsonSchema, value: JsonObject, path: string): readonly FieldError[] {
  const { properties = {}, additionalProperties, minProperties, maxProperties } = schema
  const names = Object.keys(value)
  const errors: FieldError[] = (schema.required ?? [])
    .filter((name) => value[name] === undefined)
    .map((name) => required(fieldPath(path, name)))
  if (maxProperties !== undefined && names.length > maxProperties)
    errors.push(tooMany(path, names.length, maxProperties))
  if (minProperties !== undefined && names.length < minProperties) {
    errors.push(invalid(path, names.length, inBody(path, `should have at least ${minProperties} properties`)))
  }
  for (const name of names) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    const own = property ?? (isJsonObject(additionalProperties) ? additionalProperties : undefined)
    if (own !== undefined && value[name] !== undefined)
      errors.push(...validateBySchema(own, value[name], fieldPath(path, name)))
  }
  return errors
}

function validateCombinations(schema: JsonSchema, value: unknown, path: string): readonly FieldError[] {
  const fits = (each: JsonSchema) => validateBySchema(each, value, path).length === 0
  const errors: FieldError[] = (schema.allOf ?? []).flatMap((each) => validateBySchema(each, value, path))
  const refuse = (rule: string) => errors.push(invalid(path, value, `${JSON.stringify(path)} ${rule}`))
  if (schema.anyOf !== undefined && !schema.anyOf.some(fits)) refuse('must validate at least one schema (anyOf)')
  const matching = schema.oneOf?.filter(fits).length
  if (matching !== undefined && matching !== 1) {
    const found = matching === 0 ? 'none valid' : `${matching} valid alternatives`
    refuse(`must validate one and only one schema (oneOf). Found ${found}`)
  }
  if (schema.not !== undefined && fits(schema.not)) refuse('must not validate the schema (not)')
  return errors
}
