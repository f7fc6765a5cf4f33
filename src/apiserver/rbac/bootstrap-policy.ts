import { RBAC_GROUP } from '../../kube/kinds/binding-rules.ts'
import { jsonEqual } from '../../kube/patch/json.ts'
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../kube/types/rbac.ts'
import { ALSO_BOUND, CONTROLLER_ROLES } from './controller-roles.ts'
import {
  AGGREGATED_INTO,
  AGGREGATED_ROLES,
  aggregationLabel,
  DEFAULT_BINDINGS,
  DEFAULT_ROLES,
} from './default-roles.ts'
import { NAMESPACE_ROLES } from './namespace-roles.ts'
import { staleAggregates } from './role-aggregation.ts'
import { rulesNotCovered } from './rule-cover.ts'
import { readRules } from './rule-notation.ts'

const apiVersion = `${RBAC_GROUP}/v1`
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const EVENTS = 'create patch update | core events | events'

/** Every cluster role that a cluster has from the start; the aggregated ones with their rules. */
export function defaultClusterRoles(): readonly ClusterRole[] {
  const plain = Object.entries(DEFAULT_ROLES).map(([name, text]) => clusterRole(name, readRules(text)))
  const controllers = Object.entries(CONTROLLER_ROLES).map(([name, text]) =>
    clusterRole(`system:controller:${name}`, readRules(`${text}\n${EVENTS}`)),
  )
  const aggregated = AGGREGATED_ROLES.map((name): ClusterRole => {
    const clusterRoleSelectors = [{ matchLabels: { [aggregationLabel(name)]: 'true' } }]
    return { ...clusterRole(name, []), aggregationRule: { clusterRoleSelectors } }
  })
  const all = [...plain, ...controllers, ...aggregated]
  const rules = staleAggregates(new Map(all.map((role) => [role.metadata.name, role])))
  return all.map((role) => ({ ...role, rules: rules.get(role.metadata.name) ?? role.rules }))
}

function clusterRole(name: string, rules: readonly PolicyRule[]): ClusterRole {
  const into = AGGREGATED_INTO[name]
  const labels = { ...LABELS, ...(into === undefined ? {} : { [aggregationLabel(into)]: 'true' }) }
  const metadata = { name, labels, annotations: { [AUTO_UPDATE]: 'true' } }
  return { kind: 'ClusterRole', apiVersion, metadata, rules }
}

/** The roles that `kube-` namespaces have from the start, and who has them. */
export function defaultNamespaceRoles(): readonly (Role | RoleBinding)[] {
  return NAMESPACE_ROLES.flatMap(({ namespace, name, rules, boundAs, subjects }) => {
    const metadata = (own: string) => ({ ...defaultMetadata(own), namespace })
    const role: Role = { kind: 'Role', apiVersion, metadata: metadata(name), rules: readRules(rules) }
    const roleRef = { apiGroup: RBAC_GROUP, kind: 'Role', name }
    const to = subjects.map(subjectOf)
    return [role, { kind: 'RoleBinding', apiVersion, metadata: metadata(boundAs ?? name), roleRef, subjects: to }]
  })
}

function defaultMetadata(name: string): ClusterRole['metadata'] {
  return { name, labels: LABELS, annotations: { [AUTO_UPDATE]: 'true' } }
}

/** Who has which of them. */
export function defaultClusterRoleBindings(): readonly ClusterRoleBinding[] {
  const controllers = Object.keys(CONTROLLER_ROLES).map((name) =>
    binding(
      `system:controller:${name}`,
      [name, ...(ALSO_BOUND[name] ?? [])].map((account) => `ServiceAccount kube-system/${account}`),
    ),
  )
  return [...Object.entries(DEFAULT_BINDINGS).map(([name, subjects]) => binding(name, subjects)), ...controllers]
}

function binding(name: string, subjects: readonly string[]): ClusterRoleBinding {
  return {
    kind: 'ClusterRoleBinding',
    apiVersion,
    metadata: defaultMetadata(name),
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
    ...(subjects.length === 0 ? {} : { subjects: subjects.map(subjectOf) }),
  }
}

function subjectOf(text: string): Subject {
  const [kind = '', name = ''] = text.split(' ')
  if (kind !== 'ServiceAccount') return { kind, apiGroup: RBAC_GROUP, name }
  const [namespace = '', account = ''] = name.split('/')
  return { kind, namespace, name: account }
}

/**
 * What a default object that is there already should become: with the rules or subjects that it lacks, unless it says
 * by its annotation that it is to be left alone. `undefined`: it stays as it is.
 */
export function reconciled<T extends ClusterRole | ClusterRoleBinding | Role | RoleBinding>(
  present: T,
  wanted: T,
): T | undefined {
  if (present.metadata.annotations?.[AUTO_UPDATE] !== 'true') return undefined
  if ('roleRef' in wanted) return withSubjects(present as ClusterRoleBinding, wanted) as T | undefined
  const { rules, aggregationRule } = present as ClusterRole
  // An aggregated role follows those that it is made of.
  if (aggregationRule !== undefined || jsonEqual(rules, wanted.rules)) return undefined
  const missing = rulesNotCovered(rules ?? [], wanted.rules ?? [])
  return missing.length === 0 ? undefined : { ...present, rules: [...(rules ?? []), ...missing] }
}

function withSubjects(present: ClusterRoleBinding, wanted: ClusterRoleBinding): ClusterRoleBinding | undefined {
  const { subjects = [] } = present
  const missing = (wanted.subjects ?? []).filter((subject) => !subjects.some((each) => jsonEqual(each, subject)))
  if (missing.length === 0 && jsonEqual(present.roleRef, wanted.roleRef)) return undefined
  return { ...present, roleRef: wanted.roleRef, subjects: [...subjects, ...missing] }
}
