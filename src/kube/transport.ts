/** How requests reach an API server: over TLS (`https-transport.ts`), or within the process that is the server. */

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute path with query, e.g. `/api/v1/pods?watch=1`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Ends the request or its response's stream; both reject with `signal.reason`. */
  readonly signal?: AbortSignal
}

export interface TransportResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as it arrives. Reading must be finished or cancelled (`return()`), or the connection is not reused. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>
}
