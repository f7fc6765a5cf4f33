import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonSchema } from '../types/custom-resource-definition.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { definitionStatus, takenNames } from './accepted-names.ts'
import { applyDefaults } from './default-values.ts'
import { prune } from './prune.ts'
import { structuralProblems } from './structural-rules.ts'
import { validateBySchema } from './validate-schema.ts'
import { compareVersions } from './version-order.ts'

function problems(spec: JsonSchema, value: unknown): readonly string[] {
  return validateBySchema({ type: 'object', properties: { f: spec } }, { f: value }).map(fieldErrorText)
}

test('each rule of a schema has its words', () => {
  const rules: readonly (readonly [JsonSchema, unknown, string])[] = [
    [{ type: 'string' }, null, 'f: Invalid value: "null": f in body must be of type string: "null"'],
    [{ type: 'integer' }, 1.5, 'f: Invalid value: "number": f in body must be of type integer: "number"'],
    [{ type: 'integer', minimum: 1 }, 0, 'f: Invalid value: 0: f in body should be greater than or equal to 1'],
    [
      { type: 'integer', minimum: 1, exclusiveMinimum: true },
      1,
      'f: Invalid value: 1: f in body should be greater than 1',
    ],
    [{ type: 'number', maximum: 1 }, 2, 'f: Invalid value: 2: f in body should be less than or equal to 1'],
    [{ type: 'integer', multipleOf: 2 }, 3, 'f: Invalid value: 3: f in body should be a multiple of 2'],
    [{ type: 'string', minLength: 1 }, '', 'f: Invalid value: "": f in body should be at least 1 chars long'],
    [{ type: 'string', format: 'date-time' }, 'x', 'f: Invalid value: "x": f in body must be of type date-time: "x"'],
    [{ type: 'array', maxItems: 1, items: {} }, [1, 2], 'f: Too many: 2: must have at most 1 items'],
    [{ type: 'array', minItems: 1, items: {} }, [], 'f: Invalid value: 0: f in body should have at least 1 items'],
    [
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      ['a', 'a'],
      'f[1]: Duplicate value: "a"',
    ],
    [{ type: 'object', required: ['g'] }, {}, 'f.g: Required value'],
    [
      { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      {},
      'f: Invalid value: {}: "f" must validate one and only one schema (oneOf). Found none valid',
    ],
    [{ anyOf: [{ required: ['a'] }] }, {}, 'f: Invalid value: {}: "f" must validate at least one schema (anyOf)'],
    [{ not: { required: ['a'] } }, { a: 1 }, 'f: Invalid value: {"a":1}: "f" must not validate the schema (not)'],
  ]
  for (const [schema, value, text] of rules)
    assert.ok(problems(schema, value).includes(text), problems(schema, value)[0])
  assert.deepEqual(problems({ type: 'string', nullable: true }, null), [])
  assert.deepEqual(problems({ 'x-kubernetes-int-or-string': true }, '10%'), [])
})

test('what a schema must have to be structural', () => {
  const root = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: 'object', properties })
  const texts = (schema: JsonSchema) => structuralProblems(schema, 's').map(fieldErrorText)
  assert.deepEqual(texts({}), ['s.type: Required value: must not be empty at the root'])
  assert.deepEqual(texts(root({ a: {} })), [
    's.properties[a].type: Required value: must not be empty for specified object fields',
  ])
  assert.deepEqual(texts(root({ a: { type: 'array' } })), ['s.properties[a].items: Required value: must be specified'])
  assert.deepEqual(texts(root({ a: { type: 'string', pattern: '(' } })), [
    's.properties[a].pattern: Invalid value: "(": must be a valid regular expression',
  ])
  assert.deepEqual(texts(root({ a: { type: 'object', uniqueItems: true } })), [
    's.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
  ])
  const map = { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } } as const
  assert.deepEqual(texts(root({ a: map })), [
    's.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
  ])
  assert.deepEqual(texts(root({ a: { 'x-kubernetes-int-or-string': true } })), [])
})

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    a: { type: 'integer', default: 1 },
    b: { type: 'object', default: {}, properties: { c: { type: 'string', default: 'x' } } },
    d: { type: 'array', items: { type: 'object', properties: { e: { type: 'boolean', default: true } } } },
    f: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { g: { type: 'object' } } },
    h: { type: 'object', additionalProperties: { type: 'object', properties: { i: { type: 'string' } } } },
  },
}

test('what a schema does not know goes, what it knows better comes', () => {
  const value = {
    kind: 'K',
    metadata: { name: 'x' },
    extra: 1,
    a: null,
    d: [{ x: 1 }, { e: false }],
    f: { any: 1, g: { no: 1 } },
    h: { k: { i: 'y', no: 1 } },
  }
  assert.deepEqual(prune(SCHEMA, value, true), ['extra', 'd[0].x', 'f.g.no', 'h.k.no'])
  applyDefaults(SCHEMA, value)
  assert.deepEqual(value, {
    kind: 'K',
    metadata: { name: 'x' },
    a: 1,
    b: { c: 'x' },
    d: [{ e: true }, { e: false }],
    f: { any: 1, g: {} },
    h: { k: { i: 'y' } },
  })
})

test('property: pruning and defaulting twice changes nothing more', () => {
  fc.assert(
    fc.property(fc.object({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'z') }), (given) => {
      const value = JSON.parse(JSON.stringify(given)) as object
      prune(SCHEMA, value, true)
      applyDefaults(SCHEMA, value)
      const once = structuredClone(value)
      assert.deepEqual(prune(SCHEMA, value, true), [])
      applyDefaults(SCHEMA, value)
      assert.deepEqual(value, once)
    }),
  )
})

test('versions are ordered as discovery lists them', () => {
  const sorted = ['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v12alpha1', 'v11alpha2', 'foo1', 'foo10']
  assert.deepEqual([...sorted].reverse().sort(compareVersions), sorted)
})

test('names are accepted once; who is established stays so', () => {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'kites.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced' as const,
      names: { plural: 'kites', kind: 'Kite' },
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  }
  const free = definitionStatus(definition, takenNames([]), 0)
  const reasons = ({ conditions = [] }: typeof free) => conditions.map(({ reason, status }) => `${reason} ${status}`)
  assert.deepEqual(reasons(free), ['NoConflicts True', 'InitialNamesAccepted True'])
  assert.deepEqual(free.storedVersions, ['v1'])
  const taken = takenNames([{ plural: 'kites', kind: 'Other' }])
  assert.deepEqual(reasons(definitionStatus(definition, taken, 0)), ['PluralConflict False', 'NotAccepted False'])
  const later = definitionStatus({ ...definition, status: free }, taken, 0)
  assert.deepEqual(reasons(later), ['PluralConflict False', 'InitialNamesAccepted True'])
})
