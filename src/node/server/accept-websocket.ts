import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

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
