import type { FieldError } from '../kind.ts'
import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '../types/batch.ts'
import { duplicate, invalid, notSupported, oneOf, required, tooLong, tooMany } from '../validation/field-error.ts'
import { qualifiedNameProblems } from '../validation/names.ts'
import { readIndexes } from './job-indexes.ts'
import { notNegative } from './workload.ts'

const MAX_RULES = 20
const MAX_PATTERNS = 20
const MAX_EXIT_CODES = 255
const MAX_INDEXED = 100_000
const MAX_INDEXES_TEXT = 64 * 1024
const MANY_COMPLETIONS = 100_000
const MANY_PARALLEL = 10_000
const MANY_FAILED = 10_000

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const INDEXED_ONLY = 'requires indexed completion mode'

/** Rules of the parts of a Job that say when it has succeeded or failed (upstream `validateJobSpec`). */
export function validateJobPolicies(spec: JobSpec, path: string): readonly FieldError[] {
  return [
    ...validateIndexLimits(spec, path),
    ...validateFailurePolicy(spec, `${path}.podFailurePolicy`),
    ...validateSuccessPolicy(spec, `${path}.successPolicy`),
    ...validateReplacement(spec, path),
  ]
}

function validateIndexLimits(spec: JobSpec, path: string): readonly FieldError[] {
  const { backoffLimitPerIndex, maxFailedIndexes } = spec
  const errors: FieldError[] = [
    ...notNegative(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex),
    ...notNegative(`${path}.maxFailedIndexes`, maxFailedIndexes),
  ]
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  if (spec.completionMode === 'Indexed') return [...errors, ...validateIndexed(spec, path)]
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    if (spec[field] !== undefined) errors.push(invalid(`${path}.${field}`, spec[field], INDEXED_ONLY))
  }
  return errors
}

function validateIndexed(spec: JobSpec, path: string): readonly FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes } = spec
  const errors: FieldError[] = []
  const tooHigh = (field: string, value: number, rule: string) => errors.push(invalid(`${path}.${field}`, value, rule))
  if (completions === undefined) errors.push(required(`${path}.completions`, 'when completion mode is Indexed'))
  if (parallelism > MAX_INDEXED) {
    tooHigh('parallelism', parallelism, `must be less than or equal to ${MAX_INDEXED} when completion mode is Indexed`)
  }
  if (maxFailedIndexes !== undefined && maxFailedIndexes > (completions ?? Number.POSITIVE_INFINITY)) {
    tooHigh('maxFailedIndexes', maxFailedIndexes, 'must be less than or equal to completions')
  }
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_INDEXED) {
    tooHigh('maxFailedIndexes', maxFailedIndexes, `must be less than or equal to ${MAX_INDEXED}`)
  }
  return [...errors, ...validateMany(spec, path)]
}

/** A status must not grow too large. */
function validateMany(spec: JobSpec, path: string): readonly FieldError[] {
  const { completions = 0, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec
  if (completions <= MANY_COMPLETIONS || backoffLimitPerIndex === undefined) return []
  const rule = (limit: number) =>
    `must be less than or equal to ${limit} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`
  const missing = `must be specified when completions is above ${MANY_COMPLETIONS}`
  return [
    ...(maxFailedIndexes === undefined ? [required(`${path}.maxFailedIndexes`, missing)] : []),
    ...(parallelism > MANY_PARALLEL ? [invalid(`${path}.parallelism`, parallelism, rule(MANY_PARALLEL))] : []),
    ...((maxFailedIndexes ?? 0) > MANY_FAILED
      ? [invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, rule(MANY_FAILED))]
      : []),
  ]
}

