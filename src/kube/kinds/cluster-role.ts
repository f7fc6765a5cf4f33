import type { FieldError, KindDefinition } from '../kind.ts'
import { clusterRoles } from '../resource.ts'
import type { ClusterRole } from '../types/rbac.ts'
import { required } from '../validation/field-error.ts'
import { validateLabelSelector } from '../validation/label-selector.ts'
import { createdAtColumn, validateRules } from './policy-rules.ts'

/** rbac.authorization.k8s.io/v1 ClusterRole: what may be done in the whole cluster, or in the namespace of a RoleBinding. */
export const clusterRoleKind: KindDefinition<ClusterRole> = {
  resource: clusterRoles,
  listKind: 'ClusterRoleList',
  singular: 'clusterrole',
  createdByPut: true,
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
  return clusterRoleSelectors.flatMap((selector, index) => validateLabelSelector(selector, `${path}[${index}]`))
}
