import type { Draft } from '../kube/kind.ts'
import { objectIn } from '../kube/kinds/draft.ts'
import { invalid } from '../kube/validation/field-error.ts'
import type { VerifyToken } from './authentication.ts'
import type { Attributes, Authorizer } from './authorization.ts'
import { readObject } from './body.ts'
import { requireObjectForm } from './representation.ts'
import { type ApiRequest, type ApiResponse, jsonResponse, type User } from './request.ts'
import type { ResourcePath } from './routes.ts'
import { badRequest, invalidObject, methodNotAllowed, pathNotFound, unauthorized } from './status-error.ts'

/** Who answers reviews. */
export interface Reviewers {
  readonly authorizer: Authorizer
  readonly verifyToken: VerifyToken | undefined
}

interface Asked {
  readonly user: User
  readonly body: Draft
  readonly spec: Draft
  readonly namespace: string | undefined
}

interface Review {
  readonly kind: string
  readonly namespaced?: boolean
  /** The `status` that answers it. */
  answer(asked: Asked, reviewers: Reviewers): object | Promise<object>
}

const AUTHORIZATION = 'authorization.k8s.io'
const AUTHENTICATION = 'authentication.k8s.io'

/** Questions that are answered and never stored, by `group/plural`. */
const REVIEWS: ReadonlyMap<string, Review> = new Map([
  [`${AUTHORIZATION}/selfsubjectaccessreviews`, { kind: 'SelfSubjectAccessReview', answer: selfAccess }],
  [`${AUTHORIZATION}/subjectaccessreviews`, { kind: 'SubjectAccessReview', answer: access }],
  [
    `${AUTHORIZATION}/localsubjectaccessreviews`,
    { kind: 'LocalSubjectAccessReview', namespaced: true, answer: localAccess },
  ],
  [`${AUTHORIZATION}/selfsubjectrulesreviews`, { kind: 'SelfSubjectRulesReview', answer: rulesHeld }],
  [`${AUTHENTICATION}/selfsubjectreviews`, { kind: 'SelfSubjectReview', answer: self }],
  [`${AUTHENTICATION}/tokenreviews`, { kind: 'TokenReview', answer: tokenHolder }],
])

/** What discovery tells of a resource that can only be created, and is never stored. */
export interface ReviewResource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
}

export const REVIEW_RESOURCES: readonly ReviewResource[] = [...REVIEWS].map(([place, { kind, namespaced = false }]) => {
  const [group = '', plural = ''] = place.split('/')
  return { group, version: 'v1', plural, singular: kind.toLowerCase(), kind, namespaced }
})

/** Whether a path asks for a review. */
export function isReview({ group, version, plural }: ResourcePath): boolean {
  return version === 'v1' && REVIEWS.has(`${group}/${plural}`)
}

/** Answers `kubectl auth can-i` with and without `--list`, `kubectl auth whoami`, and servers that ask about their users. */
export async function handleReview(
  request: ApiRequest,
  route: ResourcePath,
  reviewers: Reviewers,
): Promise<ApiResponse> {
  const review = REVIEWS.get(`${route.group}/${route.plural}`)
  const { user } = request
  if (review === undefined || route.subresource !== undefined) throw pathNotFound()
  if ((route.namespace === undefined) === (review.namespaced === true)) throw pathNotFound()
  if (request.method !== 'POST' || route.name !== undefined) throw methodNotAllowed()
  if (user === undefined) throw unauthorized()
  requireObjectForm(request.headers.accept)
  const body = await readObject(await request.body(), request.headers['content-type'])
  const apiVersion = `${route.group}/${route.version}`
  if ((body.kind ?? review.kind) !== review.kind || (body.apiVersion ?? apiVersion) !== apiVersion) {
    throw badRequest(
      `the API version in the data (${body.apiVersion}, Kind=${body.kind}) does not match the expected API version (${apiVersion}, Kind=${review.kind})`,
    )
  }
  const asked = { user, body, spec: objectIn(body, 'spec') ?? {}, namespace: route.namespace }
  const status = await review.answer(asked, reviewers)
  const { metadata = {}, spec } = body
  return jsonResponse(201, { kind: review.kind, apiVersion, metadata, ...(spec === undefined ? {} : { spec }), status })
}

