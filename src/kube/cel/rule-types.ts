import { isJsonObject, type JsonObject } from '../patch/json.ts'
import type { JsonSchema } from '../types/custom-resource-definition.ts'
import type { Environment } from './engine.ts'
import { celFieldName } from './field-names.ts'
import { ruleEnvironment } from './rule-environment.ts'
import { celEqual } from './values-equal.ts'

/** How values of a schema look in CEL. */
export interface RuleType {
  /** As the environment knows it. */
  readonly name: string
  /** Of a value that the schema takes. */
  toCel(value: unknown): unknown
}

const TIMESTAMP = 'google.protobuf.Timestamp'
const DURATION = 'google.protobuf.Duration'
const TEXT: JsonSchema = { type: 'string' }
const METADATA: JsonSchema = { type: 'object', properties: { name: TEXT, generateName: TEXT } }
const keep = (value: unknown) => value

/** Declares the types of schemas in an environment (apiserver `cel/common.SchemaDeclType`). */
export class RuleTypes {
  readonly #environment: Environment
  readonly #names = new Set<string>()
  readonly #duration: (context: { readonly text: string }) => unknown

  constructor(environment: Environment) {
    this.#environment = environment
    this.#duration = ruleEnvironment().registerVariable('text', 'string').parse('duration(text)')
  }

  /** @param root Whether it is a whole object. @returns `undefined` for what rules cannot see. */
  declare(schema: JsonSchema, root: boolean, name = 'Object'): RuleType | undefined {
    const type = this.#declarePlain(schema, root, name)
    if (type === undefined || schema.nullable !== true) return type
    return { name: 'dyn', toCel: (value) => (value === null ? null : type.toCel(value)) }
  }

  #declarePlain(schema: JsonSchema, root: boolean, name: string): RuleType | undefined {
    if (schema['x-kubernetes-int-or-string'] === true) return { name: 'dyn', toCel: wholeOrKept }
    switch (schema.type) {
      case 'array':
        return this.#declareList(schema, name)
      case 'object':
        return isJsonObject(schema.additionalProperties)
          ? this.#declareMap(schema.additionalProperties as JsonSchema, name)
          : this.#declareObject(root ? withEnvelope(schema) : schema, name)
      case 'string':
        return this.#declareText(schema.format)
      case 'boolean':
        return { name: 'bool', toCel: keep }
      case 'number':
        return { name: 'double', toCel: keep }
      case 'integer':
        return { name: 'int', toCel: wholeOrKept }
      default:
        return undefined
    }
  }

  #declareText(format: string | undefined): RuleType {
    switch (format) {
      case 'byte':
        return { name: 'bytes', toCel: (value) => Buffer.from(String(value), 'base64') }
      case 'duration':
        return { name: DURATION, toCel: (value) => this.#duration({ text: String(value) }) }
      case 'date':
      case 'date-time':
        return { name: TIMESTAMP, toCel: (value) => new Date(String(value)) }
      default:
        return { name: 'string', toCel: keep }
    }
  }

  #declareList({ items }: JsonSchema, name: string): RuleType | undefined {
    const item = items === undefined ? undefined : this.declare(items, isEmbedded(items), `${name}.idx`)
    if (item === undefined) return undefined
    return {
      name: `list<${item.name}>`,
      toCel: (value) => (value as readonly unknown[]).map((each) => item.toCel(each)),
    }
  }

  #declareMap(values: JsonSchema, name: string): RuleType | undefined {
    const inner = this.declare(values, isEmbedded(values), `${name}.elem`)
    if (inner === undefined) return undefined
    const toCel = (value: unknown) =>
      new Map(Object.entries(value as JsonObject).map(([key, each]) => [key, inner.toCel(each)]))
    return { name: `map<string, ${inner.name}>`, toCel }
  }

  #declareObject({ properties = {} }: JsonSchema, name: string): RuleType {
    const fields = Object.entries(properties).flatMap(([field, schema]) => {
      const title = celFieldName(field)
      const type = title === undefined ? undefined : this.declare(schema, isEmbedded(schema), `${name}.${title}`)
      return title === undefined || type === undefined ? [] : [{ field, title, type }]
    })
    const unique = this.#uniqueName(name)
    // A class for each type: by it the package tells what an object is.
    const shape = class extends Map<string, unknown> {}
    this.#environment.registerType(unique, {
      ctor: shape,
      fields: Object.fromEntries(fields.map(({ title, type }) => [title, type.name])),
    })
    this.#environment.registerOperator(`${unique} == ${unique}`, celEqual)
    const toCel = (value: unknown) => {
      const object = value as JsonObject
      const made = new shape()
      for (const { field, title, type } of fields) {
        if (Object.hasOwn(object, field) && object[field] !== undefined) made.set(title, type.toCel(object[field]))
      }
      return made
    }
    return { name: unique, toCel }
  }

  #uniqueName(name: string): string {
    let unique = name
    for (let count = 2; this.#names.has(unique); count++) unique = `${name}${count}`
    this.#names.add(unique)
    return unique
  }
}

function isEmbedded(schema: JsonSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true
}

function withEnvelope(schema: JsonSchema): JsonSchema {
  return { ...schema, properties: { ...schema.properties, apiVersion: TEXT, kind: TEXT, metadata: METADATA } }
}

function wholeOrKept(value: unknown): unknown {
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
}
