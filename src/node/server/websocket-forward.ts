import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { errorMessage } from '../../base/error.ts'
import { connectTcp } from '../../linux/socket.ts'
import { type HttpFailure, httpFailure } from './http-failure.ts'
import type { ForwardTarget } from './port-forward.ts'

/** The ports are named by the request, and each has a channel for data (2n) and one for an error (2n + 1). */
export const FORWARD_CHANNELS = 'v4.channel.k8s.io'

const CONNECT_TIMEOUT_MS = 10_000
/** Channels are told apart by one byte. */
const MOST_PORTS = 128

/** The ports that a request names, as `port=80,81` or several times. */
export function forwardedPorts(query: URLSearchParams): readonly number[] | HttpFailure {
  const texts = query.getAll('port').flatMap((text) => text.split(','))
  if (texts.length === 0) return httpFailure(400, 'query parameter "port" is required')
  if (texts.length > MOST_PORTS) return httpFailure(400, `${texts.length} ports are wanted, ${MOST_PORTS} are served`)
  const wrong = texts.find((text) => !/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
  return wrong === undefined
    ? texts.map(Number)
    : httpFailure(400, `unable to parse ${JSON.stringify(wrong)} as a port`)
}

/**
 * Serves `v4.channel.k8s.io` port forwarding, which libraries other than client-go speak: one connection to each port.
 * The first message of each channel is its port, 16 bits with the low byte first. Resolves when all connections ended.
 *
 * Source: k8s.io/kubelet `pkg/cri/streaming/portforward`
 */
export async function forwardByChannels(
  client: WebSocket,
  target: ForwardTarget,
  ports: readonly number[],
): Promise<void> {
  const sockets = new Map<number, Socket>()
  // What comes before a connection stands waits at the client.
  client.pause()
  client.on('error', () => {})
  client.on('message', (message: Buffer) => {
    const socket = sockets.get(message[0] ?? -1)
    if (socket === undefined || socket.destroyed || socket.write(message.subarray(1))) return
    client.pause()
    socket.once('drain', () => client.resume())
    socket.once('close', () => client.resume())
  })
  client.once('close', () => {
    for (const socket of sockets.values()) socket.destroy()
  })
  const opened = ports.map((port, index) => openChannel({ client, target }, port, index * 2))
  const ended = await Promise.all(
    opened.map(async (opening, index) => {
      const socket = await opening
      if (socket !== undefined) sockets.set(index * 2, socket)
      return socket
    }),
  )
  if (client.readyState !== client.OPEN) for (const socket of sockets.values()) socket.destroy()
  client.resume()
  await Promise.all(ended.map((socket) => socket && closed(socket)))
  client.close(1000)
}

interface Forward {
  readonly client: WebSocket
  readonly target: ForwardTarget
}

/** `undefined`: nothing listens there, and the client has been told. */
async function openChannel({ client, target }: Forward, port: number, channel: number): Promise<Socket | undefined> {
  const named = Buffer.alloc(2)
  named.writeUInt16LE(port)
  send(client, channel, named)
  send(client, channel + 1, named)
  try {
    const { netns, pod } = target
    const socket = await connectTcp({ netns, host: '127.0.0.1', port, timeoutMs: CONNECT_TIMEOUT_MS })
    socket.on('error', (error) => send(client, channel + 1, Buffer.from(refusal(port, pod, error))))
    socket.on('data', (bytes) => {
      socket.pause()
      send(client, channel, bytes, () => socket.resume())
    })
    return socket
  } catch (error) {
    send(client, channel + 1, Buffer.from(refusal(port, target.pod, error)))
    return undefined
  }
}

function refusal(port: number, pod: string, error: unknown): string {
  return `error forwarding port ${port} to pod ${pod}: failed to connect to localhost:${port}: ${errorMessage(error)}`
}

function send(client: WebSocket, channel: number, bytes: Uint8Array, sent: () => void = () => {}): void {
  client.send(Buffer.concat([Buffer.of(channel), bytes]), sent)
}

function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}
