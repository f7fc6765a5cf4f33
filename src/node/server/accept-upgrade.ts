import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { type HttpFailure, httpFailure } from './http-failure.ts'

/** A request to go on in another protocol. */
export interface UpgradeRequest {
  readonly message: IncomingMessage
  readonly socket: Duplex
}

/** Messages of clients are 32 KB long at most; those of a tunnel are as long as what they carry. */
const LONGEST_MESSAGE = 16 * 1024 * 1024

/** Shakes hands; the library is loaded by the first who needs it. */
export async function acceptWebSocket({ message, socket }: UpgradeRequest, protocol: string): Promise<WebSocket> {
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: LONGEST_MESSAGE,
    handleProtocols: () => protocol,
  })
  return new Promise((resolve) => server.handleUpgrade(message, socket, Buffer.alloc(0), resolve))
}

/** The bytes that a WebSocket's messages carry, whatever their bounds. */
export async function tunnelIn(socket: WebSocket): Promise<Duplex> {
  const { createWebSocketStream } = await import('ws')
  return createWebSocketStream(socket)
}

/** Agrees to speak SPDY/3.1 on the connection. */
export function acceptSpdy({ socket }: UpgradeRequest, protocol: string): void {
  const head = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1']
  socket.write(`${head.join('\r\n')}\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`)
}

export interface AgreedProtocol {
  readonly by: 'websocket' | 'spdy'
  /** Of those served by this means, the first that the client offers. */
  readonly protocol: string
}

/** Chooses among what the client offers. */
export function agreedProtocol(
  { message: { headers } }: Pick<UpgradeRequest, 'message'>,
  served: Readonly<Record<AgreedProtocol['by'], readonly string[]>>,
): AgreedProtocol | HttpFailure {
  const upgrade = headers.upgrade?.toLowerCase()
  const by = upgrade === 'spdy/3.1' ? 'spdy' : 'websocket'
  if (upgrade !== 'spdy/3.1' && upgrade !== 'websocket') {
    return httpFailure(400, `cannot upgrade to ${upgrade}: websocket and SPDY/3.1 are served`)
  }
  const header = headers[by === 'spdy' ? 'x-stream-protocol-version' : 'sec-websocket-protocol'] ?? ''
  const offered = String(header)
    .split(',')
    .map((name) => name.trim())
  const protocol = served[by].find((name) => offered.includes(name))
  if (protocol !== undefined) return { by, protocol }
  return httpFailure(403, `unable to upgrade: ${offered.join(', ')} is not served, ${served[by].join(', ')} is`)
}
