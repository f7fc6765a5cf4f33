import { compileExpression, type Expression } from '../cel/expression.ts'
import { ruleEnvironment } from '../cel/rule-environment.ts'
import { type RuleType, RuleTypes } from '../cel/rule-types.ts'
import { isJsonObject } from '../patch/json.ts'
import type { JsonSchema, ValidationRule } from '../types/custom-resource-definition.ts'

/** A rule of a schema, ready to be evaluated, or what is wrong with it. */
export interface CompiledRule {
  readonly rule: ValidationRule
  readonly expression?: Expression
  readonly problem?: string
  readonly message?: Expression
  readonly messageProblem?: string
  /** Whether the rule or its message looks at what was there before. */
  readonly usesOldSelf: boolean
}

/** The rules of a schema and of what lies in it. */
export interface RuleProgram {
  readonly schema: JsonSchema
  readonly type: RuleType | undefined
  readonly rules: readonly CompiledRule[]
  readonly properties: ReadonlyMap<string, RuleProgram>
  readonly additional: RuleProgram | undefined
  readonly items: RuleProgram | undefined
  /** Of `allOf`: they are about the same value. */
  readonly also: readonly RuleProgram[]
}

const RULES = 'x-kubernetes-validations'

/** Whether a schema has rules, at whatever level. */
export function hasRules(schema: JsonSchema): boolean {
  return rulesOf(schema).length > 0 || childrenOf(schema).some(hasRules)
}

export function rulesOf(schema: JsonSchema): readonly ValidationRule[] {
  return schema[RULES] ?? []
}

function childrenOf({ properties = {}, additionalProperties, items, allOf = [] }: JsonSchema): readonly JsonSchema[] {
  return [
    ...Object.values(properties),
    ...(isJsonObject(additionalProperties) ? [additionalProperties as JsonSchema] : []),
    ...(items === undefined ? [] : [items]),
    ...allOf,
  ]
}

/**
 * Compiles the rules of a schema. `loadCel` must be done.
 *
 * @param shape What declares the types, where the rules stand in an `allOf` beside it.
 * @returns `undefined` when there is none.
 */
export function compileRules(schema: JsonSchema, root: boolean, shape: JsonSchema = schema): RuleProgram | undefined {
  if (!hasRules(schema)) return undefined
  const rules = rulesOf(schema)
  const environment = ruleEnvironment()
  const type = rules.length === 0 ? undefined : new RuleTypes(environment).declare(shape, root)
  const children = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const program = compileChild(property, shape.properties?.[name])
    return program === undefined ? [] : [[name, program] as const]
  })
  return {
    schema: shape,
    type,
    rules: type === undefined ? [] : rules.map((rule) => compileRule(environment, type, rule)),
    properties: new Map(children),
    additional: compileChild(schema.additionalProperties, shape.additionalProperties),
    items: compileChild(schema.items, shape.items),
    also: (schema.allOf ?? []).flatMap((each) => compileRules(each, root, shape) ?? []),
  }
}

function compileChild(schema: unknown, shape: unknown): RuleProgram | undefined {
  if (!isJsonObject(schema) || !isJsonObject(shape)) return undefined
  const child = shape as JsonSchema
  return compileRules(schema as JsonSchema, child['x-kubernetes-embedded-resource'] === true, child)
}

type Environment = ReturnType<typeof ruleEnvironment>

function compileRule(environment: Environment, { name }: RuleType, rule: ValidationRule): CompiledRule {
  const scope = environment
    .clone()
    .registerVariable('self', name)
    .registerVariable('oldSelf', rule.optionalOldSelf === true ? `optional<${name}>` : name)
  const { expression, problem } = compiled(scope, rule.rule, { type: 'bool', called: 'cel expression' })
  const message =
    rule.messageExpression === undefined
      ? {}
      : compiled(scope, rule.messageExpression, { type: 'string', called: 'messageExpression' })
  return {
    rule,
    usesOldSelf: expression?.usesOldSelf === true || message.expression?.usesOldSelf === true,
    ...(expression === undefined ? {} : { expression }),
    ...(problem === undefined ? {} : { problem: `${problem.compiled ? 'compilation failed: ' : ''}${problem.text}` }),
    ...(message.expression === undefined ? {} : { message: message.expression }),
    ...(message.problem === undefined
      ? {}
      : {
          messageProblem: `${message.problem.compiled ? 'messageExpression compilation failed: ' : ''}${message.problem.text}`,
        }),
  }
}

interface Compiled {
  readonly expression?: Expression
  readonly problem?: { readonly compiled: boolean; readonly text: string }
}

function compiled(
  scope: Environment,
  source: string,
  wanted: { readonly type: string; readonly called: string },
): Compiled {
  const result = compileExpression(scope, source)
  if ('issue' in result) return { problem: { compiled: true, text: result.issue } }
  const { type } = result.expression
  const fits = type === wanted.type || type === 'dyn' || type === `dyn<${wanted.type}>`
  if (!fits) return { problem: { compiled: false, text: `${wanted.called} must evaluate to a ${wanted.type}` } }
  return { expression: result.expression }
}
