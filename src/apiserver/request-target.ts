import { splitUrl } from './request-attributes.ts'
import { type Route, routeOf } from './routes.ts'

/** What a request's URL asks for. */
export interface RequestTarget {
  readonly path: string
  /** Shared by all who handle the request: to be read only. */
  readonly query: URLSearchParams
  readonly route: Route
}

let latest: { readonly url: string; readonly target: RequestTarget } | undefined

/**
 * Reads a request's URL. What is put around the handler (counting, limits, deadlines, audit) asks before anything is
 * waited for, one after the other, so the last URL that was read is remembered.
 */
export function targetOf(url: string): RequestTarget {
  if (latest?.url !== url) {
    const { path, query } = splitUrl(url)
    latest = { url, target: { path, query, route: routeOf(path) } }
  }
  return latest.target
}
