import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { acceptWebSocket, type UpgradeRequest } from './accept-websocket.ts'
import type { WantedStreams } from './command-streams.ts'
import { flag } from './container-logs.ts'
import { serveExec } from './exec.ts'
import { type HttpFailure, httpFailure, isHttpFailure } from './http-failure.ts'
import type { KubeletServerOptions } from './kubelet-server.ts'
import { findPod, findRunning } from './node-pods.ts'
import { CHANNEL_PROTOCOLS, WebSocketStreams } from './websocket-streams.ts'

interface StreamPlace {
  readonly root: string
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly query: URLSearchParams
}

/** Answers a request of the API server for streams: exec. */
export async function handleKubeletUpgrade(options: KubeletServerOptions, upgrade: UpgradeRequest): Promise<void> {
  const { message, socket } = upgrade
  socket.on('error', (error) => options.log.debug({ err: error, url: message.url }, 'A stream failed'))
  try {
    const refused = await serve(options, upgrade)
    if (refused !== undefined) refuseUpgrade(socket, refused)
  } catch (error) {
    options.log.warn({ err: error, url: message.url }, 'A stream could not be served')
    socket.destroy()
  }
}

/** Answers by plain text in place of an upgrade. */
export function refuseUpgrade(socket: Duplex, { status, message }: HttpFailure): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(message)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${message}`)
}

async function serve(options: KubeletServerOptions, upgrade: UpgradeRequest): Promise<HttpFailure | undefined> {
  const place = streamPlace(upgrade.message.url ?? '/')
  switch (place.root) {
    case 'exec':
      return serveExecRequest(options, upgrade, place)
    default:
      return httpFailure(404, 'not found')
  }
}

function streamPlace(url: string): StreamPlace {
  const { pathname, searchParams } = new URL(url, 'https://node')
  const [, root = '', namespace = '', pod = '', container = ''] = pathname.split('/').map(decodeURIComponent)
  return { root, namespace, pod, container, query: searchParams }
}

async function serveExecRequest(
  { pods }: KubeletServerOptions,
  upgrade: UpgradeRequest,
  place: StreamPlace,
): Promise<HttpFailure | undefined> {
  const pod = findPod(pods, place)
  if (isHttpFailure(pod)) return pod
  const run = findRunning(pods, pod, place.container)
  if (isHttpFailure(run)) return run
  const wanted = wantedStreams(place.query)
  const command = place.query.getAll('command')
  if (isHttpFailure(wanted)) return wanted
  if (command.length === 0) return httpFailure(400, 'you must specify at least one command for the container')
  const streams = await openStreams(upgrade, wanted)
  if (isHttpFailure(streams)) return streams
  const { tty, stdin } = wanted
  await serveExec(pods.runtime.execStreaming(run, command, { tty, stdin }), streams)
  return undefined
}

/** The kubelet's own names of the parameters. A terminal has no second stream of output. */
function wantedStreams(query: URLSearchParams): WantedStreams | HttpFailure {
  const tty = flag(query, 'tty')
  const [stdin, stdout, stderr] = [flag(query, 'input'), flag(query, 'output'), !tty && flag(query, 'error')]
  if (!stdin && !stdout && !stderr) return httpFailure(400, 'you must specify at least 1 of stdin, stdout, stderr')
  return { stdin, stdout, stderr, tty }
}

async function openStreams({ message, socket }: UpgradeRequest, wanted: WantedStreams) {
  if (message.headers.upgrade?.toLowerCase() !== 'websocket') {
    return httpFailure(400, `cannot upgrade to ${message.headers.upgrade}: only websocket is served`)
  }
  const offered = (message.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  const protocol = CHANNEL_PROTOCOLS.find((name) => offered.includes(name))
  if (protocol === undefined) {
    return httpFailure(
      400,
      `none of the protocols ${offered.join(', ')} is served: offer ${CHANNEL_PROTOCOLS.join(', ')}`,
    )
  }
  return new WebSocketStreams(await acceptWebSocket({ message, socket }, protocol), wanted)
}
