import type { FieldError } from '../kind.ts'
import type { LabelSelector, LabelSelectorRequirement } from '../types/meta.ts'
import { forbidden, invalid, required } from './field-error.ts'
import { labelValueProblems, qualifiedNameProblems } from './names.ts'

/** What is wrong with a LabelSelector (apimachinery `metav1validation.ValidateLabelSelector`). */
export function validateLabelSelector(selector: LabelSelector, path: string): readonly FieldError[] {
  const labels = Object.entries(selector.matchLabels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((text) => invalid(`${path}.matchLabels`, key, text)),
    ...labelValueProblems(value).map((text) => invalid(`${path}.matchLabels`, value, text)),
  ])
  return [...labels, ...validateRequirements(selector, path)]
}

/** What is wrong with its `matchExpressions`. */
export function validateRequirements({ matchExpressions }: LabelSelector, path: string): readonly FieldError[] {
  return (matchExpressions ?? []).flatMap((each, index) =>
    validateRequirement(each, `${path}.matchExpressions[${index}]`),
  )
}

function validateRequirement(
  { key = '', operator, values }: Partial<LabelSelectorRequirement>,
  path: string,
): readonly FieldError[] {
  const given = values ?? []
  return [
    ...validateOperator(operator, given, path),
    ...qualifiedNameProblems(key).map((text) => invalid(`${path}.key`, key, text)),
    ...given.flatMap((value, index) =>
      labelValueProblems(value).map((text) => invalid(`${path}.values[${index}]`, value, text)),
    ),
  ]
}

function validateOperator(operator: unknown, given: readonly string[], path: string): readonly FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (given.length > 0) return []
      return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
    case 'Exists':
    case 'DoesNotExist':
      if (given.length === 0) return []
      return [forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    default:
      return [invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator')]
  }
}
