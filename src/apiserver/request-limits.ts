import { isPrivileged } from './authorization.ts'
import type { HandleRequest } from './handler.ts'
import { type ApiRequest, type ApiResponse, jsonResponse } from './request.ts'
import { isWatch } from './request-attributes.ts'
import { targetOf } from './request-target.ts'
import { tooManyRequests } from './status-error.ts'

/** How much is done at once, 0 for any number; more is refused with 429. */
export interface RequestLimits {
  /** Requests that change something, in work. @default 200, as kube-apiserver */
  readonly mutating: number
  /** Requests that read, in work; watches are not among them. @default 400, as kube-apiserver */
  readonly readOnly: number
  /** Watches that are open. @default 10000 */
  readonly watches: number
}

export const DEFAULT_LIMITS: RequestLimits = { mutating: 200, readOnly: 400, watches: 10_000 }

type Lane = keyof RequestLimits

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Subresources whose requests last as long as somebody looks at them; they are no more work than a connection. */
const LASTING = new Set(['exec', 'attach', 'portforward', 'proxy', 'log'])
const RETRY_SECONDS = 1

/**
 * Refuses requests beyond the limits at once, so that a flood of them cannot make all others wait. `system:masters` is
 * counted and not refused: whoever has to stop the flood must come through.
 */
export function limitRequests(handle: HandleRequest, limits: RequestLimits): HandleRequest {
  const running: Record<Lane, number> = { mutating: 0, readOnly: 0, watches: 0 }
  return async (request) => {
    const lane = laneOf(request)
    if (lane === undefined) return handle(request)
    const free =
      limits[lane] === 0 || running[lane] < limits[lane] || (request.user !== undefined && isPrivileged(request.user))
    if (!free) return refusal(lane)
    running[lane]++
    const leave = once(() => running[lane]--)
    try {
      const response = await handle(request)
      if (lane === 'watches') return leavingAtEnd(response, request, leave)
      leave()
      return response
    } catch (error) {
      leave()
      throw error
    }
  }
}

/** What a request is counted with; `undefined` for those that last as long as somebody looks. */
export function laneOf({ method, url }: ApiRequest): Lane | undefined {
  const { query, route } = targetOf(url)
  if (route.kind === 'resource' && LASTING.has(route.subresource ?? '')) return undefined
  if (!READING.has(method)) return 'mutating'
  return route.kind === 'resource' && isWatch(route, query) ? 'watches' : 'readOnly'
}

function refusal(lane: Lane): ApiResponse {
  const text =
    lane === 'watches'
      ? 'too many watches are open, please try again later'
      : 'Too many requests, please try again later.'
  const { status } = tooManyRequests(text, RETRY_SECONDS)
  const response = jsonResponse(status.code, status)
  return { ...response, headers: { ...response.headers, 'retry-after': String(RETRY_SECONDS) } }
}

function leavingAtEnd(response: ApiResponse, request: ApiRequest, leave: () => void): ApiResponse {
  const { body } = response
  if (body instanceof Uint8Array || request.signal.aborted) {
    leave()
    return response
  }
  request.signal.addEventListener('abort', leave, { once: true })
  return { ...response, body: counted(body, leave) }
}

async function* counted(body: AsyncIterable<Uint8Array>, leave: () => void): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body
  } finally {
    leave()
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
