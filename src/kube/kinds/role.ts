import type { KindDefinition } from '../kind.ts'
import { roles } from '../resource.ts'
import type { Role } from '../types/rbac.ts'
import { createdAtColumn, validateRules } from './policy-rules.ts'

/** rbac.authorization.k8s.io/v1 Role: what may be done in a namespace. */
export const roleKind: KindDefinition<Role> = {
  resource: roles,
  listKind: 'RoleList',
  singular: 'role',
  createdByPut: true,
  nameRule: 'path-segment',
  default(draft) {
    draft.rules ??= null
  },
  validate: ({ rules }) => validateRules(rules, true),
  columns: [createdAtColumn],
}
