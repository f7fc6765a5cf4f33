import { isFairleadError } from '../base/error.ts'
import { exactValueOf, parseFieldSelector } from '../kube/field-selector.ts'
import type { Attributes } from './authorization.ts'
import { flag } from './query.ts'
import type { ResourcePath, Route } from './routes.ts'

/** What a request wants to do, by its method and URL. */
export function attributesOf(
  route: Route,
  path: string,
  { method, query }: { readonly method: string; readonly query: URLSearchParams },
): Attributes {
  const common = { group: '', resource: '', subresource: '', namespace: '', name: '', path }
  if (route.kind !== 'resource') return { ...common, verb: (METHOD_OF[method] ?? method).toLowerCase() }
  const verb = verbOf(method, route, query)
  const fieldSelector = query.get('fieldSelector') ?? ''
  return {
    verb,
    group: route.group,
    resource: route.plural,
    subresource: route.subresource ?? '',
    namespace: route.namespace ?? '',
    name: route.name ?? (verb === 'list' || verb === 'watch' ? selectedName(fieldSelector) : ''),
    path,
    fieldSelector,
  }
}

/** Whether a request follows changes: a collection's with `watch`, or one of the old form, of an object too. */
export function isWatch({ name, watching }: ResourcePath, query: URLSearchParams): boolean {
  return watching || (name === undefined && flag(query, 'watch'))
}

/** The one object that a list or watch is about: rules that name objects hold for it. */
function selectedName(fieldSelector: string): string {
  if (!fieldSelector.includes('metadata.name')) return ''
  try {
    return exactValueOf(parseFieldSelector(fieldSelector), 'metadata.name') ?? ''
  } catch (error) {
    // Whoever carries the request out refuses the selector.
    if (isFairleadError(error, 'INVALID_INPUT')) return ''
    throw error
  }
}

/** A HEAD asks for no more than a GET. */
const METHOD_OF: Readonly<Record<string, string>> = { HEAD: 'GET' }

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

function verbOf(method: string, route: ResourcePath, query: URLSearchParams): string {
  const { name, watching } = route
  if (watching) return 'watch'
  if (method === 'DELETE') return name === undefined ? 'deletecollection' : 'delete'
  if (method !== 'GET' && method !== 'HEAD') return VERBS[method] ?? method.toLowerCase()
  if (isWatch(route, query)) return 'watch'
  return name === undefined ? 'list' : 'get'
}

/** A URL's path and its query. */
export function splitUrl(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = url.indexOf('?')
  return at < 0
    ? { path: url || '/', query: new URLSearchParams() }
    : { path: url.slice(0, at) || '/', query: new URLSearchParams(url.slice(at + 1)) }
}
