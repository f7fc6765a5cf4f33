import type { KubeObject } from '../../kube/types/meta.ts'
import type { PolicyRule, RoleBinding, RoleRef, Subject } from '../../kube/types/rbac.ts'
import type { Attributes, Authorizer, Decision } from '../authorization.ts'
import type { User } from '../request.ts'
import { CompiledRules } from './compiled-rules.ts'

/** One subject of one binding. */
interface Grant {
  /** Key of the binding it comes from. */
  readonly binding: string
  /** '' : in the whole cluster. */
  readonly namespace: string
  /** Where its role is in the index. */
  readonly role: string
  readonly decision: Decision
}

const NONE: readonly Grant[] = []

/** Roles and bindings as they are needed to decide: by user, by group. Deciding allocates nothing. */
export class RbacIndex implements Authorizer {
  /** By `namespace/name`; cluster roles have no namespace. */
  readonly #roles = new Map<string, CompiledRules>()
  readonly #users = new Map<string, readonly Grant[]>()
  readonly #groups = new Map<string, readonly Grant[]>()
  /** By key: what a binding put into the maps above. */
  readonly #bindings = new Map<string, readonly Subject[]>()

  /** Takes in what an object is now; `undefined`: it is gone. `key` is that of the store. */
  apply(key: string, object: KubeObject | undefined): void {
    const [, , , plural = '', ...place] = key.split('/')
    if (plural === 'roles' || plural === 'clusterroles') this.#applyRole(roleKey(place), object)
    else this.#applyBinding(key, object as RoleBinding | undefined)
  }

  #applyRole(key: string, object: KubeObject | undefined): void {
    const { rules } = (object ?? {}) as { rules?: readonly PolicyRule[] | null }
    if (object === undefined) this.#roles.delete(key)
    else this.#roles.set(key, new CompiledRules(rules ?? []))
  }

  #applyBinding(key: string, binding: RoleBinding | undefined): void {
    for (const subject of this.#bindings.get(key) ?? []) {
      const { map, name } = this.#holderOf(subject)
      const left = (map.get(name) ?? NONE).filter((grant) => grant.binding !== key)
      if (left.length === 0) map.delete(name)
      else map.set(name, left)
    }
    this.#bindings.delete(key)
    if (binding === undefined) return
    const { namespace = '' } = binding.metadata
    const subjects = (binding.subjects ?? []).map((subject) => ({
      ...subject,
      namespace: subject.namespace ?? namespace,
    }))
    this.#bindings.set(key, subjects)
    for (const subject of subjects) {
      const { map, name } = this.#holderOf(subject)
      map.set(name, [...(map.get(name) ?? NONE), grantOf(key, binding, subject)])
    }
  }

  #holderOf({ kind, namespace, name }: Subject): { map: Map<string, readonly Grant[]>; name: string } {
    if (kind === 'Group') return { map: this.#groups, name }
    return { map: this.#users, name: kind === 'ServiceAccount' ? `system:serviceaccount:${namespace}:${name}` : name }
  }

  decide(user: User, attributes: Attributes): Decision | undefined {
    const { resource, subresource } = attributes
    const whole = subresource === '' ? resource : `${resource}/${subresource}`
    const found = this.#among(this.#users.get(user.name), attributes, whole)
    if (found !== undefined) return found
    for (const group of user.groups) {
      const decision = this.#among(this.#groups.get(group), attributes, whole)
      if (decision !== undefined) return decision
    }
    return undefined
  }

  #among(grants: readonly Grant[] | undefined, attributes: Attributes, whole: string): Decision | undefined {
    if (grants === undefined) return undefined
    for (const { namespace, role, decision } of grants) {
      if (namespace !== '' && namespace !== attributes.namespace) continue
      if (this.#roles.get(role)?.allow(attributes, whole)) return decision
    }
    return undefined
  }

  rulesFor(user: User, namespace: string): readonly PolicyRule[] {
    const grants = [this.#users.get(user.name), ...user.groups.map((group) => this.#groups.get(group))].flatMap(
      (found) => found ?? NONE,
    )
    const roles = new Set(
      grants.filter((grant) => grant.namespace === '' || grant.namespace === namespace).map(({ role }) => role),
    )
    return [...roles].flatMap((role) => this.#roles.get(role)?.rules ?? [])
  }

  /** The rules of the role that a binding in `namespace` refers to; `undefined`: there is no such role. */
  rulesOf({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#roles.get(kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`)?.rules
  }
}

function roleKey(place: readonly string[]): string {
  return place.length === 1 ? `/${place[0]}` : place.join('/')
}

function grantOf(key: string, { kind, metadata, roleRef }: RoleBinding, subject: Subject): Grant {
  const { name, namespace = '' } = metadata
  const binding = namespace === '' ? name : `${name}/${namespace}`
  const whom = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace}` : subject.name
  const reason = `RBAC: allowed by ${kind} "${binding}" of ${roleRef.kind} "${roleRef.name}" to ${subject.kind} "${whom}"`
  const role = roleRef.kind === 'ClusterRole' ? `/${roleRef.name}` : `${namespace}/${roleRef.name}`
  return { binding: key, namespace, role, decision: { allowed: true, reason } }
}
