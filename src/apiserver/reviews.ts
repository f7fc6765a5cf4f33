import type { Draft } from '../kube/kind.ts'
import { objectIn } from '../kube/kinds/draft.ts'
import type { Attributes, Authorize } from './authorization.ts'
import { readObject } from './body.ts'
import { componentRules } from './component-roles.ts'
import { type ApiRequest, type ApiResponse, jsonResponse, type User } from './request.ts'
import type { ResourcePath } from './routes.ts'
import { methodNotAllowed, unauthorized } from './status-error.ts'

/** Questions that are answered and never stored, by `group/plural`. */
export const REVIEWS: ReadonlySet<string> = new Set([
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  'authentication.k8s.io/selfsubjectreviews',
])

/** Answers `kubectl auth can-i`, with and without `--list`, and `kubectl auth whoami`. */
export async function handleReview(
  request: ApiRequest,
  route: ResourcePath,
  authorize: Authorize,
): Promise<ApiResponse> {
  const { user } = request
  if (request.method !== 'POST' || route.name !== undefined) throw methodNotAllowed()
  if (user === undefined) throw unauthorized()
  const body = await readObject(await request.body(), request.headers['content-type'])
  if (route.plural === 'selfsubjectreviews') {
    return jsonResponse(201, { ...body, status: { userInfo: { username: user.name, groups: user.groups } } })
  }
  if (route.plural === 'selfsubjectrulesreviews') return jsonResponse(201, { ...body, status: rulesOf(user) })
  const allowed = authorize(user, askedFor(body))
  return jsonResponse(201, { ...body, status: { allowed, ...(allowed ? {} : { reason: 'no rule allows it' }) } })
}

/** What a user may do, as far as the table says: `kubectl auth can-i --list`. */
function rulesOf(user: User): object {
  const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
  const rules = componentRules(user).map(({ verbs, groups, resources }) => ({ verbs, apiGroups: groups, resources }))
  const open = {
    verbs: ['get'],
    nonResourceURLs: [
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/openapi',
      '/openapi/*',
      '/readyz',
      '/version',
    ],
  }
  const master = user.groups.includes('system:masters')
  return { resourceRules: master ? [all] : rules, nonResourceRules: [open], incomplete: false }
}

function askedFor(review: Draft): Attributes {
  const spec = objectIn(review, 'spec') ?? {}
  const resource = objectIn(spec, 'resourceAttributes')
  const path = objectIn(spec, 'nonResourceAttributes') ?? {}
  const text = (holder: Draft, field: string) => (typeof holder[field] === 'string' ? holder[field] : '')
  const from = resource ?? path
  return {
    verb: text(from, 'verb'),
    group: text(from, 'group'),
    resource: text(from, 'resource'),
    subresource: text(from, 'subresource'),
    namespace: text(from, 'namespace'),
    name: text(from, 'name'),
    path: text(path, 'path'),
  }
}
