import type { Clock } from '../../base/clock.ts'
import type { Container, Probe } from '../../kube/types/core.ts'
import type { ExecResult } from '../runtime/runtime.ts'
import { type ProbeOutcome, probeHttp, probeTcp } from './network-probes.ts'
import { probePort } from './probe-port.ts'
import { Prober } from './prober.ts'

export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness'

/** The probe whose failure ends the container, and how long the container may take to end. */
export interface FailedProbe {
  readonly kind: ProbeKind
  readonly graceSeconds: number
}

export interface ContainerProbesOptions {
  readonly container: Container
  readonly podIP: string
  readonly startedAt: number
  /** Grace when a probe of its own says none, in seconds. */
  readonly graceSeconds: number
  /** What was true when an earlier life of the agent asked last; kept until the answers say otherwise. */
  readonly earlier?: { readonly started: boolean; readonly ready: boolean }
  readonly clock: Clock
  exec(command: readonly string[], timeoutMs: number): Promise<ExecResult>
  /** Called when `ready`, `started` or `unhealthy` changed. */
  onChange(): void
  onFailure(kind: ProbeKind, message: string): void
}

/** The probes of one run of a container: whether it has started, is ready, and must be restarted. */
export class ContainerProbes implements Disposable {
  readonly #options: ContainerProbesOptions
  readonly #probers: Prober[] = []
  #started: boolean
  #ready: boolean
  #unhealthy: FailedProbe | undefined

  constructor(options: ContainerProbesOptions) {
    this.#options = options
    const { startupProbe, readinessProbe } = options.container
    this.#started = startupProbe === undefined || options.earlier?.started === true
    this.#ready = readinessProbe === undefined || options.earlier?.ready === true
    if (this.#started || startupProbe === undefined) this.#probeRunning()
    else this.#probe('Startup', startupProbe, (success) => this.#onStartup(startupProbe, success))
  }

  /** No startup probe, or it has succeeded. */
  get started(): boolean {
    return this.#started
  }

  /** No readiness probe, or its verdict. */
  get ready(): boolean {
    return this.#ready
  }

  /** A liveness or startup probe has failed for good. */
  get unhealthy(): FailedProbe | undefined {
    return this.#unhealthy
  }

  [Symbol.dispose](): void {
    for (const prober of this.#probers) prober[Symbol.dispose]()
  }

  #onStartup(probe: Probe, success: boolean): void {
    if (!success) {
      this.#fail('Startup', probe)
    } else if (!this.#started) {
      this.#started = true
      // Its question is answered once and for all.
      for (const prober of this.#probers.splice(0)) prober[Symbol.dispose]()
      this.#probeRunning()
      this.#options.onChange()
    }
  }

  #probeRunning(): void {
    const { livenessProbe, readinessProbe } = this.#options.container
    if (readinessProbe !== undefined) {
      this.#probe('Readiness', readinessProbe, (success) => {
        if (success === this.#ready) return
        this.#ready = success
        this.#options.onChange()
      })
    }
    if (livenessProbe !== undefined) {
      this.#probe('Liveness', livenessProbe, (success) => {
        if (!success) this.#fail('Liveness', livenessProbe)
      })
    }
  }

  #fail(kind: ProbeKind, probe: Probe): void {
    if (this.#unhealthy !== undefined) return
    this.#unhealthy = { kind, graceSeconds: probe.terminationGracePeriodSeconds ?? this.#options.graceSeconds }
    this[Symbol.dispose]()
    this.#options.onChange()
  }

  #probe(kind: ProbeKind, probe: Probe, onVerdict: (success: boolean) => void): void {
    const { startedAt, clock, onFailure } = this.#options
    this.#probers.push(
      new Prober({
        probe,
        startedAt,
        clock,
        ask: () => this.#ask(probe),
        onVerdict,
        onFailure: (message) => onFailure(kind, message),
        eager: kind !== 'Liveness',
      }),
    )
  }

  async #ask(probe: Probe): Promise<ProbeOutcome> {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
    const { container, podIP, exec } = this.#options
    if (probe.exec !== undefined) return execOutcome(await exec(probe.exec.command ?? [], timeoutMs), timeoutMs)
    const action = probe.httpGet ?? probe.tcpSocket
    if (action === undefined) return { kind: 'failure', message: 'missing probe handler: http, tcp or exec is wanted' }
    const port = probePort(action.port, container)
    if (port === undefined)
      return { kind: 'failure', message: `couldn't find port: "${action.port}" in ${container.name}` }
    const target = { host: action.host ?? podIP, port, timeoutMs }
    if (probe.httpGet === undefined) return probeTcp(target)
    const { scheme = 'HTTP', path = '/', httpHeaders = [] } = probe.httpGet
    return probeHttp({ ...target, scheme, path: path.startsWith('/') ? path : `/${path}`, headers: httpHeaders })
  }
}

function execOutcome({ exitCode, output }: ExecResult, timeoutMs: number): ProbeOutcome {
  if (exitCode === 0) return { kind: 'success' }
  const text = output.trimEnd()
  if (exitCode === undefined)
    return { kind: 'failure', message: `command timed out after ${timeoutMs / 1000}s: ${text}` }
  return { kind: 'failure', message: text === '' ? `command exited with ${exitCode}` : text }
}
