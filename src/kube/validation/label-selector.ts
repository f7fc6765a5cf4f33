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
  const errors = qualifiedNameProblems(key).map((text) => invalid(`${path}.key`, key, text))
  const given = (values ?? []).length > 0
  if (operator === 'In' || operator === 'NotIn') {
    if (!given) errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (given)
      errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  } else errors.push(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
  return errors
}
