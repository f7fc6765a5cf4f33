import { connect } from 'node:net'
import { errorMessage } from '../../base/error.ts'
import { hostPort } from '../../base/ip.ts'
import { AGENT_VERSION, type HttpTarget, httpGet, isRefused } from './http-get.ts'

export type ProbeOutcome =
  /** `warning`: an answer that is good enough but should be looked at. */
  | { readonly kind: 'success'; readonly warning?: string }
  /** `refused`: nobody listens there yet; the program itself has not noticed being asked. */
  | { readonly kind: 'failure'; readonly message: string; readonly refused?: boolean }
  /** It could not be asked; that says nothing of the container. */
  | { readonly kind: 'error'; readonly message: string }

export interface ProbeTarget {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

export type HttpProbe = Omit<HttpTarget, 'userAgent'>

export const PROBE_AGENT = `kube-probe/${AGENT_VERSION}`

const SUCCESS: ProbeOutcome = { kind: 'success' }

/** Succeeds with any status from 200 to 399; with a warning where a redirect leads away and is not followed. */
export async function probeHttp(probe: HttpProbe): Promise<ProbeOutcome> {
  const outcome = await httpGet({ ...probe, userAgent: PROBE_AGENT })
  if (outcome.kind === 'failure') return failure(`Get "${outcome.url}"`, outcome.error, probe)
  const { status, body } = outcome
  if (status >= 300 && status < 400) {
    return { kind: 'success', warning: `Probe terminated redirects, Response body: ${body}` }
  }
  if (status >= 200 && status < 300) return SUCCESS
  return { kind: 'failure', message: `HTTP probe failed with statuscode: ${status}` }
}

/** Succeeds when a connection can be made. */
export function probeTcp(target: ProbeTarget): Promise<ProbeOutcome> {
  const { host, port, timeoutMs } = target
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const timer = setTimeout(() => socket.destroy(new RangeError('i/o timeout')), timeoutMs)
    socket.on('close', () => clearTimeout(timer))
    socket.on('connect', () => {
      resolve(SUCCESS)
      socket.destroy()
    })
    socket.on('error', (error) => resolve(failure('', error, target)))
  })
}

/** In the words of Go's net package. */
function failure(what: string, error: unknown, { host, port }: ProbeTarget): ProbeOutcome {
  const refused = isRefused(error)
  const address = hostPort(host, port)
  const message = errorMessage(error)
  const dialled = refused || message === 'i/o timeout'
  const why = refused ? 'connect: connection refused' : message
  const parts = [...(what === '' ? [] : [what]), ...(dialled ? [`dial tcp ${address}`] : []), why]
  return { kind: 'failure', message: parts.join(': '), refused }
}
