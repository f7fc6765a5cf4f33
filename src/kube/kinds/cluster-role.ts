import type { FieldError, KindDefinition } from '../kind.ts'
import { clusterRoles } from '../resource.ts'
import type { LabelSelectorRequirement } from '../types/meta.ts'
import type { ClusterRole } from '../types/rbac.ts'
import { forbidden, invalid, required } from '../validation/field-error.ts'
import { labelValueProblems, qualifiedNameProblems } from '../validation/names.ts'
import { createdAtColumn, validateRules } from './policy-rules.ts'

/** rbac.authorization.k8s.io/v1 ClusterRole: what may be done in the whole cluster, or in the namespace of a RoleBinding. */
export const clusterRoleKind: KindDefinition<ClusterRole> = {
  resource: clusterRoles,
  listKind: 'ClusterRoleList',
  singular: 'clusterrole',
  nameRule: 'path-segment',
  default(draft) {
    draft.rules ??= null
  },
  validate: ({ rules, aggregationRule }) => [
    ...validateRules(rules, false),
    ...(aggregationRule === undefined ? [] : validateAggregation(aggregationRule)),
  ],
  columns: [createdAtColumn],
}

function validateAggregation({
  clusterRoleSelectors = [],
}: NonNullable<ClusterRole['aggregationRule']>): readonly FieldError[] {
  const path = 'aggregationRule.clusterRoleSelectors'
  if (clusterRoleSelectors.length === 0) {
    return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')]
  }
  return clusterRoleSelectors.flatMap(({ matchLabels = {}, matchExpressions = [] }, index) => {
    const at = `${path}[${index}]`
    const labels = Object.entries(matchLabels).flatMap(([key, value]) => [
      ...qualifiedNameProblems(key).map((text) => invalid(`${at}.matchLabels`, key, text)),
      ...labelValueProblems(value).map((text) => invalid(`${at}.matchLabels`, value, text)),
    ])
    const requirements = matchExpressions.flatMap((requirement, position) =>
      validateRequirement(requirement, `${at}.matchExpressions[${position}]`),
    )
    return [...labels, ...requirements]
  })
}

function validateRequirement(
  { key, operator, values = [] }: LabelSelectorRequirement,
  path: string,
): readonly FieldError[] {
  const errors = qualifiedNameProblems(key).map((text) => invalid(`${path}.key`, key, text))
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
  } else errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
  return errors
}
