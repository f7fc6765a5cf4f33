import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { hostname } from 'node:os'
import { parseGoDuration } from '../../../base/go-duration.ts'
import type { Flags } from './flags.ts'
import { dial } from './netexec-dial.ts'
import { hostPort, listening, portOf, say, serveUdp } from './serving.ts'

interface Exchange {
  readonly url: URL
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/**
 * Serves HTTP and UDP by which a test looks at the network from inside of a pod: who am I, who are you, ask that
 * address, run this command.
 */
export async function netexec(flags: Flags): Promise<void> {
  const override = flags.text('http-override', '')
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    // As Go's ServeMux, which sends requests for //hostname to /hostname.
    const target = (override === '' ? (request.url ?? '/') : override).replace(/^\/+/, '/')
    const url = new URL(target, 'http://netexec')
    say(`${request.method} ${target}`)
    request.resume()
    const handle = HANDLERS[url.pathname] ?? showTime
    void handle({ url, request, response })
  }
  delayShutdown(flags.number('delay-shutdown', 0))
  const udpPort = flags.number('udp-port', 8081)
  const udp = udpPort < 0 ? undefined : await serveUdp(udpPort, answerUdp)
  if (flags.number('sctp-port', -1) >= 0) say('--sctp-port is left out: Node.js has no sockets for SCTP')
  const cert = flags.text('tls-cert-file', '')
  const server =
    cert === ''
      ? createServer(answer)
      : createTlsServer({ cert: readFileSync(cert), key: readFileSync(flags.text('tls-private-key-file', '')) }, answer)
  say(`Started HTTP server on port ${await listening(server, flags.number('http-port', 8080))}`)
  if (udp !== undefined) say(`Started UDP server on port ${portOf(udp.address())}`)
}

/** On SIGTERM it answers for so many seconds more. */
function delayShutdown(seconds: number): void {
  process.once('SIGTERM', () => setTimeout(() => process.exit(0), seconds * 1000))
}

const HANDLERS: Readonly<Record<string, (exchange: Exchange) => void | Promise<void>>> = {
  '/clientip': ({ request: { socket }, response }) => {
    response.end(hostPort(socket.remoteAddress, socket.remotePort))
  },
  '/dial': answerDial,
  '/echo': ({ url: { searchParams }, response }) => {
    response.writeHead(codeOf(searchParams, 200)).end(searchParams.get('msg') ?? '')
  },
  '/exit': ({ url: { searchParams } }) => {
    const wait = parseGoDuration(searchParams.get('wait') ?? '0') ?? 0
    setTimeout(() => process.exit(codeOf(searchParams, 0)), wait)
  },
  '/header': ({ url: { searchParams }, request, response }) => {
    response.end(String(request.headers[(searchParams.get('key') ?? '').toLowerCase()] ?? ''))
  },
  '/healthz': ({ response }) => {
    response.end()
  },
  '/hostname': sayHostname,
  '/hostName': sayHostname,
  '/redirect': ({ url: { searchParams }, response }) => {
    response.writeHead(codeOf(searchParams, 302), { location: searchParams.get('location') ?? '/' }).end()
  },
  '/shell': answerShell,
  '/shutdown': () => process.exit(0),
}

function showTime({ response }: Exchange): void {
  response.end(`NOW: ${new Date().toISOString()}`)
}

function sayHostname({ response }: Exchange): void {
  response.end(hostname())
}

function codeOf(parameters: URLSearchParams, otherwise: number): number {
  const code = Number(parameters.get('code') ?? otherwise)
  return Number.isInteger(code) ? code : otherwise
}

async function answerDial({ url: { searchParams }, response }: Exchange): Promise<void> {
  const outcome = await dial({
    host: searchParams.get('host') ?? '',
    port: Number(searchParams.get('port')),
    request: searchParams.get('request') ?? '',
    protocol: (searchParams.get('protocol') ?? 'http').toLowerCase(),
    tries: Number(searchParams.get('tries') || 1),
  })
  if (outcome.kind === 'invalid') response.writeHead(400).end(`${outcome.message}\n`)
  else response.end(JSON.stringify(outcome.output))
}

function answerShell({ url: { searchParams }, response }: Exchange): void {
  const command = searchParams.get('shellCommand') || searchParams.get('cmd') || ''
  // Both outputs in the order in which they were written.
  execFile('/bin/sh', ['-c', `exec 2>&1\n${command}`], { maxBuffer: 2 ** 26 }, (error, output) => {
    const failure = error === null ? undefined : `exit status ${error.code ?? error.signal}`
    response.end(
      JSON.stringify({ ...(failure === undefined ? {} : { error: failure }), ...(output === '' ? {} : { output }) }),
    )
  })
}

/** `hostname`, `echo TEXT`, `clientip`; anything else has no answer. */
function answerUdp(text: string, from: { readonly address: string; readonly port: number }): string | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'hostname') return hostname()
  if (word.startsWith('echo ')) return word.slice(5)
  if (word === 'clientip') return hostPort(from.address, from.port)
  say(`Unknown UDP command received from ${hostPort(from.address, from.port)}: ${word}`)
  return undefined
}
