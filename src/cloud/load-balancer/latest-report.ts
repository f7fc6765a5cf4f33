import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { BackendHealth, DataPlane, DataPlaneReport } from './plan.ts'

export interface LatestReportOptions {
  readonly clock: Clock
  readonly log: Log
  /** Called with each report. */
  readonly record: (report: DataPlaneReport) => void
}

const PERIOD_MS = 1_000
/** Reports in one call of `record`. */
const RECORD_EVERY = 60

/** Asks a data plane every second, so that the API can tell at once how backends are. */
export class LatestReport implements AsyncDisposable {
  readonly #dataPlane: DataPlane
  readonly #options: LatestReportOptions
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #report: DataPlaneReport | undefined

  constructor(dataPlane: DataPlane, options: LatestReportOptions) {
    this.#dataPlane = dataPlane
    this.#options = options
    this.#done = this.#run()
  }

  /** What the checks of a backend found last; `undefined` when nothing is known. */
  of(listenerKey: string, backendKey: string): BackendHealth | undefined {
    return this.#report?.health.get(`${listenerKey} ${backendKey}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { clock, log, record } = this.#options
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      try {
        this.#report = await this.#dataPlane.report()
        if (n % RECORD_EVERY === 0) record(this.#report)
      } catch (error) {
        log.warn({ err: error }, 'The data plane of load balancers does not report')
      }
      await clock.sleep(PERIOD_MS, this.#stop.signal).catch(() => undefined)
    }
  }
}
