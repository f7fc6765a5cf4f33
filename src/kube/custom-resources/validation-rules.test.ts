import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { loadCel } from '../cel/engine.ts'
import type { JsonSchema, ValidationRule } from '../types/custom-resource-definition.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { evaluateRules } from './evaluate-rules.ts'
import { ruleCompileProblems, ruleShapeProblems } from './rule-problems.ts'
import { compileRules } from './rule-program.ts'

before(loadCel)

const RULES = 'x-kubernetes-validations'

function withRules(schema: JsonSchema, ...rules: readonly (string | ValidationRule)[]): JsonSchema {
  return { ...schema, [RULES]: rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)) }
}

function spec(schema: JsonSchema): JsonSchema {
  return { type: 'object', properties: { spec: schema } }
}

function check(schema: JsonSchema, value: unknown, old?: unknown): readonly string[] {
  const program = compileRules(schema, true)
  assert.ok(program)
  return evaluateRules(program, value, old).map(fieldErrorText)
}

const INTEGER: JsonSchema = { type: 'integer' }
const RANGE: JsonSchema = { type: 'object', properties: { min: INTEGER, max: INTEGER } }

test('a rule that does not hold is told with its message, its reason and its field', () => {
  const rule = 'self.min <= self.max'
  const bad = { spec: { min: 2, max: 1 } }
  const cases: readonly (readonly [Omit<ValidationRule, 'rule'>, string])[] = [
    [{}, 'spec: Invalid value: "object": failed rule: self.min <= self.max'],
    [{ message: ' min is above max ' }, 'spec: Invalid value: "object": min is above max'],
    [
      { message: 'm', messageExpression: '"min " + string(self.min) + " > max"' },
      'spec: Invalid value: "object": min 2 > max',
    ],
    [{ message: 'm', messageExpression: '" "' }, 'spec: Invalid value: "object": m'],
    [{ message: 'm', messageExpression: 'string(1 / 0)' }, 'spec: Invalid value: "object": m'],
    [{ message: 'm', fieldPath: '.min' }, 'spec.min: Invalid value: "object": m'],
    [{ message: 'm', reason: 'FieldValueForbidden', fieldPath: ".['max']" }, 'spec: Forbidden: m'],
    [{ message: 'm', reason: 'FieldValueForbidden', fieldPath: "['max']" }, 'spec.max: Forbidden: m'],
    [{ message: 'm', reason: 'FieldValueRequired' }, 'spec: Required value: m'],
    [{ message: 'm', reason: 'FieldValueDuplicate' }, 'spec: Duplicate value: "object"'],
  ]
  for (const [rest, text] of cases) {
    assert.deepEqual(check(spec(withRules(RANGE, { rule, ...rest })), bad), [text])
    assert.deepEqual(check(spec(withRules(RANGE, { rule, ...rest })), { spec: { min: 1, max: 1 } }), [])
  }
})

test('rules stand at every level, and what cannot be evaluated is a fault', () => {
  const schema: JsonSchema = withRules(
    {
      type: 'object',
      properties: {
        list: { type: 'array', items: withRules(RANGE, 'self.min > 0') },
        map: { type: 'object', additionalProperties: withRules(INTEGER, 'self < 10') },
        any: { 'x-kubernetes-int-or-string': true, ...withRules({}, 'self > 1') },
        text: { type: 'string', allOf: [withRules({}, 'self.size() > 1')] },
      },
    },
    'self.metadata.name != "bad"',
  )
  assert.deepEqual(
    check(schema, {
      metadata: { name: 'bad' },
      list: [{ min: 1 }, { min: 0 }, {}],
      map: { a: 1, b: 10 },
      any: '10%',
      text: 'x',
    }),
    [
      '<nil>: Invalid value: "object": failed rule: self.metadata.name != "bad"',
      'list[1]: Invalid value: "object": failed rule: self.min > 0',
      'list[2]: Invalid value: "object": no such key: min evaluating rule: self.min > 0',
      'map[b]: Invalid value: "integer": failed rule: self < 10',
      `any: Invalid value: "": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self > 1`,
      'text: Invalid value: "string": failed rule: self.size() > 1',
    ],
  )
})

test('rules about changes are evaluated where there is an old value', () => {
  const fixed = spec(withRules(INTEGER, 'self == oldSelf'))
  assert.deepEqual(check(fixed, { spec: 1 }), [])
  assert.deepEqual(check(fixed, { spec: 1 }, { spec: 1 }), [])
  assert.deepEqual(check(fixed, { spec: 1 }, {}), [])
  assert.deepEqual(check(fixed, { spec: 1 }, { spec: 2 }), [
    'spec: Invalid value: "integer": failed rule: self == oldSelf',
  ])
  const optional = spec(
    withRules(INTEGER, { rule: 'oldSelf.optMap(old, old <= self).orValue(self == 1)', optionalOldSelf: true }),
  )
  assert.deepEqual(check(optional, { spec: 1 }), [])
  assert.equal(check(optional, { spec: 2 }).length, 1)
  assert.deepEqual(check(optional, { spec: 3 }, { spec: 2 }), [])
  assert.equal(check(optional, { spec: 1 }, { spec: 2 }).length, 1)
})

