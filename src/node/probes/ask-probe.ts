import type { Container, Probe } from '../../kube/types/core.ts'
import type { ExecResult } from '../runtime/runtime.ts'
import { probeGrpc } from './grpc-probe.ts'
import { type ProbeOutcome, probeHttp, probeTcp } from './network-probes.ts'
import { probePort } from './probe-port.ts'

/** Where a container is asked. */
export interface ProbePlace {
  readonly container: Container
  readonly podIP: string
  exec(command: readonly string[], timeoutMs: number): Promise<ExecResult>
}

/** Asks a container once, in the way that its probe says. */
export async function askProbe(probe: Probe, place: ProbePlace): Promise<ProbeOutcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  if (probe.exec !== undefined) return askCommand(probe.exec.command ?? [], place, timeoutMs)
  const action = probe.httpGet ?? probe.tcpSocket ?? probe.grpc
  if (action === undefined) return { kind: 'error', message: `missing probe handler for ${place.container.name}` }
  const port = probePort(action.port, place.container)
  if (port === undefined) return { kind: 'error', message: portProblem(action.port) }
  if (probe.grpc !== undefined) {
    return probeGrpc({ host: place.podIP, port, timeoutMs, service: probe.grpc.service ?? '' })
  }
  const host = ('host' in action ? action.host : undefined) || place.podIP
  if (probe.httpGet === undefined) return probeTcp({ host, port, timeoutMs })
  const { scheme = 'HTTP', path = '/', httpHeaders = [] } = probe.httpGet
  return probeHttp({ host, port, timeoutMs, scheme, path, headers: httpHeaders })
}

/** In the words of Go, which upstream passes on. */
function portProblem(port: number | string): string {
  return typeof port === 'string' && !/^\d+$/.test(port)
    ? `strconv.Atoi: parsing "${port}": invalid syntax`
    : `invalid port number: ${port}`
}

async function askCommand(command: readonly string[], { exec }: ProbePlace, timeoutMs: number): Promise<ProbeOutcome> {
  const { exitCode, output } = await exec(command, timeoutMs)
  if (exitCode === 0) return { kind: 'success' }
  if (exitCode !== undefined) return { kind: 'failure', message: output.trimEnd() }
  const message = `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`
  return { kind: 'failure', message }
}
