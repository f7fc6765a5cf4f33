import { createSocket } from 'node:dgram'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { FairleadError } from '../base/error.ts'
import { connectTcp, openFreshUdp } from '../linux/socket.ts'

/** A place in the cluster's network from which requests are made: a pod, a node, a client on the internet. */
export interface Vantage {
  /** As a person calls it: `pod client`, `node-1`, `internet`. */
  readonly name: string
  /** Path of its network namespace. */
  readonly netns: string
}

export interface Target {
  readonly host: string
  readonly port: number
  readonly protocol: 'TCP' | 'UDP'
}

/** What `fairlead/echo` says of itself and of the one who asked. */
export interface EchoAnswer {
  readonly pod: string
  readonly node: string
  /** Address and port that the pod saw the request come from. */
  readonly client: string
  /** What a proxy on the way told of the client, over HTTP. */
  readonly forwardedFor?: string
}

const TIMEOUT_MS = 3_000

/**
 * Asks an echo server once, over a connection of its own, from inside the vantage's network namespace.
 *
 * @throws FairleadError `TIMEOUT`, or the system's error (`ECONNREFUSED`, ...).
 */
export function ask(from: Vantage, target: Target, timeoutMs: number = TIMEOUT_MS): Promise<EchoAnswer> {
  return target.protocol === 'TCP' ? askHttp(from, target, timeoutMs) : askUdp(from, target, timeoutMs)
}

async function askHttp(from: Vantage, target: Target, timeoutMs: number): Promise<EchoAnswer> {
  const socket = await connectTcp({ netns: from.netns, host: target.host, port: target.port, timeoutMs })
  return askOver(socket, { from, target, timeoutMs })
}

export interface Question {
  readonly from: Vantage
  readonly target: Target
  readonly timeoutMs: number
}

/** Asks an echo server by HTTP over a connection that stands, whatever it is made of. */
export function askOver(socket: Socket, { from, target, timeoutMs }: Question): Promise<EchoAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(timeoutMs, () => fail(noAnswer(from, target, timeoutMs)))
    const request = httpRequest({
      createConnection: () => socket,
      host: target.host,
      port: target.port,
      headers: { accept: 'application/json', connection: 'close' },
    })
    request.on('error', fail)
    request.on('response', async (response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk as Buffer)
        resolve(echoAnswer(Buffer.concat(chunks)))
      } catch (error) {
        fail(error as Error)
      }
    })
    request.end()
  })
}

function askUdp(from: Vantage, target: Target, timeoutMs: number): Promise<EchoAnswer> {
  const family = target.host.includes(':')
    ? ({ host: '::', type: 'udp6' } as const)
    : ({ host: '0.0.0.0', type: 'udp4' } as const)
  const fd = openFreshUdp({ netns: from.netns, host: family.host })
  const socket = createSocket(family.type)
  return new Promise<EchoAnswer>((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(from, target, timeoutMs)), timeoutMs)
    socket.once('error', reject)
    socket.once('message', (data) => {
      clearTimeout(timer)
      try {
        resolve(echoAnswer(data))
      } catch (error) {
        reject(error)
      }
    })
    socket.bind({ fd }, () => socket.send('hello', target.port, target.host))
  }).finally(() => socket.close())
}

function echoAnswer(data: Buffer): EchoAnswer {
  const text = data.toString('utf8')
  try {
    return JSON.parse(text) as EchoAnswer
  } catch (cause) {
    throw new FairleadError('CHECK_FAILED', `The answer is not an echo server's: ${text.slice(0, 80)}`, { cause })
  }
}

function noAnswer(from: Vantage, target: Target, timeoutMs: number): FairleadError {
  const place = `${target.host}:${target.port}/${target.protocol}`
  return new FairleadError('TIMEOUT', `No answer from ${place} to ${from.name} within ${timeoutMs} ms`)
}
