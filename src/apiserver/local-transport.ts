import type { Transport, TransportRequest, TransportResponse } from '../kube/transport.ts'
import type { HandleRequest } from './handler.ts'
import type { ApiResponse, User } from './request.ts'

const AUTHENTICATED = 'system:authenticated'

/** A transport for clients within the process: the same handling as over TLS, without TLS and without a socket. */
export function createLocalTransport(api: { readonly handle: HandleRequest }, user: User): Transport {
  const known: User = { name: user.name, groups: [...new Set([...user.groups, AUTHENTICATED])] }
  return {
    async request(request) {
      request.signal?.throwIfAborted()
      const ended = new AbortController()
      const stop = () => ended.abort(request.signal?.reason)
      request.signal?.addEventListener('abort', stop, { once: true })
      const response = await api.handle({
        method: request.method,
        url: request.path,
        headers: request.headers ?? {},
        user: known,
        body: async () => bytesOf(request.body),
        signal: ended.signal,
      })
      const finish = () => request.signal?.removeEventListener('abort', stop)
      return {
        status: response.status,
        headers: singleHeaders(response.headers),
        body: bodyOf(response, request, finish),
      }
    },
  }
}

function singleHeaders(headers: ApiResponse['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function bytesOf(body: TransportRequest['body']): Uint8Array {
  if (body === undefined) return new Uint8Array()
  return typeof body === 'string' ? Buffer.from(body) : body
}

async function* bodyOf(
  { body }: ApiResponse,
  { signal }: TransportRequest,
  finish: () => void,
): TransportResponse['body'] & AsyncGenerator<Uint8Array, void, void> {
  try {
    if (body instanceof Uint8Array) yield body
    else yield* body
    signal?.throwIfAborted()
  } finally {
    finish()
  }
}
