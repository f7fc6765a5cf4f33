/**
 * The program of image `fairlead/echo`: says who was reached and by whom, over HTTP, TCP and UDP.
 *
 * It is bundled into one file and starts with every pod, so it imports little and only when a port asks for it.
 */
import { createSocket, type RemoteInfo } from 'node:dgram'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Socket, type Server as TcpServer } from 'node:net'
import { type EchoPort, echoPorts } from './echo-ports.ts'

const identity = {
  pod: process.env.FAIRLEAD_POD ?? process.env.HOSTNAME ?? '',
  namespace: process.env.FAIRLEAD_NAMESPACE ?? '',
  node: process.env.FAIRLEAD_NODE ?? '',
}

/** How long new connections are still answered after SIGTERM: until everybody has learnt that the pod goes. */
const LINGER_MS = Number(process.env.FAIRLEAD_LINGER_MS ?? 500)
const MAX_DELAY_MS = 3_600_000

const closers: (() => void)[] = []
let stopping = false

const ports = echoPorts(process.argv.slice(2), process.env)
const listening = await Promise.all(ports.map(listen))
process.stdout.write(`${JSON.stringify({ msg: 'listening', ...identity, ports: listening })}\n`)
process.on('SIGTERM', () => stop(LINGER_MS))
process.on('SIGINT', () => stop(0))

function stop(linger: number): void {
  if (stopping) return
  stopping = true
  setTimeout(() => {
    for (const close of closers) close()
  }, linger)
}

async function listen(port: EchoPort): Promise<string> {
  if (port.protocol === 'http') await serveHttp(port.port)
  else if (port.protocol === 'tcp') await serveTcp(port.port)
  else await serveUdp(port.port)
  return `${port.protocol}:${port.port}`
}

async function serveHttp(port: number): Promise<void> {
  const { createServer: createHttpServer } = await import('node:http')
  const server = createHttpServer(answerHttp)
  closers.push(() => server.close())
  await bound(server, port)
}

function answerHttp(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://echo')
  const answer = {
    ...identity,
    client: peer(request.socket),
    server: own(request.socket),
    method: request.method,
    host: request.headers.host,
    path: request.url,
    forwardedFor: request.headers['x-forwarded-for'],
  }
  const plain = request.headers.accept?.startsWith('text/plain') || url.searchParams.get('format') === 'text'
  const body = plain
    ? `${answer.pod} on ${answer.node} answers ${answer.client} ${answer.method} ${answer.path}\n`
    : `${JSON.stringify(answer)}\n`
  const delay = Math.min(Math.max(Number(url.searchParams.get('delay')) || 0, 0), MAX_DELAY_MS)
  request.resume()
  const send = () => {
    response.writeHead(statusOf(url), {
      'content-type': plain ? 'text/plain' : 'application/json',
      'x-pod': identity.pod,
      ...(stopping ? { connection: 'close' } : {}),
    })
    response.end(body)
  }
  if (delay > 0) setTimeout(send, delay)
  else send()
}

function statusOf(url: URL): number {
  const status = Number(url.searchParams.get('status') ?? 200)
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 400
}

async function serveTcp(port: number): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.write(`${JSON.stringify({ ...identity, client: peer(socket), server: own(socket) })}\n`)
    socket.pipe(socket)
  })
  // Established connections go on until their clients end them or the pod is killed.
  closers.push(() => server.close())
  await bound(server, port)
}

async function serveUdp(port: number): Promise<void> {
  const socket = createSocket('udp6')
  socket.on('message', (data: Buffer, from: RemoteInfo) => {
    const client = format(from.address, from.port)
    const answer = { ...identity, client, server: `:${port}`, data: data.toString('utf8', 0, 512) }
    socket.send(`${JSON.stringify(answer)}\n`, from.port, from.address)
  })
  closers.push(() => socket.close())
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, resolve)
  })
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`))
}

function bound(server: HttpServer | TcpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
}

function peer(socket: Socket): string {
  return format(socket.remoteAddress ?? '', socket.remotePort ?? 0)
}

function own(socket: Socket): string {
  return format(socket.localAddress ?? '', socket.localPort ?? 0)
}

/** An IPv4 address reaches a socket of both families as `::ffff:1.2.3.4`. */
function format(address: string, port: number): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}
