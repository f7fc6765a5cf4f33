import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { errorMessage, systemErrorCode } from '../../base/error.ts'

export type ProbeOutcome =
  | { readonly kind: 'success' }
  /** `refused`: nobody listens there yet; the program itself has not noticed being asked. */
  | { readonly kind: 'failure'; readonly message: string; readonly refused?: boolean }

export interface ProbeTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

export interface HttpProbe extends ProbeTarget {
  readonly scheme: 'HTTP' | 'HTTPS'
  readonly path: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

const SUCCESS: ProbeOutcome = { kind: 'success' }
const MAX_BODY = 10 * 1024

/** Succeeds with any status from 200 to 399. Certificates are not checked, as upstream does not. */
export function probeHttp(probe: HttpProbe): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve(failure(`Get "${urlOf(probe)}"`, error))
    const request = (probe.scheme === 'HTTPS' ? httpsRequest : httpRequest)(requestOptions(probe), (response) => {
      const { statusCode = 0 } = response
      let read = 0
      response.on('data', (chunk: Buffer) => {
        read += chunk.length
        if (read > MAX_BODY) response.destroy()
      })
      response.on('error', fail)
      response.on('close', () => {
        const ok = statusCode >= 200 && statusCode < 400
        const kind = probe.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP'
        resolve(ok ? SUCCESS : { kind: 'failure', message: `${kind} probe failed with statuscode: ${statusCode}` })
      })
    })
    const timer = setTimeout(() => request.destroy(new RangeError(timeoutMessage(probe))), probe.timeoutMs)
    request.on('close', () => clearTimeout(timer))
    request.on('error', fail)
    request.end()
  })
}

function requestOptions({ host, port, path, headers }: HttpProbe): RequestOptions & { rejectUnauthorized: boolean } {
  const defaults = { 'user-agent': 'kube-probe/fairlead', accept: '*/*', connection: 'close' }
  const given = Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value]))
  return { host, port, path, headers: { ...defaults, ...given }, agent: false, rejectUnauthorized: false }
}

function urlOf({ scheme, host, port, path }: HttpProbe): string {
  return `${scheme.toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

/** Succeeds when a connection can be made. */
export function probeTcp({ host, port, timeoutMs }: ProbeTarget): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const timer = setTimeout(() => socket.destroy(new RangeError('i/o timeout')), timeoutMs)
    socket.on('close', () => clearTimeout(timer))
    socket.on('connect', () => {
      resolve(SUCCESS)
      socket.destroy()
    })
    socket.on('error', (error) => resolve(failure(`dial tcp ${host}:${port}`, error)))
  })
}

function failure(what: string, error: unknown): ProbeOutcome {
  const refused = systemErrorCode(error) === 'ECONNREFUSED'
  return {
    kind: 'failure',
    message: `${what}: ${refused ? 'connect: connection refused' : errorMessage(error)}`,
    refused,
  }
}

function timeoutMessage({ timeoutMs }: ProbeTarget): string {
  return `context deadline exceeded (no answer within ${timeoutMs / 1000}s)`
}
