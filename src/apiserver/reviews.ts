import type { Draft } from '../kube/kind.ts'
import { objectIn } from '../kube/kinds/draft.ts'
import type { Attributes, Authorize } from './authorization.ts'
import { readObject } from './body.ts'
import { type ApiRequest, type ApiResponse, jsonResponse } from './request.ts'
import type { ResourcePath } from './routes.ts'
import { methodNotAllowed, unauthorized } from './status-error.ts'

/** Questions that are answered and never stored, by `group/plural`. */
export const REVIEWS: ReadonlySet<string> = new Set([
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authentication.k8s.io/selfsubjectreviews',
])

/** `kubectl auth can-i` and `kubectl auth whoami`. */
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
  const allowed = authorize(user, askedFor(body))
  return jsonResponse(201, { ...body, status: { allowed, ...(allowed ? {} : { reason: 'no rule allows it' }) } })
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
