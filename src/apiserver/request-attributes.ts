import type { Attributes } from './authorization.ts'
import type { ResourcePath, Route } from './routes.ts'

/** What a request wants to do, by its method and URL. */
export function attributesOf(
  route: Route,
  path: string,
  { method, query }: { readonly method: string; readonly query: URLSearchParams },
): Attributes {
  const common = { group: '', resource: '', subresource: '', namespace: '', name: '', path }
  if (route.kind !== 'resource') return { ...common, verb: (METHOD_OF[method] ?? method).toLowerCase() }
  return {
    verb: verbOf(method, route, query),
    group: route.group,
    resource: route.plural,
    subresource: route.subresource ?? '',
    namespace: route.namespace ?? '',
    name: route.name ?? '',
    path,
    fieldSelector: query.get('fieldSelector') ?? '',
  }
}

/** A HEAD asks for no more than a GET. */
const METHOD_OF: Readonly<Record<string, string>> = { HEAD: 'GET' }

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

function verbOf(method: string, { name }: ResourcePath, query: URLSearchParams): string {
  if (method === 'DELETE') return name === undefined ? 'deletecollection' : 'delete'
  if (method !== 'GET' && method !== 'HEAD') return VERBS[method] ?? method.toLowerCase()
  const watch = query.get('watch')
  if (watch === 'true' || watch === '1' || watch === '') return 'watch'
  return name === undefined ? 'list' : 'get'
}

/** A URL's path and its query. */
export function splitUrl(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url || '/', query: new URLSearchParams() }
    : { path: url.slice(0, at) || '/', query: new URLSearchParams(url.slice(at + 1)) }
}
