import { FairleadError } from '../base/error.ts'
import { type LabelOperator, type LabelRequirement, parseLabelRequirements } from './selector-parser.ts'
import type { LabelSelector } from './types/meta.ts'

export type { LabelOperator, LabelRequirement } from './selector-parser.ts'

/** All requirements hold together; an empty selector matches everything. */
export type ParsedLabelSelector = readonly LabelRequirement[]

/** Matches no labels at all: what a missing LabelSelector means. */
export const matchNothing: ParsedLabelSelector = [{ key: '<none>', operator: 'in', values: [] }]

const OPERATOR_OF: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

/**
 * Parses a label selector as kubectl and the API's `labelSelector` take it, for example
 * `app=web,tier!=cache,env in (dev, test),!legacy`.
 *
 * @throws FairleadError `INVALID_INPUT` with upstream's text when the selector is malformed.
 */
export function parseLabelSelector(text: string): ParsedLabelSelector {
  return parseLabelRequirements(text)
}

/** Whether an object's labels satisfy every requirement. `!=`, `notin` and `!` also match when the label is missing. */
export function matchesLabels(
  selector: ParsedLabelSelector,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return selector.every((requirement) => matchesRequirement(requirement, labelOf(labels, requirement.key)))
}

/**
 * The requirements of a LabelSelector object: none for an empty one (matches everything), {@link matchNothing} for a
 * missing one, as upstream has it.
 *
 * @throws FairleadError `INVALID_INPUT` for an unknown operator or a wrong number of values.
 */
export function labelSelectorFrom(selector: LabelSelector | undefined): ParsedLabelSelector {
  if (selector === undefined) return matchNothing
  const equal = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): LabelRequirement => ({ key, operator: '=', values: [value] }),
  )
  return [...equal, ...(selector.matchExpressions ?? []).map(requirementFrom)]
}

/** Writes a selector as `parseLabelSelector` reads it; {@link matchNothing} becomes `<none>`, which it refuses. */
export function formatLabelSelector(selector: ParsedLabelSelector): string {
  return selector === matchNothing ? '<none>' : selector.map(formatRequirement).join(',')
}

function requirementFrom(expression: NonNullable<LabelSelector['matchExpressions']>[number]): LabelRequirement {
  const { key, operator: name, values = [] } = expression
  const operator = Object.hasOwn(OPERATOR_OF, name) ? OPERATOR_OF[name] : undefined
  if (operator === undefined) {
    throw new FairleadError('INVALID_INPUT', `"${name}" is not a valid label selector operator`)
  }
  const takesValues = operator === 'in' || operator === 'notin'
  if (takesValues !== values.length > 0) {
    const wanted = takesValues ? "values set can't be empty" : 'values set must be empty for exists and does not exist'
    throw new FairleadError('INVALID_INPUT', `values: Invalid value: ${JSON.stringify(values)}: ${wanted}`)
  }
  return { key, operator, values }
}

function matchesRequirement({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case '=':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case '>':
      return compareIntegers(value, values[0], (label, bound) => label > bound)
    case '<':
      return compareIntegers(value, values[0], (label, bound) => label < bound)
    default:
      return operator satisfies never
  }
}

function compareIntegers(
  value: string | undefined,
  bound: string | undefined,
  holds: (label: bigint, bound: bigint) => boolean,
): boolean {
  if (value === undefined || bound === undefined || !/^[+-]?\d+$/.test(value)) return false
  return holds(BigInt(value.replace(/^\+/, '')), BigInt(bound.replace(/^\+/, '')))
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',') || ','})`
    default:
      return `${key}${operator}${values[0] ?? ''}`
  }
}

function labelOf(labels: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
}
