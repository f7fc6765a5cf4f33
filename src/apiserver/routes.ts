/** Where a URL of the API leads. */
export interface ResourcePath {
  readonly kind: 'resource'
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string | undefined
  /** What follows the subresource, for `proxy`. */
  readonly rest: readonly string[]
  /** The old form of a watch: `/api/v1/watch/pods`. Clients in Ruby know no other. */
  readonly watching: boolean
}

export type Route =
  | ResourcePath
  /** `/api`, `/apis`, `/apis/apps`. */
  | { readonly kind: 'groups'; readonly core: boolean; readonly group: string | undefined }
  /** `/api/v1`, `/apis/apps/v1`. */
  | { readonly kind: 'resources'; readonly group: string; readonly version: string }
  /** Anything else, such as `/healthz`. */
  | { readonly kind: 'other'; readonly path: string }

/** Subresources of Namespace, which otherwise would be read as resources in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

/** Reads a path (without query). A segment that cannot be decoded leads nowhere: `other`. */
export function routeOf(path: string): Route {
  const segments = decodeSegments(path)
  const other: Route = { kind: 'other', path }
  if (segments === undefined) return other
  const [root, ...rest] = segments
  if (root === 'api') {
    const [version, ...resource] = rest
    if (version === undefined) return { kind: 'groups', core: true, group: undefined }
    return resource.length === 0 ? { kind: 'resources', group: '', version } : watchRoute('', version, resource)
  }
  if (root !== 'apis') return other
  const [group, version, ...resource] = rest
  if (group === undefined) return { kind: 'groups', core: false, group: undefined }
  if (version === undefined) return { kind: 'groups', core: false, group }
  return resource.length === 0 ? { kind: 'resources', group, version } : watchRoute(group, version, resource)
}

function decodeSegments(path: string): readonly string[] | undefined {
  const parts = path.split('/').slice(1)
  if (parts.at(-1) === '') parts.pop()
  if (!path.includes('%')) return parts
  try {
    return parts.map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function watchRoute(group: string, version: string, segments: readonly string[]): ResourcePath {
  const [first, ...watched] = segments
  if (first !== 'watch' || watched.length === 0) return resourceRoute(group, version, segments)
  return { ...resourceRoute(group, version, watched), watching: true }
}

function resourceRoute(group: string, version: string, segments: readonly string[]): ResourcePath {
  const [first = '', second, third, ...others] = segments
  const inNamespace = first === 'namespaces' && third !== undefined && !isOfNamespace(group, third, others)
  const [plural = '', name, subresource, ...rest] = inNamespace ? segments.slice(2) : segments
  return {
    kind: 'resource',
    group,
    version,
    plural,
    namespace: inNamespace ? second : undefined,
    name,
    subresource,
    rest,
    watching: false,
  }
}

function isOfNamespace(group: string, subresource: string, rest: readonly string[]): boolean {
  return group === '' && rest.length === 0 && NAMESPACE_SUBRESOURCES.has(subresource)
}
