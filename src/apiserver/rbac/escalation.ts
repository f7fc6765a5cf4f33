import type { Draft } from '../../kube/kind.ts'
import { RBAC_GROUP } from '../../kube/kinds/binding-rules.ts'
import { jsonEqual } from '../../kube/patch/json.ts'
import type { ClusterRole, PolicyRule, RoleBinding } from '../../kube/types/rbac.ts'
import type { Admission, AdmittedWrite } from '../admission.ts'
import type { Attributes, Authorizer } from '../authorization.ts'
import { forbidden, notFound } from '../status-error.ts'
import type { RbacIndex } from './rbac-index.ts'
import { printRule, rulesNotCovered } from './rule-cover.ts'

/**
 * Nobody gives away what he does not hold: whoever writes a role needs its rules or the verb `escalate` on it, whoever
 * binds one needs its rules or the verb `bind`.
 */
export function preventEscalation(authorizer: Authorizer, roles: { readonly index: RbacIndex }): Admission {
  return (write) => {
    const { group, plural } = write.kind.resource
    if (group !== RBAC_GROUP || onlyMetadataChanged(write)) return
    if (plural === 'roles' || plural === 'clusterroles') requireHeldRules(authorizer, write)
    else requireHeldRole(authorizer, roles.index, write)
  }
}

/** Labels, owners and finalizers of one's own may be changed without holding the rules (the garbage collector does). */
function onlyMetadataChanged({ object, old }: AdmittedWrite): boolean {
  if (old === undefined) return false
  const { metadata: _, ...now } = object
  const { metadata: __, ...before } = old as unknown as Draft
  return jsonEqual(now, before)
}

function requireHeldRules(authorizer: Authorizer, write: AdmittedWrite): void {
  const { rules, aggregationRule } = write.object as unknown as ClusterRole
  if (mayBy(authorizer, write, { verb: 'escalate', plural: write.kind.resource.plural, name: nameOf(write) })) return
  const held = authorizer.rulesFor(write.user, namespaceOf(write))
  requireCovered(write, held, rules ?? [])
  // Whoever sets which roles are gathered could gather any.
  if (
    aggregationRule !== undefined &&
    !jsonEqual(aggregationRule, (write.old as ClusterRole | undefined)?.aggregationRule)
  ) {
    requireCovered(write, held, EVERYTHING)
  }
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

function requireHeldRole(authorizer: Authorizer, index: RbacIndex, write: AdmittedWrite): void {
  const { roleRef } = write.object as unknown as RoleBinding
  const plural = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  if (mayBy(authorizer, write, { verb: 'bind', plural, name: roleRef.name })) return
  const rules = index.rulesOf(roleRef, namespaceOf(write))
  if (rules === undefined) throw notFound({ group: RBAC_GROUP, plural, kind: roleRef.kind }, roleRef.name)
  requireCovered(write, authorizer.rulesFor(write.user, namespaceOf(write)), rules)
}

function mayBy(
  authorizer: Authorizer,
  write: AdmittedWrite,
  { verb, plural, name }: { readonly verb: string; readonly plural: string; readonly name: string },
): boolean {
  const attributes: Attributes = {
    verb,
    group: RBAC_GROUP,
    resource: plural,
    subresource: '',
    namespace: namespaceOf(write),
    name,
    path: '',
  }
  return authorizer.decide(write.user, attributes)?.allowed === true
}

function requireCovered(write: AdmittedWrite, held: readonly PolicyRule[], wanted: readonly PolicyRule[]): void {
  const missing = rulesNotCovered(held, wanted)
  if (missing.length === 0) return
  const { name, groups } = write.user
  const who = `user ${JSON.stringify(name)} (groups=[${groups.map((group) => JSON.stringify(group)).join(' ')}])`
  const text = `${who} is attempting to grant RBAC permissions not currently held:\n${missing.map(printRule).sort().join('\n')}`
  throw forbidden(write.kind.resource, nameOf(write), text)
}

function nameOf({ object }: AdmittedWrite): string {
  return String((object.metadata as Draft).name)
}

function namespaceOf({ object }: AdmittedWrite): string {
  return String((object.metadata as Draft).namespace ?? '')
}
