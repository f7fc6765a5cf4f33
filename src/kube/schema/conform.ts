import { fieldPath } from '../field-path.ts'
import type { Draft } from '../kind.ts'
import { isJsonObject, type JsonObject } from '../patch/json.ts'
import { type Field, type Message, messageOf, type Scalar } from './schema.ts'

/** What does not fit. */
export interface Misfits {
  /** Paths of fields that the kind does not have, e.g. `spec.ports[0].foo`; they were taken out. */
  readonly unknown: readonly string[]
  /** The first value of a wrong type, in the words of Go's decoder. */
  readonly wrongType: string | undefined
}

/**
 * Brings an object into the shape of its message, in place: `null` and unknown fields are taken out, as upstream's
 * decoding does.
 */
export function conformToSchema(message: Message, object: Draft): Misfits {
  const found: Found = { unknown: [], wrongType: undefined }
  const { apiVersion: _, kind: __, ...fields } = object
  const checked = checkMessage(message, fields, { path: '', plain: '', found })
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(checked, name)) delete object[name]
    else object[name] = checked[name]
  }
  return found
}

interface Found {
  readonly unknown: string[]
  wrongType: string | undefined
}

interface Place {
  /** With indexes, as unknown fields are named. */
  readonly path: string
  /** Without, as wrong types are named. */
  readonly plain: string
  readonly found: Found
}

function checkMessage(message: Message, value: JsonObject, { path, plain, found }: Place): Draft {
  const out: Draft = {}
  for (const [name, item] of Object.entries(value)) {
    const field = message.fields.get(name)
    const at = fieldPath(path, name)
    if (field === undefined) {
      found.unknown.push(at)
      continue
    }
    if (item === null) continue
    out[name] = checkField(message, field, {
      item,
      place: { path: at, plain: fieldPath(plain, name), found },
    })
  }
  return out
}

interface Given {
  readonly item: unknown
  readonly place: Place
}

function checkField(message: Message, field: Field, { item, place }: Given): unknown {
  if (field.shape === 'list') {
    if (!Array.isArray(item)) return refuse(message, item, { place, wanted: `[]${typeName(field)}` })
    return item.map((each, index) =>
      checkItem(message, field, { item: each, place: { ...place, path: `${place.path}[${index}]` } }),
    )
  }
  if (field.shape === 'map') {
    if (!isJsonObject(item)) return refuse(message, item, { place, wanted: `map[string]${typeName(field)}` })
    const entries = Object.entries(item).filter(([, each]) => each !== null)
    return Object.fromEntries(
      entries.map(([key, each]) => [
        key,
        checkItem(message, field, { item: each, place: { ...place, path: `${place.path}.${key}` } }),
      ]),
    )
  }
  return checkItem(message, field, { item, place })
}

function checkItem(message: Message, field: Field, { item, place }: Given): unknown {
  const { type } = field
  if (type.of === 'any') return item
  if (type.of === 'message') {
    if (!isJsonObject(item)) return refuse(message, item, { place, wanted: typeName(field) })
    return checkMessage(messageOf(type.message), item, place)
  }
  return fits(type.scalar, item) ? item : refuse(message, item, { place, wanted: typeName(field) })
}

function fits(scalar: Scalar, value: unknown): boolean {
  switch (scalar) {
    case 'string':
      return typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'int32':
      return typeof value === 'number' && Number.isInteger(value) && value === (value | 0)
    case 'int64':
      return typeof value === 'number' && Number.isInteger(value)
    case 'bytes':
      return typeof value === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0
    case 'time':
    case 'microTime':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value))
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number'
    case 'intOrString':
      return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))
    case 'double':
      return typeof value === 'number'
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    case 'raw':
    case 'schemaOrArray':
    case 'schemaOrBool':
    case 'schemaOrStrings':
      return true
    default:
      return scalar satisfies never
  }
}

function typeName({ type }: Field): string {
  if (type.of === 'any') return 'interface {}'
  if (type.of === 'message') return `v1.${type.message}`
  const names: Readonly<Record<Scalar, string>> = {
    string: 'string',
    bool: 'bool',
    int32: 'int32',
    int64: 'int64',
    bytes: '[]uint8',
    time: 'v1.Time',
    microTime: 'v1.MicroTime',
    quantity: 'resource.Quantity',
    intOrString: 'intstr.IntOrString',
    raw: 'v1.FieldsV1',
    double: 'float64',
    strings: '[]string',
    schemaOrArray: 'v1.JSONSchemaPropsOrArray',
    schemaOrBool: 'v1.JSONSchemaPropsOrBool',
    schemaOrStrings: 'v1.JSONSchemaPropsOrStringArray',
  }
  return names[type.scalar]
}

function refuse(message: Message, value: unknown, { place, wanted }: { place: Place; wanted: string }): unknown {
  const got = Array.isArray(value)
    ? 'array'
    : typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'number'
        ? numberText(value)
        : typeof value
  place.found.wrongType ??= `json: cannot unmarshal ${got} into Go struct field ${message.name}.${place.plain} of type ${wanted}`
  return value
}

function numberText(value: number): string {
  return Number.isInteger(value) ? 'number' : `number ${value}`
}