function selfAccess({ user, spec }: Asked, { authorizer }: Reviewers): object {
  return accessStatus(authorizer, user, attributesIn('SelfSubjectAccessReview', spec))
}

function access({ spec }: Asked, { authorizer }: Reviewers): object {
  return accessStatus(authorizer, reviewedUser('SubjectAccessReview', spec), attributesIn('SubjectAccessReview', spec))
}

function localAccess({ spec, namespace }: Asked, { authorizer }: Reviewers): object {
  const kind = 'LocalSubjectAccessReview'
  const attributes = attributesIn(kind, spec)
  if (attributes.namespace !== namespace) {
    throw refused(kind, 'spec.resourceAttributes.namespace', attributes.namespace, 'must match metadata.namespace')
  }
  return accessStatus(authorizer, reviewedUser(kind, spec), attributes)
}

function accessStatus(authorizer: Authorizer, user: User, attributes: Attributes): object {
  const { allowed = false, reason = '' } = authorizer.decide(user, attributes) ?? {}
  return { allowed, ...(reason === '' ? {} : { reason }) }
}

function reviewedUser(kind: string, spec: Draft): User {
  const name = textIn(spec, 'user')
  const groups = Array.isArray(spec.groups) ? spec.groups.map(String) : []
  if (name === '' && groups.length === 0) {
    throw refused(kind, 'spec.user', name, 'at least one of user or group must be specified')
  }
  return { name, groups }
}

function attributesIn(kind: string, spec: Draft): Attributes {
  const resource = objectIn(spec, 'resourceAttributes')
  const path = objectIn(spec, 'nonResourceAttributes')
  if ((resource === undefined) === (path === undefined)) {
    const text = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    throw refused(kind, 'spec.resourceAttributes', resource ?? null, text)
  }
  const from = resource ?? path ?? {}
  return {
    verb: textIn(from, 'verb'),
    group: textIn(from, 'group'),
    resource: textIn(from, 'resource'),
    subresource: textIn(from, 'subresource'),
    namespace: textIn(from, 'namespace'),
    name: textIn(from, 'name'),
    path: textIn(from, 'path'),
  }
}

function textIn(holder: Draft, field: string): string {
  return typeof holder[field] === 'string' ? holder[field] : ''
}

function refused(kind: string, ...[field, value, text]: readonly [string, unknown, string]): Error {
  return invalidObject({ group: AUTHORIZATION, plural: '', kind }, '', [invalid(field, value, text)])
}

/** `kubectl auth can-i --list`. */
function rulesHeld({ user, spec }: Asked, { authorizer }: Reviewers): object {
  const namespace = textIn(spec, 'namespace')
  if (namespace === '') throw badRequest('no namespace on request')
  const rules = authorizer.rulesFor(user, namespace)
  return {
    resourceRules: rules
      .filter(({ resources = [] }) => resources.length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, resourceNames })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  }
}

function self({ user }: Asked): object {
  return { userInfo: userInfo(user) }
}

function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) }
}

async function tokenHolder({ spec }: Asked, { verifyToken }: Reviewers): Promise<object> {
  const token = textIn(spec, 'token')
  if (token === '') throw badRequest('token is required for TokenReview in authentication')
  const wanted = Array.isArray(spec.audiences) && spec.audiences.length > 0 ? spec.audiences.map(String) : undefined
  const holder = await verifyToken?.(token, wanted)
  if (holder === undefined) return { user: {}, error: 'invalid bearer token' }
  const { audiences, ...user } = holder
  const groups = [...new Set([...user.groups, 'system:authenticated'])]
  return {
    authenticated: true,
    user: userInfo({ ...user, groups }),
    ...(audiences === undefined ? {} : { audiences }),
  }
}
