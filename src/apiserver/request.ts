import type { Duplex, Readable } from 'node:stream'

/** A request to the API and its answer, whatever brought it: a TLS connection or a call within the process. */

/** Who asks, as authentication found out. */
export interface User {
  readonly name: string
  readonly groups: readonly string[]
  /** Of whoever has a name that may be given again: a service account. */
  readonly uid?: string
  /** What else is known, such as the pod that the token is bound to. */
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface ApiRequest {
  readonly method: string
  /** Absolute path with query. */
  readonly url: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** `undefined`: nobody in particular. */
  readonly user: User | undefined
  /** Address that it came from; left out within the process. */
  readonly source?: string | undefined
  /** The body as it comes, of any length, for what is handed on; only where a connection brought the request. */
  readonly stream?: Readable
  /** The client wants to go on in another protocol on the same connection (HTTP `Upgrade`). */
  readonly upgrade?: boolean
  /** Reads the body; throws StatusError when it is too large. */
  body(): Promise<Uint8Array>
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[]>>
  /** With status 101: takes over the connection when the answer is sent. */
  readonly takeOver?: (connection: Duplex) => void
  /** All at once, or as it comes. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** An answer in JSON. */
export function jsonResponse(status: number, body: Uint8Array | object): ApiResponse {
  return { status, headers: JSON_TYPE, body: body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)) }
}

/** An answer in plain text. */
export function textResponse(status: number, text: string): ApiResponse {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body: Buffer.from(text),
  }
}
