/** What the URL of a `proxy` subresource says. */
export interface ProxyPath {
  /** The URL's path up to and with `/proxy`. */
  readonly prefix: string
  /** What follows, as it was sent: empty, or begins with `/`. */
  readonly rest: string
  /** With its `?`, or empty. */
  readonly search: string
}

/** What is proxied to: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`. */
export interface ProxyName {
  readonly scheme: 'http' | 'https'
  /** Whether the scheme was named. */
  readonly explicit: boolean
  readonly name: string
  /** A number or a name; empty when it is left open. */
  readonly port: string
}

const NAMESPACED = /^(\/api\/v1\/namespaces\/[^/]+\/(?:pods|services)\/[^/]+\/proxy)(\/.*)?$/
const CLUSTER_WIDE = /^(\/api\/v1\/nodes\/[^/]+\/proxy)(\/.*)?$/

/** Cuts a URL in two; `undefined` for one that is no proxy's. */
export function proxyPath(url: string): ProxyPath | undefined {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  const [, prefix, rest = ''] = NAMESPACED.exec(path) ?? CLUSTER_WIDE.exec(path) ?? []
  return prefix === undefined ? undefined : { prefix, rest, search: query < 0 ? '' : url.slice(query) }
}

/** Reads a name with scheme and port (k8s.io/apimachinery/pkg/util/net, SplitSchemeNamePort). */
export function proxyName(text: string): ProxyName | undefined {
  const parts = text.split(':')
  const [scheme, name, port] =
    parts.length === 1 ? ['', parts[0], ''] : parts.length === 2 ? ['', parts[0], parts[1]] : parts
  if (parts.length > 3 || !name || port === undefined) return undefined
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return undefined
  return { scheme: scheme === 'https' ? 'https' : 'http', explicit: scheme !== '', name, port }
}

/** Where a redirect of the backend leads, as the client reaches it: places of the backend itself are below the proxy. */
export function proxiedLocation(location: string, { prefix }: ProxyPath, backendHosts: readonly string[]): string {
  if (location.startsWith('/') && !location.startsWith('//')) {
    return location.startsWith(`${prefix}/`) ? location : `${prefix}${location}`
  }
  if (!URL.canParse(location)) return location
  const { host, pathname, search, hash } = new URL(location)
  return backendHosts.includes(host) ? `${prefix}${pathname}${search}${hash}` : location
}
