import { type IncomingMessage, request } from 'node:http'
import type { Duplex, Readable } from 'node:stream'

/** A request that is handed on over a connection of its own. */
export interface BackendRequest {
  readonly connection: Duplex
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly body?: Readable
  readonly signal: AbortSignal
}

export type BackendAnswer =
  | { readonly kind: 'response'; readonly message: IncomingMessage }
  /** The backend goes on in another protocol. */
  | { readonly kind: 'upgrade'; readonly message: IncomingMessage; readonly connection: Duplex }

/** Sends a request over a connection that stands, and resolves with the head of the answer. */
export function askBackend(wanted: BackendRequest): Promise<BackendAnswer> {
  const { connection, method, path, headers, body, signal } = wanted
  return new Promise((resolve, reject) => {
    const sent = request({ createConnection: () => connection, method, path, headers, signal, setHost: false })
    sent.on('response', (message) => resolve({ kind: 'response', message }))
    sent.on('upgrade', (message, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve({ kind: 'upgrade', message, connection: socket })
    })
    sent.on('error', reject)
    if (body === undefined) sent.end()
    else body.pipe(sent)
  })
}

/** Joins two connections until one of them ends. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to)
    // A connection that failed has nothing left to say; the other one is told by its end.
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}
