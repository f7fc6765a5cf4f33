import type { Column, FieldError } from '../kind.ts'
import type { KubeObject } from '../types/meta.ts'
import type { PolicyRule } from '../types/rbac.ts'
import { invalid, required } from '../validation/field-error.ts'

/** What is wrong with the rules of a role; those of a namespaced one cannot be about paths. */
export function validateRules(
  rules: readonly PolicyRule[] | null | undefined,
  namespaced: boolean,
): readonly FieldError[] {
  return (rules ?? []).flatMap((rule, index) => validateRule(rule, `rules[${index}]`, namespaced))
}

function validateRule(rule: PolicyRule, path: string, namespaced: boolean): readonly FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
  const errors = verbs.length === 0 ? [required(`${path}.verbs`, 'verbs must contain at least one value')] : []
  if (nonResourceURLs.length > 0) {
    const at = `${path}.nonResourceURLs`
    if (namespaced) errors.push(invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'))
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      errors.push(invalid(at, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'))
    }
    return errors
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
  }
  if (resources.length === 0) {
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'))
  }
  return errors
}

/** `2026-01-01T00:00:00Z`: roles are listed with the moment, not the age. */
export const createdAtColumn: Column<KubeObject> = {
  name: 'Created At',
  type: 'date',
  description: 'Time the object was created.',
  cell: ({ metadata }) => metadata.creationTimestamp ?? '',
}
