import { componentRules, type Rule } from './component-roles.ts'
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
}

export type Authorize = (user: User, attributes: Attributes) => boolean

const OPEN_PATHS = ['/api', '/apis', '/openapi', '/version', '/healthz', '/livez', '/readyz']
const SELF_REVIEWS = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'])

/**
 * Decides by a user's groups and the explicit table of what the system's components need (`component-roles.ts`).
 * `system:masters` may do everything, whoever is authenticated may read discovery, everything else is refused.
 */
export function authorizeByTable(user: User, attributes: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true
  if (attributes.resource === '') return attributes.verb === 'get' && isOpenPath(attributes.path)
  if (attributes.verb === 'create' && SELF_REVIEWS.has(attributes.resource)) return true
  return componentRules(user).some((rule) => allows(rule, user, attributes))
}

function isOpenPath(path: string): boolean {
  return OPEN_PATHS.some((open) => path === open || path.startsWith(`${open}/`))
}

function allows(rule: Rule, user: User, attributes: Attributes): boolean {
  const resource =
    attributes.subresource === '' ? attributes.resource : `${attributes.resource}/${attributes.subresource}`
  if (!matches(rule.verbs, attributes.verb)) return false
  if (!matches(rule.groups, attributes.group) || !matches(rule.resources, resource)) return false
  if (rule.namespace !== undefined && rule.namespace !== attributes.namespace) return false
  return !rule.own || attributes.name === '' || user.name === `system:node:${attributes.name}`
}

function matches(allowed: readonly string[], value: string): boolean {
  return allowed.includes('*') || allowed.includes(value)
}

/** Why a request is refused, as the Status says it. */
export function denialOf(user: User, attributes: Attributes): string {
  const { verb, group, resource, subresource, namespace, path } = attributes
  if (resource === '') return `User "${user.name}" cannot ${verb} path "${path}"`
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  return `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`
}
