import type { KindDefinition } from '../kind.ts'
import { clusterRoleBindings } from '../resource.ts'
import type { ClusterRoleBinding } from '../types/rbac.ts'
import { bindingColumns, defaultBinding, validateBinding } from './binding-rules.ts'

/** rbac.authorization.k8s.io/v1 ClusterRoleBinding: grants a cluster role in the whole cluster. */
export const clusterRoleBindingKind: KindDefinition<ClusterRoleBinding> = {
  resource: clusterRoleBindings,
  listKind: 'ClusterRoleBindingList',
  singular: 'clusterrolebinding',
  createdByPut: true,
  nameRule: 'path-segment',
  default: defaultBinding,
  validate: (binding, old) => validateBinding(binding, old, ['ClusterRole']),
  columns: bindingColumns,
}
