import type { PolicyRule } from '../kube/types/rbac.ts'
import type { User } from './request.ts'

/** What a request wants to do. */
export interface Attributes {
  /** Verb of the API (`get`, `list`, `watch`, `create`, …), or the method of a path that is no resource. */
  readonly verb: string
  readonly group: string
  /** '' for a path that is no resource. */
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly path: string
  /** As the query has it; left out: none. */
  readonly fieldSelector?: string
}

export interface Decision {
  readonly allowed: boolean
  /** Why, as a review shows it; may be ''. */
  readonly reason: string
}

/** Decides who may do what. */
export interface Authorizer {
  /** `undefined`: it has nothing to say, which together is a refusal. */
  decide(user: User, attributes: Attributes): Decision | undefined
  /** All that a user may do in a namespace ('' : only what holds in the whole cluster), as far as rules can say it. */
  rulesFor(user: User, namespace: string): readonly PolicyRule[]
}

/** Who shows no credentials. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

const PRIVILEGED_GROUP = 'system:masters'
const privileged: Decision = { allowed: true, reason: '' }
const refused: Decision = { allowed: false, reason: '' }
const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** `system:masters` may do everything, whatever the roles say: it is the way back in. */
export const authorizePrivileged: Authorizer = {
  decide: (user) => (isPrivileged(user) ? privileged : undefined),
  rulesFor: (user) => (isPrivileged(user) ? everything : []),
}

export function isPrivileged(user: User): boolean {
  return user.groups.includes(PRIVILEGED_GROUP)
}

/** Asks one after the other; the first that has something to say decides. */
export function inTurn(
  authorizers: readonly Authorizer[],
): Authorizer & { decide: (...args: Parameters<Authorizer['decide']>) => Decision } {
  return {
    decide(user, attributes) {
      for (const authorizer of authorizers) {
        const decision = authorizer.decide(user, attributes)
        if (decision !== undefined) return decision
      }
      return refused
    },
    rulesFor: (user, namespace) => authorizers.flatMap((authorizer) => authorizer.rulesFor(user, namespace)),
  }
}

/** Why a request is refused, as the Status says it. */
export function denialOf(user: User, attributes: Attributes): string {
  const { verb, group, resource, subresource, namespace, path } = attributes
  if (resource === '') return `User "${user.name}" cannot ${verb} path "${path}"`
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  return `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`
}
