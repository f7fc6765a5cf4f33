import { createHash } from 'node:crypto'
import { aggregatedDiscovery, coreVersions, groupList, groupsOf, oneGroup, resourceList } from './discovery.ts'
import type { KindTable } from './kind-table.ts'
import { openApiDocument, openApiIndex } from './openapi.ts'
import { OPENAPI_V2_TYPE, openApiV2Document } from './openapi-v2.ts'
import { type ApiResponse, jsonResponse } from './request.ts'
import type { Route } from './routes.ts'
import { pathNotFound } from './status-error.ts'

type Headers = Readonly<Record<string, string | undefined>>
type DiscoveryRoute = Exclude<Route, { kind: 'resource' | 'other' }>

/** Answers `/api…` and `/apis…` above the resources. */
export function discoveryResponse(kinds: KindTable, route: DiscoveryRoute, headers: Headers): ApiResponse {
  if (route.kind === 'resources') return orNotFound(resourceList(kinds, route.group, route.version))
  if (route.group !== undefined) return orNotFound(oneGroup(kinds, route.group))
  const version = aggregatedVersion(headers.accept)
  if (version !== undefined) return aggregated(kinds, route.core, { version, headers })
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

interface Aggregated {
  readonly version: string
  readonly headers: Headers
}

function aggregated(kinds: KindTable, core: boolean, { version, headers }: Aggregated): ApiResponse {
  const body = Buffer.from(JSON.stringify(aggregatedDiscovery(kinds, core, `apidiscovery.k8s.io/${version}`)))
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
  return unlessKnown(headers, hashOf(body), {
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'public', vary: 'Accept' },
    body,
  })
}

function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex').toUpperCase()
}

/** With an ETag; a client that has the very answer already is told so. */
function unlessKnown(headers: Headers, hash: string, answer: ApiResponse): ApiResponse {
  const etag = `"${hash}"`
  const all = { ...answer.headers, etag }
  const known = (headers['if-none-match'] ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
  return known ? { status: 304, headers: all, body: Buffer.alloc(0) } : { ...answer, headers: all }
}

function orNotFound(body: object | undefined): ApiResponse {
  if (body === undefined) throw pathNotFound()
  return jsonResponse(200, body)
}

interface OpenApiRequest {
  readonly query: URLSearchParams
  readonly headers: Headers
  /** Milliseconds since the epoch. */
  readonly now: number
}

const YEAR_SECONDS = 31_536_000

/**
 * Answers `/openapi/v3…` and `/openapi/v2`. A document that is asked for by the hash that the index names never changes,
 * and clients may keep it for ever; an old hash leads to the new one.
 */
export function openApiResponse(kinds: KindTable, path: string, asker: OpenApiRequest): ApiResponse {
  const { query, headers, now } = asker
  if (path === '/openapi/v2') {
    const body = openApiV2Document(kinds)
    const type = { 'content-type': OPENAPI_V2_TYPE, vary: 'Accept' }
    return unlessKnown(headers, hashOf(body), { status: 200, headers: type, body })
  }
  if (path === '/openapi/v3') return jsonResponse(200, openApiIndex(kinds))
  const document = path.startsWith('/openapi/v3/')
    ? openApiDocument(kinds, path.slice('/openapi/v3/'.length))
    : undefined
  if (document === undefined) throw pathNotFound()
  const hash = hashOf(document)
  const asked = query.get('hash')
  if (asked && asked !== hash) {
    return { status: 301, headers: { location: `${path}?hash=${hash}` }, body: Buffer.alloc(0) }
  }
  const forEver = { 'cache-control': 'public, immutable', expires: new Date(now + YEAR_SECONDS * 1000).toUTCString() }
  const type = { 'content-type': 'application/json', vary: 'Accept' }
  return unlessKnown(headers, hash, { status: 200, headers: { ...type, ...(asked ? forEver : {}) }, body: document })
}

/** What `/` lists: every path above the resources. */
export function rootPaths(kinds: KindTable): readonly string[] {
  const groups = [...groupsOf(kinds)].flatMap(([group, versions]) => [
    `/apis/${group}`,
    ...versions.map((version) => `/apis/${group}/${version}`),
  ])
  const documents = [...new Set(kinds.all.map(({ resource: { group, version } }) => `${group}/${version}`))].map(
    (place) => `/openapi/v3${place.startsWith('/') ? '/api' : '/apis/'}${place}`,
  )
  const health = ['/healthz', '/livez', '/readyz'].flatMap((path) => [path, `${path}/ping`, `${path}/store`])
  const others = ['/api', '/api/v1', '/apis', '/metrics', '/openapi/v2', '/openapi/v3', '/version']
  return [...others, ...groups, ...health, ...documents].sort()
}
