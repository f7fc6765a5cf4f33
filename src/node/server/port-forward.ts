import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorMessage } from '../../base/error.ts'
import { connectTcp } from '../../linux/socket.ts'
import { SpdySession, type SpdyStream } from './spdy/session.ts'

/** Where connections are wanted to. */
export interface ForwardTarget {
  /** Path of the pod's network namespace; left out for the node's own. */
  readonly netns: string | undefined
  /** Named in errors. */
  readonly pod: string
}

const CONNECT_TIMEOUT_MS = 10_000

/**
 * Serves `portforward.k8s.io`: for each connection the client opens two streams of one `requestid`, one for data and one
 * for an error, and names the port. The pod is reached at its own 127.0.0.1.
 */
export async function servePortForward(connection: Duplex, target: ForwardTarget): Promise<void> {
  const waiting = new Map<string, SpdyStream>()
  await new SpdySession(connection).run((stream) => {
    const id = stream.headers.get('requestid') ?? ''
    const type = stream.headers.get('streamtype')
    if (type !== 'data' && type !== 'error') {
      stream.destroy()
      return
    }
    const other = waiting.get(`${id}/${type === 'data' ? 'error' : 'data'}`)
    if (other === undefined) {
      const key = `${id}/${type}`
      waiting.set(key, stream)
      stream.once('close', () => waiting.delete(key))
      return
    }
    waiting.delete(`${id}/${other.headers.get('streamtype')}`)
    void forward(target, type === 'data' ? { data: stream, error: other } : { data: other, error: stream })
  })
}

interface Forwarding {
  readonly data: SpdyStream
  readonly error: SpdyStream
}

async function forward({ netns, pod }: ForwardTarget, { data, error }: Forwarding): Promise<void> {
  const port = Number(data.headers.get('port'))
  // The client says nothing here, and ends its side at once.
  error.resume()
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      error.end(`cannot forward to port ${data.headers.get('port')}: it must be from 1 to 65535`)
      data.end()
      return
    }
    const socket = await connectTcp({ netns, host: '127.0.0.1', port, timeoutMs: CONNECT_TIMEOUT_MS })
    joinSocket(data, socket, () => error.end())
  } catch (cause) {
    error.end(
      `error forwarding port ${port} to pod ${pod}: failed to connect to localhost:${port}: ${errorMessage(cause)}`,
    )
    data.end()
    data.resume()
  }
}

function joinSocket(data: SpdyStream, socket: Socket, onEnd: () => void): void {
  data.pipe(socket)
  socket.pipe(data)
  socket.on('error', () => data.end())
  socket.once('close', () => {
    onEnd()
    if (!data.writableEnded) data.end()
    // Nobody takes what the client still sends.
    data.resume()
  })
  data.once('close', () => socket.destroy())
}
