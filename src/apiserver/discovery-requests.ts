import { createHash } from 'node:crypto'
import { aggregatedDiscovery, coreVersions, groupList, oneGroup, resourceList } from './discovery.ts'
import type { KindTable } from './kind-table.ts'
import { openApiDocument, openApiIndex } from './openapi.ts'
import { OPENAPI_V2_TYPE, openApiV2Document } from './openapi-v2.ts'
import { type ApiResponse, jsonResponse } from './request.ts'
import type { Route } from './routes.ts'
import { pathNotFound } from './status-error.ts'

type DiscoveryRoute = Exclude<Route, { kind: 'resource' | 'other' }>

/** Answers `/api…` and `/apis…` above the resources. */
export function discoveryResponse(kinds: KindTable, route: DiscoveryRoute, accept: string | undefined): ApiResponse {
  if (route.kind === 'resources') return orNotFound(resourceList(kinds, route.group, route.version))
  if (route.group !== undefined) return orNotFound(oneGroup(kinds, route.group))
  const version = aggregatedVersion(accept)
  if (version !== undefined) return aggregated(kinds, route.core, version)
  return jsonResponse(200, route.core ? coreVersions() : groupList(kinds))
}

/** The version of aggregated discovery that the client prefers, if it takes any. */
function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const range of (accept ?? '').split(',')) {
    if (!range.includes('as=APIGroupDiscoveryList')) continue
    if (/v=v2(;|$)/.test(range.trim())) return 'v2'
    if (/v=v2beta1(;|$)/.test(range.trim())) return 'v2beta1'
  }
  return undefined
}

function aggregated(kinds: KindTable, core: boolean, version: string): ApiResponse {
  const body = Buffer.from(JSON.stringify(aggregatedDiscovery(kinds, core, `apidiscovery.k8s.io/${version}`)))
  const etag = `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"`
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
  return { status: 200, headers: { 'content-type': type, etag, vary: 'Accept' }, body }
}

function orNotFound(body: object | undefined): ApiResponse {
  if (body === undefined) throw pathNotFound()
  return jsonResponse(200, body)
}

/** Answers `/openapi/v3…` and `/openapi/v2`. */
export function openApiResponse(kinds: KindTable, path: string): ApiResponse {
  if (path === '/openapi/v2') {
    return { status: 200, headers: { 'content-type': OPENAPI_V2_TYPE, vary: 'Accept' }, body: openApiV2Document(kinds) }
  }
  if (path === '/openapi/v3') return jsonResponse(200, openApiIndex(kinds))
  const document = path.startsWith('/openapi/v3/')
    ? openApiDocument(kinds, path.slice('/openapi/v3/'.length))
    : undefined
  if (document === undefined) throw pathNotFound()
  const etag = `"${createHash('sha256').update(document).digest('hex').toUpperCase()}"`
  return { status: 200, headers: { 'content-type': 'application/json', etag, vary: 'Accept' }, body: document }
}
