import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Pod } from '../../kube/types/core.ts'
import { acceptSpdy, acceptWebSocket, agreedProtocol, tunnelIn, type UpgradeRequest } from './accept-upgrade.ts'
import { serveAttach } from './attach.ts'
import type { CommandStreams, WantedStreams } from './command-streams.ts'
import { containerLog, flag } from './container-logs.ts'
import { serveExec } from './exec.ts'
import { type HttpFailure, httpFailure, isHttpFailure } from './http-failure.ts'
import type { KubeletServerOptions } from './kubelet-server.ts'
import { findPod, findRunning } from './node-pods.ts'
import { servePortForward } from './port-forward.ts'
import { SpdySession } from './spdy/session.ts'
import { openedStreams } from './spdy-streams.ts'
import { FORWARD_CHANNELS, forwardByChannels, forwardedPorts } from './websocket-forward.ts'
import { CHANNEL_PROTOCOLS, WebSocketStreams } from './websocket-streams.ts'

interface StreamPlace {
  readonly root: string
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly query: URLSearchParams
}

/** Answers a request of the API server for streams: exec, attach, port-forward. */
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
  const pod = findPod(options.pods, place)
  if (isHttpFailure(pod)) return pod
  switch (place.root) {
    case 'exec':
    case 'attach':
      return serveContainer(options, upgrade, { ...place, pod })
    case 'containerLogs':
      return serveLog(options, upgrade, place)
    case 'portForward':
      return serveForward(options, upgrade, { pod, query: place.query })
    default:
      return httpFailure(404, 'not found')
  }
}

function streamPlace(url: string): StreamPlace {
  const { pathname, searchParams } = new URL(url, 'https://node')
  const [, root = '', namespace = '', pod = '', container = ''] = pathname.split('/').map(decodeURIComponent)
  return { root, namespace, pod, container, query: searchParams }
}

async function serveContainer(
  { pods: { runtime }, pods }: KubeletServerOptions,
  upgrade: UpgradeRequest,
  { pod, root, container, query }: Omit<StreamPlace, 'pod'> & { readonly pod: Pod },
): Promise<HttpFailure | undefined> {
  const run = findRunning(pods, pod, container)
  if (isHttpFailure(run)) return run
  const wanted = wantedStreams(query)
  if (isHttpFailure(wanted)) return wanted
  const command = query.getAll('command')
  if (root === 'exec' && command.length === 0) {
    return httpFailure(400, 'you must specify at least one command for the container')
  }
  const streams = await openStreams(upgrade, wanted)
  if (streams === undefined || isHttpFailure(streams)) return streams
  const { tty, stdin } = wanted
  if (root === 'attach') {
    const once = pod.spec.containers.find(({ name }) => name === container)?.stdinOnce ?? false
    await serveAttach({ log: { path: run.logPath, keeper: runtime.logs }, input: runtime.input(run), once }, streams)
  } else await serveExec(runtime.execStreaming(run, command, { tty, stdin }), streams)
  return undefined
}

/** The kubelet's own names of the parameters. A terminal has no second stream of output. */
function wantedStreams(query: URLSearchParams): WantedStreams | HttpFailure {
  const tty = flag(query, 'tty')
  const [stdin, stdout, stderr] = [flag(query, 'input'), flag(query, 'output'), !tty && flag(query, 'error')]
  if (!stdin && !stdout && !stderr) return httpFailure(400, 'you must specify at least 1 of stdin, stdout, stderr')
  return { stdin, stdout, stderr, tty }
}

/** `undefined`: the client went before all its streams were there. */
async function openStreams(
  upgrade: UpgradeRequest,
  wanted: WantedStreams,
): Promise<CommandStreams | HttpFailure | undefined> {
  const agreed = agreedProtocol(upgrade, { websocket: CHANNEL_PROTOCOLS, spdy: ['v4.channel.k8s.io'] })
  if (isHttpFailure(agreed)) return agreed
  if (agreed.by === 'websocket') {
    const { protocol } = agreed
    return new WebSocketStreams(await acceptWebSocket(upgrade, protocol), { wanted, protocol })
  }
  acceptSpdy(upgrade, agreed.protocol)
  return openedStreams(new SpdySession(upgrade.socket), wanted)
}

/** Parts of a log as messages, base64 for those who ask for it. Source: apiserver pkg/util/wsstream/stream.go */
async function serveLog(
  { pods, clock }: KubeletServerOptions,
  upgrade: UpgradeRequest,
  place: StreamPlace,
): Promise<HttpFailure | undefined> {
  const agreed = agreedProtocol(upgrade, { websocket: ['binary.k8s.io', 'base64.binary.k8s.io', ''], spdy: [] })
  if (isHttpFailure(agreed)) return agreed
  const gone = new AbortController()
  const log = containerLog(pods, { place, query: place.query, signal: gone.signal }, clock)
  if (isHttpFailure(log)) return log
  const socket = await acceptWebSocket(upgrade, agreed.protocol)
  socket.on('error', () => {})
  socket.on('close', () => gone.abort())
  const isText = agreed.protocol.startsWith('base64')
  const send = (part: Buffer) =>
    new Promise<void>((resolve) => socket.send(isText ? part.toString('base64') : part, () => resolve()))
  // As upstream: an empty message shows that the connection stands.
  await send(Buffer.alloc(0))
  for await (const part of log) {
    if (gone.signal.aborted) break
    await send(part)
  }
  socket.close(1000)
  return undefined
}

async function serveForward(
  { pods }: KubeletServerOptions,
  upgrade: UpgradeRequest,
  { pod, query }: { readonly pod: Pod; readonly query: URLSearchParams },
): Promise<HttpFailure | undefined> {
  const agreed = agreedProtocol(upgrade, {
    websocket: ['SPDY/3.1+portforward.k8s.io', FORWARD_CHANNELS],
    spdy: ['portforward.k8s.io'],
  })
  if (isHttpFailure(agreed)) return agreed
  const { uid = '', name } = pod.metadata
  const target = { netns: pods.netns(uid), pod: name }
  if (agreed.protocol === FORWARD_CHANNELS) {
    const ports = forwardedPorts(query)
    if (isHttpFailure(ports)) return ports
    await forwardByChannels(await acceptWebSocket(upgrade, agreed.protocol), target, ports)
  } else if (agreed.by === 'websocket') {
    await servePortForward(await tunnelIn(await acceptWebSocket(upgrade, agreed.protocol)), target)
  } else {
    acceptSpdy(upgrade, agreed.protocol)
    await servePortForward(upgrade.socket, target)
  }
  return undefined
}
