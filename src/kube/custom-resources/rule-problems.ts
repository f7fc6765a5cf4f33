import type { FieldError } from '../kind.ts'
import { isJsonObject } from '../patch/json.ts'
import type { JsonSchema, ValidationRule } from '../types/custom-resource-definition.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { rulePath } from './rule-paths.ts'
import { compileRules, type RuleProgram, rulesOf } from './rule-program.ts'

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const RULES = 'x-kubernetes-validations'

/** Whether rules say what rules must say; see {@link ruleCompileProblems} for what the expressions say. */
export function ruleShapeProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  return [
    ...rulesOf(schema).flatMap((rule, index) => shapeProblems(schema, rule, `${path}.${RULES}[${index}]`)),
    ...childrenOf(schema, path).flatMap(([child, at]) => ruleShapeProblems(child, at)),
  ]
}

function childrenOf(
  { properties = {}, additionalProperties, items, allOf = [] }: JsonSchema,
  path: string,
): readonly (readonly [JsonSchema, string])[] {
  return [
    ...Object.entries(properties).map(([name, property]) => [property, `${path}.properties[${name}]`] as const),
    ...(isJsonObject(additionalProperties)
      ? [[additionalProperties as JsonSchema, `${path}.additionalProperties`] as const]
      : []),
    ...(items === undefined ? [] : [[items, `${path}.items`] as const]),
    ...allOf.map((each, index) => [each, `${path}.allOf[${index}]`] as const),
  ]
}

function shapeProblems(schema: JsonSchema, rule: ValidationRule, path: string): readonly FieldError[] {
  return [...textProblems(rule, path), ...messageProblems(rule, path), ...placeProblems(schema, rule, path)]
}

function textProblems({ rule = '', message = '' }: ValidationRule, path: string): readonly FieldError[] {
  const said = message.trim()
  if (rule.trim() === '') return [required(`${path}.rule`, 'rule is not specified')]
  if (message !== '' && said === '')
    return [invalid(`${path}.message`, message, 'message must be non-empty if specified')]
  if (hasBreak(said)) return [invalid(`${path}.message`, message, 'message must not contain line breaks')]
  if (hasBreak(rule.trim()) && said === '') {
    return [required(`${path}.message`, 'message must be specified if rule contains line breaks')]
  }
  return []
}

function messageProblems({ messageExpression }: ValidationRule, path: string): readonly FieldError[] {
  if (messageExpression === undefined || messageExpression.trim() !== '') return []
  return [required(`${path}.messageExpression`, 'must be non-empty if specified')]
}

function placeProblems(schema: JsonSchema, { reason, fieldPath }: ValidationRule, path: string): readonly FieldError[] {
  const at = `${path}.fieldPath`
  const errors =
    reason === undefined || REASONS.includes(reason) ? [] : [notSupported(`${path}.reason`, reason, REASONS)]
  if (fieldPath === undefined) return errors
  if (fieldPath.trim() === '') return [...errors, invalid(at, fieldPath, 'fieldPath must be non-empty if specified')]
  if (hasBreak(fieldPath)) return [...errors, invalid(at, fieldPath, 'fieldPath must not contain line breaks')]
  if (rulePath(schema, fieldPath) !== undefined) return errors
  return [...errors, invalid(at, fieldPath, 'fieldPath must be a valid path: does not refer to a valid field')]
}

function hasBreak(text: string): boolean {
  return /[\n\r]/.test(text)
}

/**
 * What the expressions of a schema have against them: they do not compile, or look at an old value where none can be
 * told. `loadCel` must be done.
 */
export function ruleCompileProblems(schema: JsonSchema, path: string): readonly FieldError[] {
  const program = compileRules(schema, true)
  return program === undefined ? [] : programProblems(program, path, undefined)
}

function programProblems(program: RuleProgram, path: string, uncorrelated: string | undefined): readonly FieldError[] {
  const { schema, properties, additional, items, also } = program
  const inner = uncorrelated ?? (isCorrelated(schema) ? undefined : path)
  return [
    ...program.rules.flatMap((compiled, index) => {
      const at = `${path}.${RULES}[${index}]`
      const { rule, problem, messageProblem, usesOldSelf } = compiled
      const where = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`
      return [
        ...(problem === undefined ? [] : [invalid(`${at}.rule`, shown(rule), problem)]),
        ...(messageProblem === undefined ? [] : [invalid(`${at}.messageExpression`, shown(rule), messageProblem)]),
        ...(usesOldSelf && uncorrelated !== undefined ? [invalid(`${at}.rule`, rule.rule, where)] : []),
      ]
    }),
    ...[...properties].flatMap(([name, each]) => programProblems(each, `${path}.properties[${name}]`, inner)),
    ...(additional === undefined ? [] : programProblems(additional, `${path}.additionalProperties`, inner)),
    ...(items === undefined ? [] : programProblems(items, `${path}.items`, inner)),
    ...also.flatMap((each, index) => programProblems(each, `${path}.allOf[${index}]`, uncorrelated)),
  ]
}

/** Whether parts of an old and a new value can be told to belong together. */
function isCorrelated(schema: JsonSchema): boolean {
  if (schema.type === 'array') return schema['x-kubernetes-list-type'] === 'map'
  return schema['x-kubernetes-map-type'] !== 'atomic'
}

/** A rule as upstream prints it, by the names of its Go type. */
function shown({
  rule,
  message = '',
  messageExpression = '',
  reason,
  fieldPath = '',
  optionalOldSelf,
}: ValidationRule) {
  return {
    Rule: rule,
    Message: message,
    MessageExpression: messageExpression,
    Reason: reason ?? null,
    FieldPath: fieldPath,
    OptionalOldSelf: optionalOldSelf ?? null,
  }
}
