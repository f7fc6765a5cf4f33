import { celPackage } from '../cel/engine.ts'
import type { RuleType } from '../cel/rule-types.ts'
import type { FieldError } from '../kind.ts'
import { isJsonObject, type JsonObject, jsonEqual } from '../patch/json.ts'
import type { JsonSchema, ValidationRule } from '../types/custom-resource-definition.ts'
import { duplicate, forbidden, invalid, required } from '../validation/field-error.ts'
import { rulePath } from './rule-paths.ts'
import type { CompiledRule, RuleProgram } from './rule-program.ts'

/** Steps that all rules of one object may take together (apiserver `RuntimeCELCostBudget`). */
export const RULE_BUDGET = 10_000_000
const MESSAGE_LIMIT = 5 * 1024
/** How upstream prints the path of a whole object. */
const WHOLE = '<nil>'

/** What is to be checked: a value, and what was there before, where the two belong together. */
interface Subject {
  readonly path: string
  readonly value: unknown
  readonly old: unknown
  /** Whether this, or what it lies in, is as it was before: then old faults are forgiven. */
  readonly unchanged: boolean
}

/** Thrown to end the check of an object: nothing more is evaluated. */
interface Running {
  budget: number
  ended: boolean
  readonly errors: FieldError[]
}

/**
 * Evaluates the rules of a custom resource (apiextensions `schema/cel.Validator`). Faults of what an update leaves as it
 * was are forgiven, save those of rules that look at the old value.
 */
export function evaluateRules(program: RuleProgram, object: unknown, old: unknown): readonly FieldError[] {
  const running: Running = { budget: RULE_BUDGET, ended: false, errors: [] }
  visit(program, { path: '', value: object, old, unchanged: false }, running)
  return running.errors
}

function visit(program: RuleProgram, subject: Subject, running: Running): void {
  const { value, old } = subject
  if (running.ended || value === null || value === undefined) return
  const known = old !== undefined && old !== null
  const here = { ...subject, unchanged: subject.unchanged || (known && jsonEqual(value, old)) }
  if (program.type !== undefined && program.rules.length > 0) checkRules(program, program.type, here, running)
  for (const each of program.also) visit(each, { ...here, unchanged: false }, running)
  if (Array.isArray(value)) visitItems(program, here, value, running)
  else if (isJsonObject(value)) visitFields(program, here, value, running)
}

function visitFields(program: RuleProgram, subject: Subject, ...[value, running]: [JsonObject, Running]): void {
  const correlated = program.schema['x-kubernetes-map-type'] !== 'atomic' && isJsonObject(subject.old)
  const before = correlated ? (subject.old as JsonObject) : {}
  for (const [name, each] of Object.entries(value)) {
    const inner = program.properties.get(name)
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    const path = subject.path === '' ? name : `${subject.path}.${name}`
    if (inner !== undefined) visit(inner, { ...subject, path, value: each, old }, running)
    if (program.additional !== undefined) {
      visit(program.additional, { ...subject, path: `${subject.path}[${name}]`, value: each, old }, running)
    }
  }
}

function visitItems(program: RuleProgram, subject: Subject, ...[value, running]: [readonly unknown[], Running]): void {
  const { items, schema } = program
  if (items === undefined) return
  const before = itemsByKey(schema, subject.old)
  for (const [index, each] of value.entries()) {
    const old = before?.get(keyOf(schema, each))
    visit(items, { ...subject, path: `${subject.path}[${index}]`, value: each, old }, running)
  }
}

function itemsByKey(schema: JsonSchema, old: unknown): ReadonlyMap<string, unknown> | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined
  return new Map(old.map((item) => [keyOf(schema, item), item]))
}

function keyOf(schema: JsonSchema, item: unknown): string {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  return JSON.stringify(isJsonObject(item) ? keys.map((key) => item[key]) : item)
}

function checkRules(program: RuleProgram, type: RuleType, ...[subject, running]: [Subject, Running]): void {
  const { Optional } = celPackage()
  const known = subject.old !== undefined && subject.old !== null
  const self = type.toCel(subject.value)
  const oldSelf = known ? type.toCel(subject.old) : undefined
  for (const compiled of program.rules) {
    if (running.ended) return
    const optional = compiled.rule.optionalOldSelf === true
    // A rule about a change has nothing to say where there is no old value.
    if (compiled.usesOldSelf && !known && !optional) continue
    const variables = { self, oldSelf: optional ? Optional.of(oldSelf) : oldSelf }
    checkRule(program, compiled, { subject, variables }, running)
  }
}

interface Evaluation {
  readonly subject: Subject
  readonly variables: Readonly<Record<string, unknown>>
}

function checkRule(program: RuleProgram, compiled: CompiledRule, ...[at, running]: [Evaluation, Running]): void {
  const { rule, expression, problem } = compiled
  const type = program.schema.type ?? ''
  const path = at.subject.path === '' ? WHOLE : at.subject.path
  const fault = (detail: string) => running.errors.push(invalid(path, type, detail))
  if (problem !== undefined || expression === undefined) {
    fault(`rule compile error: ${problem}`)
    return
  }
  const ended = expression.evaluate(at.variables)
  const cancelled = 'operation cancelled: actual cost limit exceeded'
  if (ended.kind === 'exceeded') {
    fault(
      `'${cancelled}': no further validation rules will be run due to call cost exceeds limit for rule: ${told(rule)}`,
    )
    running.ended = true
  } else if (!pays(running, ended.steps)) {
    fault('validation failed due to running out of cost budget, no further validation rules will be run')
  } else if (ended.kind === 'failed') {
    const why = 'call arguments did not match a supported operator, function or macro signature'
    fault(
      ended.text === 'no such overload'
        ? `'no such overload': ${why} for rule: ${told(rule)}`
        : `${ended.text} evaluating rule: ${told(rule)}`,
    )
  } else if (ended.value !== true && (compiled.usesOldSelf || !at.subject.unchanged)) {
    const detail =
      messageOf(compiled, at, running) ?? (rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`)
    running.errors.push(errorOf(rule, { path: pathOf(program, at.subject, rule), type, detail }))
  }
}

function pays(running: Running, steps: number): boolean {
  running.budget -= steps
  if (running.budget < 0) running.ended = true
  return !running.ended
}

function told({ rule, message }: ValidationRule): string {
  return (message || rule).trim()
}

function pathOf({ schema }: RuleProgram, { path }: Subject, { fieldPath }: ValidationRule): string {
  const rest = fieldPath === undefined ? '' : (rulePath(schema, fieldPath) ?? '')
  if (path !== '') return `${path}${rest}`
  return rest === '' ? WHOLE : rest.replace(/^\./, '')
}

/** What the rule's expression says; `undefined` for nothing fit to be shown, as if there were no such expression. */
function messageOf({ message }: CompiledRule, { variables }: Evaluation, running: Running): string | undefined {
  if (message === undefined) return undefined
  const ended = message.evaluate(variables)
  if (ended.kind === 'exceeded' || !pays(running, ended.steps)) {
    running.ended = true
    return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run'
  }
  if (ended.kind !== 'value' || typeof ended.value !== 'string') return undefined
  const text = ended.value.trim()
  return text === '' || text.includes('\n') || Buffer.byteLength(text) > MESSAGE_LIMIT ? undefined : text
}

function errorOf(
  { reason }: ValidationRule,
  { path, type, detail }: { readonly path: string; readonly type: string; readonly detail: string },
): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(path, detail)
    case 'FieldValueRequired':
      return required(path, detail)
    case 'FieldValueDuplicate':
      return duplicate(path, type)
    default:
      return invalid(path, type, detail)
  }
}
