/** Types of group rbac.authorization.k8s.io/v1. */
import type { KubeObject, LabelSelector } from './meta.ts'

/** What may be done: to resources, or (in cluster roles) to paths that are no resource. `*` stands for all. */
export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  /** Plural names, `pods/log` for a subresource, `*` for all. */
  readonly resources?: readonly string[]
  /** Empty or left out: all. */
  readonly resourceNames?: readonly string[]
  /** Paths; a `*` at the end stands for the rest. */
  readonly nonResourceURLs?: readonly string[]
}

export interface Subject {
  readonly kind: string
  readonly apiGroup?: string
  readonly name: string
  readonly namespace?: string
}

export interface RoleRef {
  readonly apiGroup: string
  readonly kind: string
  readonly name: string
}

export interface Role extends KubeObject {
  readonly rules: readonly PolicyRule[] | null
}

export interface ClusterRole extends KubeObject {
  readonly rules: readonly PolicyRule[] | null
  /** Where set, the rules are those of the cluster roles that any of the selectors selects. */
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly LabelSelector[] }
}

export interface RoleBinding extends KubeObject {
  readonly subjects?: readonly Subject[]
  readonly roleRef: RoleRef
}

export interface ClusterRoleBinding extends KubeObject {
  readonly subjects?: readonly Subject[]
  readonly roleRef: RoleRef
}