function validateReplacement({ podReplacementPolicy, podFailurePolicy }: JobSpec, path: string): readonly FieldError[] {
  // Upstream names the spec, not the field.
  return oneOf(path, podReplacementPolicy, podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'])
}

function validateFailurePolicy(spec: JobSpec, path: string): readonly FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? []
  return [
    ...(rules.length > MAX_RULES ? [tooMany(`${path}.rules`, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((rule, index) => validateFailureRule(spec, rule, `${path}.rules[${index}]`)),
  ]
}

function validateFailureRule(spec: JobSpec, rule: PodFailurePolicyRule, path: string): readonly FieldError[] {
  const { onExitCodes, onPodConditions = [] } = rule
  const errors: FieldError[] = [...validateAction(spec, rule.action, `${path}.action`)]
  if (onExitCodes !== undefined) errors.push(...validateExitCodes(spec, onExitCodes, `${path}.onExitCodes`))
  errors.push(...validatePatterns(onPodConditions, `${path}.onPodConditions`))
  if (onExitCodes !== undefined && onPodConditions.length > 0) {
    errors.push(ruleError(path, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  }
  if (onExitCodes === undefined && onPodConditions.length === 0) {
    errors.push(ruleError(path, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
  return errors
}

function validateAction(spec: JobSpec, action: string | undefined, path: string): readonly FieldError[] {
  if (!action) return [required(path, validValues(ACTIONS))]
  if (action === 'FailIndex') {
    const rule = 'requires the backoffLimitPerIndex to be set'
    return spec.backoffLimitPerIndex === undefined ? [invalid(path, action, rule)] : []
  }
  return ACTIONS.includes(action) ? [] : [notSupported(path, action, ACTIONS)]
}

type ExitCodes = NonNullable<PodFailurePolicyRule['onExitCodes']>

function validateExitCodes(spec: JobSpec, codes: ExitCodes, path: string): readonly FieldError[] {
  const { containerName, operator, values = [] } = codes
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {}
  const names = [...containers, ...initContainers].map(({ name }) => name)
  const errors: FieldError[] = []
  if (!operator) errors.push(required(`${path}.operator`, validValues(['In', 'NotIn'])))
  else errors.push(...oneOf(`${path}.operator`, operator, ['In', 'NotIn']))
  if (containerName !== undefined && !names.includes(containerName)) {
    const rule = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalid(`${path}.containerName`, containerName, rule))
  }
  if (values.length === 0) errors.push(invalid(`${path}.values`, values, 'at least one value is required'))
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(`${path}.values`, values.length, MAX_EXIT_CODES))
  for (const [index, value] of values.entries()) {
    const at = `${path}.values[${index}]`
    if (operator === 'In' && value === 0) errors.push(invalid(at, value, 'must not be 0 for the In operator'))
    if (values.indexOf(value) < index) errors.push(duplicate(at, value))
  }
  const ordered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value)
  return ordered ? errors : [...errors, invalid(`${path}.values`, values, 'must be ordered')]
}

function validatePatterns(
  patterns: readonly { readonly type: string; readonly status?: string }[],
  path: string,
): readonly FieldError[] {
  const statuses = ['False', 'True', 'Unknown']
  return [
    ...(patterns.length > MAX_PATTERNS ? [tooMany(path, patterns.length, MAX_PATTERNS)] : []),
    ...patterns.flatMap(({ type = '', status }, index) => [
      ...qualifiedNameProblems(type).map((text) => invalid(`${path}[${index}].type`, type, text)),
      ...(status
        ? oneOf(`${path}[${index}].status`, status, statuses)
        : [required(`${path}[${index}].status`, validValues(statuses))]),
    ]),
  ]
}

function validateSuccessPolicy(spec: JobSpec, path: string): readonly FieldError[] {
  const { successPolicy, completionMode } = spec
  if (successPolicy === undefined) return []
  if (completionMode !== 'Indexed') return [invalid(path, successPolicy, INDEXED_ONLY)]
  const rules = successPolicy.rules ?? []
  if (rules.length === 0) {
    return [required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified')]
  }
  return [
    ...(rules.length > MAX_RULES ? [tooMany(`${path}.rules`, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((rule, index) => validateSuccessRule(spec.completions ?? 0, rule, `${path}.rules[${index}]`)),
  ]
}

function validateSuccessRule(completions: number, rule: SuccessPolicyRule, path: string): readonly FieldError[] {
  const { succeededIndexes, succeededCount } = rule
  if (succeededCount === undefined && succeededIndexes === undefined) {
    return [required(path, 'at least one of succeededCount or succeededIndexes must be specified')]
  }
  const errors: FieldError[] = []
  const read = readIndexes(succeededIndexes ?? '', completions)
  const total = read.kind === 'indexes' ? read.total : 0
  if ((succeededIndexes ?? '').length > MAX_INDEXES_TEXT) {
    errors.push(tooLong(`${path}.succeededIndexes`, MAX_INDEXES_TEXT))
  }
  if (read.kind === 'unreadable') {
    const why = `error parsing succeededIndexes: ${read.message}`
    errors.push(invalid(`${path}.succeededIndexes`, succeededIndexes, why))
  }
  if (succeededCount === undefined) return errors
  errors.push(...notNegative(`${path}.succeededCount`, succeededCount))
  const atMost = (limit: number, what: string) => {
    if (succeededCount <= limit) return
    errors.push(
      invalid(
        `${path}.succeededCount`,
        succeededCount,
        `must be less than or equal to ${limit} (the number of ${what})`,
      ),
    )
  }
  atMost(completions, 'specified completions')
  if (succeededIndexes !== undefined) atMost(total, 'indexes in the specified succeededIndexes field')
  return errors
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`
}

/** Upstream shows no value there. */
function ruleError(field: string, detail: string): FieldError {
  return { type: 'Invalid', field, detail }
}
