import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { containerLog } from './container-logs.ts'
import { type HttpFailure, httpFailure, isHttpFailure } from './http-failure.ts'
import type { KubeletServerOptions } from './kubelet-server.ts'
import { metricsText, statsSummary } from './node-stats.ts'

type Body = Buffer | AsyncIterable<Buffer>

interface Answer {
  readonly type: string
  readonly body: Body
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'

/** Answers a request of the API server that is no upgrade. */
export async function handleKubeletRequest(
  options: KubeletServerOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const answer = answerOf(options, message, gone.signal)
    if (isHttpFailure(answer)) await send(response, answer.status, { type: TEXT, body: Buffer.from(answer.message) })
    else await send(response, 200, answer)
  } catch (error) {
    if (!gone.signal.aborted) options.log.warn({ err: error, url: message.url }, 'An answer could not be given')
    response.destroy()
  }
}

function answerOf(options: KubeletServerOptions, message: IncomingMessage, signal: AbortSignal): Answer | HttpFailure {
  const { pathname, searchParams: query } = new URL(message.url ?? '/', 'https://node')
  if (message.method !== 'GET') return httpFailure(405, 'method not allowed')
  const { pods, nodeName, clock } = options
  switch (pathname) {
    case '/healthz':
      return { type: TEXT, body: Buffer.from('ok') }
    case '/pods':
      return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.list() })
    case '/stats/summary':
      return json(statsSummary(nodeName, pods, clock.now()))
    case '/metrics':
      return { type: 'text/plain; version=0.0.4', body: Buffer.from(metricsText(pods)) }
    default:
      return log(options, { pathname, query, signal })
  }
}

interface LogCall {
  readonly pathname: string
  readonly query: URLSearchParams
  readonly signal: AbortSignal
}

function log({ pods, clock }: KubeletServerOptions, { pathname, query, signal }: LogCall): Answer | HttpFailure {
  const [, root, namespace = '', pod = '', container = '', ...rest] = pathname.split('/').map(decodeURIComponent)
  if (root !== 'containerLogs' || container === '' || rest.length > 0) return httpFailure(404, 'not found')
  const body = containerLog(pods, { place: { namespace, pod, container }, query, signal }, clock)
  return isHttpFailure(body) ? body : { type: TEXT, body }
}

function json(value: object): Answer {
  return { type: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) }
}

async function send(response: ServerResponse, status: number, { type, body }: Answer): Promise<void> {
  if (body instanceof Buffer) {
    response.writeHead(status, { 'content-type': type, 'content-length': body.length })
    response.end(body)
    return
  }
  response.writeHead(status, { 'content-type': type })
  response.flushHeaders()
  await pipeline(Readable.from(body, { objectMode: false }), response)
}
