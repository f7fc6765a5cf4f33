/** Asks one backend once, from inside the VPC's namespace. */
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { isFairleadError, systemErrorCode } from '../../../base/error.ts'
import { close, connect, isErrno, send } from '../../../linux/libc.ts'
import { connectTcp, openUdp } from '../../../linux/socket.ts'
import { encodeSocketAddress, formatSocketAddress } from '../../../linux/socket-address.ts'
import type { HttpHealthCheck } from '../../slb/model.ts'

export interface ProbeTarget {
  readonly netns: string
  readonly host: string
  readonly port: number
  /** Where probes come from; the kernel's choice for a backend of the other family. */
  readonly source: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type ProbeKind =
  | { readonly type: 'tcp' }
  | { readonly type: 'http'; readonly http: HttpHealthCheck }
  | { readonly type: 'udp'; readonly request: string; readonly expected: string }

export type ProbeResult = { readonly passed: true } | { readonly passed: false; readonly reason: string }

const PASSED: ProbeResult = { passed: true }
const STATUS_LINE = /^HTTP\/\d\.\d (\d{3})/
/** A status line is read whole, and nothing else. */
const MAX_STATUS_LINE = 8192

/** Sends one probe and tells what came of it; never throws for what a backend does. */
export async function probe(target: ProbeTarget, kind: ProbeKind): Promise<ProbeResult> {
  try {
    if (kind.type === 'udp') return await probeUdp(target, kind)
    return await probeTcp(target, kind)
  } catch (error) {
    if (target.signal.aborted) throw error
    const failure = reasonOf(error)
    if (failure === undefined) throw error
    return { passed: false, reason: failure }
  }
}

async function probeTcp(target: ProbeTarget, kind: ProbeKind & { type: 'tcp' | 'http' }): Promise<ProbeResult> {
  const started = performance.now()
  const socket = await connectTcp({ ...target, ...sourceOf(target) })
  try {
    if (kind.type === 'tcp') return PASSED
    return await askHttp(socket, target, { http: kind.http, leftMs: target.timeoutMs - (performance.now() - started) })
  } finally {
    // A reset, so that neither side waits for the other.
    socket.on('error', () => {})
    socket.resetAndDestroy()
  }
}

function askHttp(
  socket: Socket,
  { host, port, signal }: ProbeTarget,
  { http, leftMs }: { readonly http: HttpHealthCheck; readonly leftMs: number },
): Promise<ProbeResult> {
  const name = http.domain === undefined || http.domain === '$_ip' ? host : http.domain
  const head = [
    `${http.method.toUpperCase()} ${http.uri} HTTP/${http.version ?? '1.0'}`,
    `Host: ${name}`,
    'User-Agent: SLBHealthCheck',
    'Connection: close',
  ]
  return new Promise((resolve) => {
    let text = ''
    const settle = (result: ProbeResult) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      resolve(result)
    }
    const fail = (reason: string) => settle({ passed: false, reason })
    const onAbort = () => fail('stopped')
    const timer = setTimeout(() => fail('no HTTP answer in time'), Math.max(1, leftMs))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes('\n') || text.length > MAX_STATUS_LINE) settle(judge(text, http))
    })
    socket.once('error', (error) => fail(`${formatSocketAddress({ host, port })}: ${error.message}`))
    socket.once('end', () => fail('the connection ended without an HTTP answer'))
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
  })
}

/** Whether the status is one of the wanted kinds, as `http_2xx`. */
function judge(text: string, { codes }: HttpHealthCheck): ProbeResult {
  const status = STATUS_LINE.exec(text)?.[1]
  if (status === undefined) return { passed: false, reason: 'the answer is not HTTP' }
  const passed = codes.includes(`http_${status[0]}xx`)
  return passed ? PASSED : { passed: false, reason: `HTTP status ${status}, wanted ${codes.join(', ')}` }
}

/**
 * Nobody listening makes the backend's kernel say so (ICMP port unreachable), which a connected socket hears. Silence is
 * good, unless an answer is expected.
 */
async function probeUdp(target: ProbeTarget, kind: ProbeKind & { type: 'udp' }): Promise<ProbeResult> {
  const { host, port, netns, timeoutMs, signal } = target
  const local = sourceOf(target).localAddress ?? (host.includes(':') ? '::' : '0.0.0.0')
  const fd = openUdp({ netns, host: local, port: 0 })
  try {
    connect(fd, encodeSocketAddress({ host, port }), formatSocketAddress({ host, port }))
    send(fd, Buffer.from(kind.request, 'latin1'))
  } catch (error) {
    close(fd)
    throw error
  }
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const settle = (result: ProbeResult) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.close()
      resolve(result)
    }
    const onAbort = () => settle({ passed: false, reason: 'stopped' })
    const silent = kind.expected === '' ? PASSED : ({ passed: false, reason: 'no answer in time' } as const)
    const timer = setTimeout(() => settle(silent), timeoutMs)
    socket.once('error', (error) => settle({ passed: false, reason: reasonOf(error) ?? error.message }))
    socket.once('message', (answer) => settle(judgeAnswer(answer, kind.expected)))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.bind({ fd })
  })
}

function judgeAnswer(answer: Buffer, expected: string): ProbeResult {
  if (expected === '' || answer.toString('latin1').startsWith(expected)) return PASSED
  return { passed: false, reason: 'another answer than the expected one' }
}

function sourceOf({ host, source }: ProbeTarget): { localAddress?: string } {
  return host.includes(':') === source.includes(':') ? { localAddress: source } : {}
}

const FAILURES = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EADDRNOTAVAIL']

/** Why a backend could not be asked; undefined when it is no fault of its own. */
function reasonOf(error: unknown): string | undefined {
  if (isFairleadError(error, 'TIMEOUT')) return 'no answer in time'
  const code = systemErrorCode(error)
  const known = code !== undefined && FAILURES.includes(code) ? code : FAILURES.find((errno) => isErrno(error, errno))
  return known === 'ECONNREFUSED' ? 'nobody listens there' : known
}
