import type { Clock } from '../../base/clock.ts'
import type { Probe } from '../../kube/types/core.ts'
import { askProbe, type ProbePlace } from './ask-probe.ts'
import { type ProbeNotice, Prober } from './prober.ts'

export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness'

/** The probe whose failure ends the container, and how long the container may take to end. */
export interface FailedProbe {
  readonly kind: ProbeKind
  readonly graceSeconds: number
}

export interface ContainerProbesOptions extends ProbePlace {
  readonly startedAt: number
  /** Grace when a probe of its own says none, in seconds. */
  readonly graceSeconds: number
  /** What was true when an earlier life of the agent asked last; kept until the answers say otherwise. */
  readonly earlier?: { readonly started: boolean; readonly ready: boolean }
  readonly clock: Clock
  /** Called when `ready`, `started` or `unhealthy` changed. */
  onChange(): void
  onFailure(kind: ProbeKind, message: string): void
  /** A probe that succeeded with something to say, or could not be asked. */
  onNotice(kind: ProbeKind, notice: ProbeNotice): void
}

/** The probes of one run of a container: whether it has started, is ready, and must be restarted. */
export class ContainerProbes implements Disposable {
  readonly #options: ContainerProbesOptions
  readonly #probers: { readonly kind: ProbeKind; readonly prober: Prober }[] = []
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
    for (const { prober } of this.#probers) prober[Symbol.dispose]()
  }

  /** The container is being ended: only its readiness is still asked for. */
  stopRestarts(): void {
    for (const { kind, prober } of this.#probers) if (kind !== 'Readiness') prober[Symbol.dispose]()
  }

  #onStartup(probe: Probe, success: boolean): void {
    if (!success) {
      this.#fail('Startup', probe)
    } else if (!this.#started) {
      this.#started = true
      // Its question is answered once and for all.
      for (const { prober } of this.#probers.splice(0)) prober[Symbol.dispose]()
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
    // A restart follows; how ready the container is until then is still asked for.
    this.stopRestarts()
    this.#options.onChange()
  }

  #probe(kind: ProbeKind, probe: Probe, onVerdict: (success: boolean) => void): void {
    const { startedAt, clock, onFailure, onNotice } = this.#options
    const prober = new Prober({
      probe,
      startedAt,
      clock,
      ask: () => askProbe(probe, this.#options),
      onVerdict,
      onFailure: (message) => onFailure(kind, message),
      onNotice: (notice) => onNotice(kind, notice),
      eager: kind !== 'Liveness',
    })
    this.#probers.push({ kind, prober })
  }
}
