import { errorMessage, isFairleadError } from '../base/error.ts'
import type { AnyKind } from '../kube/registry.ts'
import type { VerifyToken } from './authentication.ts'
import { ANONYMOUS, type Attributes, type Authorizer, denialOf } from './authorization.ts'
import type { ApiContext } from './context.ts'
import { discoveryResponse, openApiResponse, rootPaths } from './discovery-requests.ts'
import { warningHeaders } from './field-validation.ts'
import { healthResponse } from './health.ts'
import { impersonate } from './impersonation.ts'
import { metricsResponse } from './metrics/metrics-response.ts'
import type { RequestMetrics } from './metrics/request-metrics.ts'
import { type ApiRequest, type ApiResponse, jsonResponse } from './request.ts'
import { attributesOf, isWatch } from './request-attributes.ts'
import { targetOf } from './request-target.ts'
import { handleCollection, handleObject, type ObjectCall, type ResourceCall } from './resource-requests.ts'
import { handleReview, isReview } from './reviews.ts'
import type { ResourcePath } from './routes.ts'
import {
  forbidden,
  internalError,
  methodNotAllowed,
  pathNotFound,
  StatusError,
  unauthorized,
  unavailable,
} from './status-error.ts'
import { handleBindings } from './subresources/binding.ts'
import type { SubresourceHandler } from './subresources/subresource.ts'
import { versionInfo } from './version.ts'

export type HandleRequest = (request: ApiRequest) => Promise<ApiResponse>

export interface HandlerOptions {
  readonly context: ApiContext
  readonly authorizer: Authorizer
  /** For token reviews. */
  readonly verifyToken: VerifyToken | undefined
  readonly metrics: RequestMetrics
  /** By `plural/subresource`, e.g. `pods/binding`, or the subresource alone, e.g. `status`. */
  readonly subresources: ReadonlyMap<string, SubresourceHandler>
}

const HEALTH_PATHS = new Set(['/healthz', '/livez', '/readyz'])
/** What probes ask for, also by HEAD; resources know no HEAD. */
const OPEN_PATHS = new Set([...HEALTH_PATHS, '/metrics'])

/** Makes the function that answers every request: finds out what it is about, whether it is allowed, and does it. */
export function createHandler(options: HandlerOptions): HandleRequest {
  return async (request) => {
    try {
      return await answer(options, request)
    } catch (error) {
      return refusal(options, request, error)
    }
  }
}

async function answer(options: HandlerOptions, asked: ApiRequest): Promise<ApiResponse> {
  const request = impersonate(asked, options.authorizer)
  const { path, query, route } = targetOf(request.url)
  requireAllowed(options, request, attributesOf(route, path, { method: request.method, query }))
  if (route.kind === 'resource') return resource(options, request, { route, query })
  const { context, metrics } = options
  const [first = ''] = path.slice(1).split('/')
  if (request.method !== 'GET' && !(request.method === 'HEAD' && OPEN_PATHS.has(`/${first}`))) throw methodNotAllowed()
  if (route.kind !== 'other') return discoveryResponse(context.kinds, route, request.headers)
  if (path === '/version' || path === '/version/') return jsonResponse(200, versionInfo)
  if (HEALTH_PATHS.has(`/${first}`)) return healthResponse(context, path.replace(/\/$/, ''), query)
  if (first === 'openapi')
    return openApiResponse(context.kinds, path, { query, headers: request.headers, now: context.clock.now() })
  if (path === '/metrics') return metricsResponse(context, metrics)
  if (path === '/') return jsonResponse(200, { paths: rootPaths(context.kinds) })
  throw pathNotFound()
}

interface ResourceRoute {
  readonly route: ResourcePath
  readonly query: URLSearchParams
}

async function resource(
  options: HandlerOptions,
  request: ApiRequest,
  { route, query }: ResourceRoute,
): Promise<ApiResponse> {
  if (isReview(route)) return handleReview(request, route, options)
  const kind = options.context.kinds.find(route.group, route.version, isBindings(route) ? 'pods' : route.plural)
  if (kind === undefined || (!kind.resource.namespaced && route.namespace !== undefined)) throw pathNotFound()
  const response = await resourceOfKind(options, request, { route, query, kind })
  return kind.deprecation === undefined ? response : withWarning(response, kind.deprecation)
}

/** Bindings are made of pods, and never stored. */
function isBindings({ group, version, plural, name }: ResourcePath): boolean {
  return group === '' && version === 'v1' && plural === 'bindings' && name === undefined
}

/** Before other warnings of the same answer. */
function withWarning(response: ApiResponse, text: string): ApiResponse {
  const { warning } = response.headers
  const { warning: first = '' } = warningHeaders([text])
  return { ...response, headers: { ...response.headers, warning: [first, warning ?? []].flat().join(', ') } }
}

async function resourceOfKind(
  options: HandlerOptions,
  request: ApiRequest,
  { route, query, kind }: ResourceRoute & { readonly kind: AnyKind },
): Promise<ApiResponse> {
  const { context, subresources } = options
  const requireVerb = (verb: string) =>
    requireAllowed(options, request, {
      ...attributesOf(route, targetOf(request.url).path, { ...request, query }),
      verb,
    })
  const { namespace, name } = route
  const watching = isWatch(route, query)
  if (route.watching && request.method !== 'GET') throw methodNotAllowed()
  const call: ResourceCall = { context, request, query, kind, namespace, watching, requireVerb }
  if (isBindings(route)) return handleBindings(call)
  if (name === undefined) return handleCollection(call)
  if (kind.resource.namespaced && namespace === undefined) throw pathNotFound()
  const objectCall: ObjectCall = { context, request, query, kind, namespace, watching, requireVerb, name }
  if (route.subresource === undefined) return handleObject(objectCall)
  const known = kind.subresources?.some((name) => name === route.subresource) ?? false
  const handler = subresources.get(`${route.plural}/${route.subresource}`) ?? subresources.get(route.subresource)
  if (!known || handler === undefined) throw pathNotFound()
  return handler(objectCall)
}

function requireAllowed({ authorizer }: HandlerOptions, { user }: ApiRequest, attributes: Attributes): void {
  if (authorizer.decide(user ?? ANONYMOUS, attributes)?.allowed === true) return
  if (user === undefined) throw unauthorized()
  const { group, resource: plural, name } = attributes
  throw forbidden({ group, plural }, name, denialOf(user, attributes))
}

/** Every failure ends as a Status; what is not a refusal is logged, and not shown. */
function refusal({ context }: HandlerOptions, request: ApiRequest, error: unknown): ApiResponse {
  const known = statusOf(error)
  if (known === undefined) {
    context.log.error({ err: error, method: request.method, url: request.url }, 'A request failed')
  }
  const { status } = known ?? internalError('the request could not be handled')
  const response = jsonResponse(status.code, status)
  const retryAfter = status.details?.retryAfterSeconds
  if (retryAfter === undefined) return response
  return { ...response, headers: { ...response.headers, 'retry-after': String(retryAfter) } }
}

function statusOf(error: unknown): StatusError | undefined {
  if (error instanceof StatusError) return error
  if (isFairleadError(error, 'DISK_FULL')) return unavailable(errorMessage(error))
  return undefined
}
