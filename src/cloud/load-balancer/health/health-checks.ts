import type { Clock } from '../../../base/clock.ts'
import type { Log } from '../../../base/log.ts'
import type { HealthCheck } from '../../slb/model.ts'
import type { BackendHealth } from '../plan.ts'
import { afterProbe, type HealthState, INITIAL_HEALTH, probeTimeoutMs } from './health-state.ts'
import type { ProbeKind, ProbeResult } from './probe.ts'

/** A check that is on. */
export type ActiveCheck = Exclude<HealthCheck, { type: 'off' }>

/** One backend of one listener that is probed. */
export interface CheckedBackend {
  /** `<listener key> <backend key>` */
  readonly key: string
  readonly host: string
  readonly port: number
  readonly check: ActiveCheck
}

/** What is asked of whoever probes. */
export interface ProbeRequest {
  readonly host: string
  readonly port: number
  readonly kind: ProbeKind
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface HealthChecksOptions {
  readonly clock: Clock
  readonly log: Log
  readonly probe: (request: ProbeRequest) => Promise<ProbeResult>
  /** Called when a backend turned healthy or unhealthy. */
  readonly onChange: () => void
  /** Keys of backends that were unhealthy when the process before ended. */
  readonly unhealthy?: Iterable<string>
}

interface Running {
  readonly backend: CheckedBackend
  readonly stop: AbortController
  probed: boolean
  state: HealthState
}

/** Probes every backend of every listener with a health check: one after the other ended, an interval apart. */
export class HealthChecks implements Disposable {
  readonly #options: HealthChecksOptions
  readonly #running = new Map<string, Running>()
  readonly #remembered: Set<string>

  constructor(options: HealthChecksOptions) {
    this.#options = options
    this.#remembered = new Set(options.unhealthy)
  }

  /** Makes these all that is probed. One that stays keeps its state, also when its check changed. */
  follow(backends: readonly CheckedBackend[]): void {
    const wanted = new Map(backends.map((backend) => [backend.key, backend]))
    for (const [key, { stop }] of this.#running) {
      if (wanted.has(key)) continue
      stop.abort()
      this.#running.delete(key)
    }
    for (const backend of wanted.values()) this.#start(backend)
  }

  /** Whether a backend may get new connections; one that is not probed may. */
  isHealthy(key: string): boolean {
    return this.#running.get(key)?.state.healthy ?? true
  }

  /** Keys of those that are unhealthy now. */
  unhealthy(): string[] {
    return [...this.#running].flatMap(([key, { state }]) => (state.healthy ? [] : key))
  }

  /** `unavailable` is a backend that was not probed yet, or is not at all. */
  health(key: string): BackendHealth {
    const running = this.#running.get(key)
    if (running === undefined || (!running.probed && running.state.healthy)) return 'unavailable'
    return running.state.healthy ? 'normal' : 'abnormal'
  }

  [Symbol.dispose](): void {
    this.follow([])
  }

  #start(backend: CheckedBackend): void {
    const before = this.#running.get(backend.key)
    if (before !== undefined && sameTarget(before.backend, backend)) return
    before?.stop.abort()
    const remembered = this.#remembered.delete(backend.key) ? { healthy: false, contrary: 0 } : INITIAL_HEALTH
    const running = {
      backend,
      stop: new AbortController(),
      probed: before?.probed ?? false,
      state: before?.state ?? remembered,
    }
    this.#running.set(backend.key, running)
    void this.#run(running)
  }

  async #run(running: Running): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = running.stop
    const { check, key } = running.backend
    while (!signal.aborted) {
      try {
        this.#judge(running, await this.#ask(running))
        await clock.sleep(check.interval * 1000, signal)
      } catch (error) {
        if (signal.aborted) return
        log.error({ err: error, backend: key }, 'a backend could not be probed')
        await clock.sleep(check.interval * 1000, signal).catch(ignoreAbort)
      }
    }
  }

  #ask({ backend: { host, port, check }, stop }: Running): Promise<ProbeResult> {
    const timeoutMs = probeTimeoutMs(check)
    const kind = kindOf(check)
    return this.#options.probe({ host, port: check.connectPort ?? port, kind, timeoutMs, signal: stop.signal })
  }

  #judge(running: Running, result: ProbeResult): void {
    if (running.stop.signal.aborted) return
    const { key, check } = running.backend
    const before = running.state
    running.probed = true
    running.state = afterProbe(before, result.passed, check)
    if (running.state.healthy === before.healthy) return
    const reason = result.passed ? undefined : result.reason
    this.#options.log.info({ backend: key, healthy: running.state.healthy, reason }, 'backend changed health')
    this.#options.onChange()
  }
}

/** A sleep that is cut short ends the loop by its signal. */
function ignoreAbort(): void {}

function kindOf(check: ActiveCheck): ProbeKind {
  if (check.type === 'tcp') return { type: 'tcp' }
  if (check.type === 'udp')
    return { type: 'udp', request: check.udp?.request ?? '', expected: check.udp?.expected ?? '' }
  return { type: 'http', http: check.http ?? { method: 'head', uri: '/', codes: ['http_2xx'] } }
}

function sameTarget(a: CheckedBackend, b: CheckedBackend): boolean {
  return a.host === b.host && a.port === b.port && JSON.stringify(a.check) === JSON.stringify(b.check)
}
