import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { systemErrorCode } from '../../base/error.ts'
import { hostPort } from '../../base/ip.ts'

/** The Kubernetes minor version that probes and hooks say they are of. */
export const AGENT_VERSION = '1.36'

export interface HttpTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  readonly scheme: 'HTTP' | 'HTTPS'
  /** With query. */
  readonly path: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** Sent unless `headers` says otherwise. */
  readonly userAgent: string
}

export type HttpOutcome =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string }
  | { readonly kind: 'failure'; readonly url: string; readonly error: unknown }

const MAX_BODY = 10 * 1024
const MAX_REDIRECTS = 10
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/**
 * A GET as upstream's probes and hooks make it: certificates are not checked, and redirects are followed as long as
 * they stay with the same host (pkg/probe/http).
 */
export async function httpGet(target: HttpTarget): Promise<HttpOutcome> {
  const deadline = AbortSignal.timeout(target.timeoutMs)
  let url = urlOf(target)
  for (let redirects = 0; ; redirects++) {
    const asked = url
    try {
      const { status, location, body } = await getOnce(asked, target, deadline)
      const next = location === undefined || !REDIRECTS.has(status) ? undefined : resolved(location, asked)
      if (next === undefined || next.hostname !== asked.hostname) return { kind: 'answer', status, body }
      if (redirects === MAX_REDIRECTS - 1) {
        return { kind: 'failure', url: String(next), error: new RangeError('stopped after 10 redirects') }
      }
      url = next
    } catch (error) {
      return { kind: 'failure', url: shown(target, asked), error: deadline.aborted ? tooLate() : error }
    }
  }
}

/** Whether nobody listens there. */
export function isRefused(error: unknown): boolean {
  return systemErrorCode(error) === 'ECONNREFUSED'
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

function getOnce(url: URL, { headers, userAgent }: HttpTarget, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      headers: requestHeaders(headers, userAgent),
      agent: false,
      rejectUnauthorized: false,
      signal,
    }
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      const { statusCode = 0 } = response
      const { location } = response.headers
      readBody(response).then((body) => resolve({ status: statusCode, location, body }), reject)
    })
    request.on('error', reject)
    request.end()
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    // What is longer is not read to its end.
    if (size >= MAX_BODY) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BODY)
}

/** A name may come several times; `User-Agent` and `Accept` without a value are not sent at all. */
function requestHeaders(given: HttpTarget['headers'], userAgent: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { connection: 'close' }
  const named = new Map<string, string[]>()
  for (const { name, value } of given) {
    const key = name.toLowerCase()
    named.set(key, [...(named.get(key) ?? []), value])
  }
  for (const [name, fallback] of [
    ['user-agent', userAgent],
    ['accept', '*/*'],
  ] as const) {
    if (!named.has(name)) headers[name] = fallback
    else if (named.get(name)?.[0] === '') named.delete(name)
  }
  for (const [name, values] of named) headers[name] = name === 'host' ? (values[0] ?? '') : values
  return headers
}

function urlOf(target: HttpTarget): URL {
  return new URL(text(target))
}

/** As the object has it, not as a URL is normalized; redirected ones as they are. */
function shown(target: HttpTarget, asked: URL): string {
  return String(urlOf(target)) === String(asked) ? text(target) : String(asked)
}

function text({ scheme, host, port, path }: HttpTarget): string {
  return `${scheme.toLowerCase()}://${hostPort(host, port)}${path.startsWith('/') ? path : `/${path}`}`
}

function resolved(location: string, base: URL): URL | undefined {
  return URL.canParse(location, String(base)) ? new URL(location, base) : undefined
}

function tooLate(): RangeError {
  return new RangeError('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
}
