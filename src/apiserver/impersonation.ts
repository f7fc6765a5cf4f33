import { ANONYMOUS, type Attributes, type Authorizer, denialOf } from './authorization.ts'
import type { ApiRequest, User } from './request.ts'
import { badRequest, forbidden } from './status-error.ts'

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/
const EXTRA_HEADER = 'impersonate-extra-'

/**
 * The request as the user asks it whom its headers name (`kubectl --as`, `--as-group`), when whoever asks may
 * `impersonate` that user and every one of the groups. Nobody's headers are ignored: a request that must not be made in
 * another's name is refused, and not made in one's own.
 *
 * Groups in one header are separated by a comma and a space, as Node.js joins repeated headers.
 *
 * @throws StatusError 400 for groups without a user, 403 for a user who must not be impersonated.
 */
export function impersonate(request: ApiRequest, authorizer: Authorizer): ApiRequest {
  const { headers } = request
  const name = headers['impersonate-user']
  const groups = headers['impersonate-group']?.split(', ') ?? []
  const further = Object.keys(headers).filter((key) => key.startsWith(EXTRA_HEADER) || key === 'impersonate-uid')
  if (name === undefined || name === '') {
    if (groups.length === 0 && further.length === 0) return request
    throw badRequest('requested to impersonate groups, a uid or extra fields without impersonating a user')
  }
  if (further.length > 0) throw badRequest(`${further[0]} is not supported: impersonate users and groups only`)
  const asker = request.user ?? ANONYMOUS
  for (const what of [userAttributes(name), ...groups.map((group) => attributes('groups', group))]) {
    if (authorizer.decide(asker, what)?.allowed === true) continue
    throw forbidden({ group: '', plural: what.resource }, what.name, denialOf(asker, what))
  }
  return { ...request, user: impersonated(name, groups) }
}

function userAttributes(name: string): Attributes {
  const [, namespace, account] = SERVICE_ACCOUNT.exec(name) ?? []
  if (namespace === undefined || account === undefined) return attributes('users', name)
  return { ...attributes('serviceaccounts', account), namespace }
}

function attributes(resource: string, name: string): Attributes {
  return { verb: 'impersonate', group: '', resource, subresource: '', namespace: '', name, path: '' }
}

/** A service account has its groups by its name; whoever is named is taken as having logged in. */
function impersonated(name: string, groups: readonly string[]): User {
  const [, namespace] = SERVICE_ACCOUNT.exec(name) ?? []
  const own = namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
  const loggedIn = name === ANONYMOUS.name ? ANONYMOUS.groups : ['system:authenticated']
  return { name, groups: [...new Set([...groups, ...(groups.length === 0 ? own : []), ...loggedIn])] }
}
