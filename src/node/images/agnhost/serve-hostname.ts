import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { FairleadError } from '../../../base/error.ts'
import type { Flags } from './flags.ts'
import { hostPort, listening, say, serveUdp } from './serving.ts'

/** How long it lives on after SIGTERM and answers, as the original: proxies need time to learn that it goes. */
const LINGER_MS = 60_000

/** Answers everything with the host's name: HTTP, or with `--http=false` what `--tcp` and `--udp` say. */
export async function serveHostname(flags: Flags): Promise<void> {
  const port = flags.number('port', 9376)
  const [http, tcp, udp] = [flags.boolean('http', true), flags.boolean('tcp', false), flags.boolean('udp', false)]
  if (http && (tcp || udp)) {
    throw new FairleadError('USAGE', "Can't serve TCP/UDP mode and HTTP mode at the same time; give --http=false")
  }
  process.once('SIGTERM', () => {
    say('Shutting down after receiving signal: terminated.\nAwaiting pod deletion.')
    setTimeout(() => process.exit(0), LINGER_MS)
  })
  const bound = http ? await serveHttp(port, flags.boolean('close', false)) : tcp ? await serveTcp(port) : port
  if (udp) await serveUdp(bound, () => hostname())
  say(`Serving on port ${bound}.`)
}

async function serveTcp(port: number): Promise<number> {
  const server = createServer((socket) => {
    say(`TCP request from ${hostPort(socket.remoteAddress, socket.remotePort)}`)
    socket.on('error', () => socket.destroy())
    socket.end(hostname())
  })
  return listening(server, port)
}

async function serveHttp(port: number, close: boolean): Promise<number> {
  const server = createHttpServer((request, response) => {
    say(`HTTP request from ${hostPort(request.socket.remoteAddress, request.socket.remotePort)}`)
    if (close) response.setHeader('connection', 'close')
    response.end(hostname())
  })
  return listening(server, port)
}