test('items of a list that is a map belong to those of the same key', () => {
  const item: JsonSchema = withRules(
    { type: 'object', properties: { name: { type: 'string' }, size: INTEGER } },
    'self.size >= oldSelf.size',
  )
  const list: JsonSchema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: item,
  }
  const old = {
    spec: [
      { name: 'a', size: 1 },
      { name: 'b', size: 5 },
    ],
  }
  assert.deepEqual(
    check(
      spec(list),
      {
        spec: [
          { name: 'b', size: 6 },
          { name: 'c', size: 0 },
        ],
      },
      old,
    ),
    [],
  )
  assert.deepEqual(check(spec(list), { spec: [{ name: 'b', size: 4 }] }, old), [
    'spec[0]: Invalid value: "object": failed rule: self.size >= oldSelf.size',
  ])
})

test('faults of what an update leaves alone are forgiven', () => {
  const schema: JsonSchema = { type: 'object', properties: { a: withRules(INTEGER, 'self > 0'), b: INTEGER } }
  assert.deepEqual(check(schema, { a: 0, b: 2 }, { a: 0, b: 1 }), [])
  assert.equal(check(schema, { a: -1 }, { a: 0 }).length, 1)
})

test('the rules of one object share a budget', () => {
  const items = withRules({ type: 'array', items: INTEGER }, 'self.all(a, self.all(b, a + b >= 0))')
  const schema: JsonSchema = { type: 'object', properties: { a: items, b: items } }
  const many = Array.from({ length: 1000 }, (_, index) => index)
  assert.deepEqual(check(schema, { a: many, b: many }), [
    `a: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(a, self.all(b, a + b >= 0))`,
  ])
  const some = Array.from({ length: 300 }, (_, index) => index)
  const fields = Array.from({ length: 30 }, (_, index) => `f${index}`)
  const wide: JsonSchema = { type: 'object', properties: Object.fromEntries(fields.map((name) => [name, items])) }
  const told = check(wide, Object.fromEntries(fields.map((name) => [name, some])))
  assert.equal(told.length, 1)
  assert.match(
    told[0] ?? '',
    /"array": validation failed due to running out of cost budget, no further validation rules will be run$/,
  )
})

test('what a definition may not say of its rules', () => {
  const texts = (rule: Partial<ValidationRule>) =>
    ruleShapeProblems({ ...RANGE, [RULES]: [rule as ValidationRule] }, 's').map(fieldErrorText)
  const at = `s.${RULES}[0]`
  assert.deepEqual(texts({ rule: ' ' }), [`${at}.rule: Required value: rule is not specified`])
  assert.deepEqual(texts({ rule: 'true', message: ' ' }), [
    `${at}.message: Invalid value: " ": message must be non-empty if specified`,
  ])
  assert.deepEqual(texts({ rule: 'true', message: 'a\nb' }), [
    `${at}.message: Invalid value: "a\\nb": message must not contain line breaks`,
  ])
  assert.deepEqual(texts({ rule: 'true\n&& true' }), [
    `${at}.message: Required value: message must be specified if rule contains line breaks`,
  ])
  assert.deepEqual(texts({ rule: 'true', reason: 'Other' }), [
    `${at}.reason: Unsupported value: "Other": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
  ])
  assert.deepEqual(texts({ rule: 'true', fieldPath: '.none' }), [
    `${at}.fieldPath: Invalid value: ".none": fieldPath must be a valid path: does not refer to a valid field`,
  ])
  assert.deepEqual(texts({ rule: 'true', fieldPath: '.min' }), [])
})

test('expressions that do not compile, or cannot know the old value, are refused', () => {
  const texts = (schema: JsonSchema) => ruleCompileProblems(schema, 's').map(fieldErrorText)
  const shown = (rule: string, messageExpression = '') =>
    JSON.stringify({
      Rule: rule,
      Message: '',
      MessageExpression: messageExpression,
      Reason: null,
      FieldPath: '',
      OptionalOldSelf: null,
    })
  assert.deepEqual(texts(spec(withRules(RANGE, 'self.mix > 1'))), [
    `s.properties[spec].${RULES}[0].rule: Invalid value: ${shown('self.mix > 1')}: compilation failed: ERROR: <input>:1:5: undefined field 'mix'\n | self.mix > 1\n | ....^`,
  ])
  assert.deepEqual(texts(spec(withRules(RANGE, 'self.min'))), [
    `s.properties[spec].${RULES}[0].rule: Invalid value: ${shown('self.min')}: cel expression must evaluate to a bool`,
  ])
  assert.deepEqual(texts(spec(withRules(RANGE, { rule: 'true', messageExpression: 'self.min' }))), [
    `s.properties[spec].${RULES}[0].messageExpression: Invalid value: ${shown('true', 'self.min')}: messageExpression must evaluate to a string`,
  ])
  const list: JsonSchema = { type: 'array', items: withRules(INTEGER, 'self == oldSelf') }
  assert.deepEqual(texts(spec(list)), [
    `s.properties[spec].items.${RULES}[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[spec]`,
  ])
})
