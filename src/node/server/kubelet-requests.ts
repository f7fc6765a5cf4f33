import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { containerLog } from './container-logs.ts'
import { type HttpFailure, httpFailure, isHttpFailure } from './http-failure.ts'
import { HEALTH_PORT, KUBELET_PORT } from './kubelet-endpoint.ts'
import type { KubeletServerOptions } from './kubelet-server.ts'
import { nodeLog } from './node-logs.ts'
import { metricsText, resourceMetricsText } from './node-metrics.ts'
import { nodeUsage, statsSummary } from './node-stats.ts'
import type { UsageRates } from './usage-rates.ts'

type Body = Buffer | AsyncIterable<Buffer>

interface Answer {
  readonly type: string
  readonly body: Body
}

const TEXT = 'text/plain; charset=utf-8'
const JSON_TYPE = 'application/json'
const HTML = 'text/html; charset=utf-8'
const METRICS = 'text/plain; version=0.0.4'

/** What the server is asked about, and what it remembers from one time to the next. */
export interface KubeletRequests extends KubeletServerOptions {
  readonly rates: UsageRates
}

/** Answers a request of the API server that is no upgrade. */
export async function handleKubeletRequest(
  options: KubeletRequests,
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

function answerOf(options: KubeletRequests, message: IncomingMessage, signal: AbortSignal): Answer | HttpFailure {
  const { pathname, searchParams: query } = new URL(message.url ?? '/', 'https://node')
  if (message.method !== 'GET') return httpFailure(405, 'method not allowed')
  const { pods, nodeName, clock } = options
  switch (pathname) {
    case '/healthz':
      return { type: TEXT, body: Buffer.from('ok') }
    case '/pods':
      return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods.list() })
    case '/stats/summary':
      return json(statsSummary(nodeUsage(pods), { nodeName, now: clock.now(), rates: options.rates }))
    case '/metrics':
      return { type: METRICS, body: Buffer.from(metricsText(pods)) }
    case '/metrics/resource':
      return { type: METRICS, body: Buffer.from(resourceMetricsText(nodeUsage(pods), clock.now())) }
    case '/configz':
      return json({ kubeletconfig: kubeletConfiguration(options) })
    default:
      if (pathname === '/logs' || pathname.startsWith('/logs/')) return nodeLogAnswer(options, pathname)
      return log(options, { pathname, query, signal })
  }
}

/** The settings of this node that upstream's configuration has names for. */
function kubeletConfiguration({ address, maxPods, port = KUBELET_PORT }: KubeletServerOptions): object {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address,
    port,
    healthzBindAddress: '127.0.0.1',
    healthzPort: HEALTH_PORT,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
    cgroupDriver: 'cgroupfs',
    maxPods,
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

function nodeLogAnswer({ logDirectory }: KubeletServerOptions, pathname: string): Answer | HttpFailure {
  const found = nodeLog(logDirectory, decodeURIComponent(pathname.slice('/logs'.length)))
  if (isHttpFailure(found)) return found
  return found.kind === 'list' ? { type: HTML, body: Buffer.from(found.html) } : { type: TEXT, body: found.body }
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
