import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { errorMessage } from '../../base/error.ts'
import { hostPort } from '../../base/ip.ts'
import { WireWriter } from '../../kube/schema/wire-writer.ts'
import { isRefused } from './http-get.ts'
import { PROBE_AGENT, type ProbeOutcome, type ProbeTarget } from './network-probes.ts'

export interface GrpcProbe extends ProbeTarget {
  /** Which of the server's services is meant; the server itself when empty. */
  readonly service: string
}

const PATH = '/grpc.health.v1.Health/Check'
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const CODES: Readonly<Record<number, string>> = {
  1: 'Canceled',
  2: 'Unknown',
  3: 'InvalidArgument',
  4: 'DeadlineExceeded',
  5: 'NotFound',
  7: 'PermissionDenied',
  8: 'ResourceExhausted',
  12: 'Unimplemented',
  13: 'Internal',
  14: 'Unavailable',
  16: 'Unauthenticated',
}
const UNIMPLEMENTED = 12
const DEADLINE_EXCEEDED = 4

/** Asks a server for its health by gRPC without TLS, as upstream's kubelet (pkg/probe/grpc, gRPC health checking v1). */
export async function probeGrpc(probe: GrpcProbe): Promise<ProbeOutcome> {
  const address = hostPort(probe.host, probe.port)
  const session = connect(`http://${address}`)
  const late = AbortSignal.timeout(probe.timeoutMs)
  let connected = false
  try {
    await settled(session, late)
    connected = true
    return outcomeOf(await check(session, probe, late), probe)
  } catch (error) {
    if (connected && late.aborted) return timedOut(probe)
    if (late.aborted) return unconnected(address, probe)
    const why = isRefused(error) ? `dial tcp ${address}: connect: connection refused` : errorMessage(error)
    const message = connected
      ? `error: health rpc probe failed: ${why}`
      : `error: failed to connect service at "${address}": ${why}`
    return { kind: 'failure', message, refused: isRefused(error) }
  } finally {
    session.destroy()
  }
}

function unconnected(address: string, { timeoutMs }: GrpcProbe): ProbeOutcome {
  const message = `timeout: failed to connect service "${address}" within ${seconds(timeoutMs)}: context deadline exceeded`
  return { kind: 'failure', message }
}

function timedOut({ timeoutMs }: GrpcProbe): ProbeOutcome {
  return { kind: 'failure', message: `timeout: health rpc did not complete within ${seconds(timeoutMs)}` }
}

/** Resolves when the connection stands. */
function settled(session: ClientHttp2Session, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    session.once('connect', () => resolve())
    session.on('error', reject)
    session.once('close', () => reject(new TypeError('connection closed before server preface received')))
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

interface RpcAnswer {
  readonly code: number
  readonly message: string
  readonly body: Buffer
}

function check(session: ClientHttp2Session, { service, host, port }: GrpcProbe, signal: AbortSignal) {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: PATH,
    [constants.HTTP2_HEADER_AUTHORITY]: hostPort(host, port),
    'content-type': 'application/grpc',
    'user-agent': PROBE_AGENT,
    te: 'trailers',
  })
  stream.end(frame(healthRequest(service)))
  return answerOf(stream, signal)
}

function answerOf(stream: ClientHttp2Stream, signal: AbortSignal): Promise<RpcAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    // Of an answer without a body the status is in the first headers.
    const status = new Map<string, unknown>()
    const note = (headers: Readonly<Record<string, unknown>>) => {
      for (const [name, value] of Object.entries(headers)) status.set(name, value)
    }
    stream.on('response', note)
    stream.on('trailers', note)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      const http = Number(status.get(':status') ?? 0)
      const given = status.get('grpc-status')
      const code = given === undefined ? (http === 404 ? UNIMPLEMENTED : 2) : Number(given)
      const fallback = `unexpected HTTP status code received from server: ${http}`
      const message = given === undefined ? fallback : decoded(String(status.get('grpc-message') ?? ''))
      resolve({ code, message, body: Buffer.concat(chunks) })
    })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function outcomeOf({ code, message, body }: RpcAnswer, probe: GrpcProbe): ProbeOutcome {
  if (code === UNIMPLEMENTED) {
    const text = `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${message}`
    return { kind: 'failure', message: text }
  }
  if (code === DEADLINE_EXCEEDED) return timedOut(probe)
  if (code !== 0) {
    const text = `error: health rpc probe failed: rpc error: code = ${CODES[code] ?? `Code(${code})`} desc = ${message}`
    return { kind: 'failure', message: text }
  }
  const status = healthStatus(body)
  if (status === 1) return { kind: 'success' }
  return { kind: 'failure', message: `service unhealthy (responded with "${STATUSES[status] ?? status}")` }
}

/** A message with its prefix: not compressed, length (gRPC over HTTP/2). */
function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** HealthCheckRequest: field 1, `service`, a string; the empty one is left out. */
function healthRequest(service: string): Buffer {
  const request = new WireWriter()
  if (service !== '') request.text(1, service)
  return request.finish()
}

/** HealthCheckResponse: field 1, `status`, a number; 0 when it is left out. */
function healthStatus(body: Buffer): number {
  return body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0
}

/** gRPC status messages are percent-encoded. */
function decoded(text: string): string {
  return /%(?![0-9A-Fa-f]{2})/.test(text) ? text : decodeURIComponent(text)
}

function seconds(ms: number): string {
  return `${ms / 1000}s`
}
