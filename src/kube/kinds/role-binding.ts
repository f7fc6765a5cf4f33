import type { KindDefinition } from '../kind.ts'
import { roleBindings } from '../resource.ts'
import type { RoleBinding } from '../types/rbac.ts'
import { bindingColumns, defaultBinding, validateBinding } from './binding-rules.ts'

/** rbac.authorization.k8s.io/v1 RoleBinding: grants a role, or a cluster role, in one namespace. */
export const roleBindingKind: KindDefinition<RoleBinding> = {
  resource: roleBindings,
  listKind: 'RoleBindingList',
  singular: 'rolebinding',
  createdByPut: true,
  nameRule: 'path-segment',
  default: defaultBinding,
  validate: (binding, old) => validateBinding(binding, old, ['Role', 'ClusterRole']),
  columns: bindingColumns,
}
