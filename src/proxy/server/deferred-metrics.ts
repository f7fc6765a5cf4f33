import type { ProxyMetrics } from '../proxy-metrics.ts'
import type { RequestMetrics } from './counted-transport.ts'
import type { ProbeMetrics } from './health-server.ts'

export type AllMetrics = ProxyMetrics & ProbeMetrics & RequestMetrics

/** Keeps what is told until there is somebody to tell: the library for metrics takes its time to load. */
export class DeferredMetrics implements AllMetrics {
  #target: AllMetrics | undefined
  #waiting: ((metrics: AllMetrics) => void)[] = []

  /** Tells it everything so far, and all that comes. */
  attach(target: AllMetrics): void {
    this.#target = target
    for (const call of this.#waiting) call(target)
    this.#waiting = []
  }

  queued: AllMetrics['queued'] = (...args) => this.#tell((metrics) => metrics.queued(...args))
  synced: AllMetrics['synced'] = (...args) => this.#tell((metrics) => metrics.synced(...args))
  syncFailed: AllMetrics['syncFailed'] = () => this.#tell((metrics) => metrics.syncFailed())
  programmed: AllMetrics['programmed'] = (...args) => this.#tell((metrics) => metrics.programmed(...args))
  connectionsChecked: AllMetrics['connectionsChecked'] = (...args) =>
    this.#tell((metrics) => metrics.connectionsChecked(...args))
  withoutLocalEndpoints: AllMetrics['withoutLocalEndpoints'] = (...args) =>
    this.#tell((metrics) => metrics.withoutLocalEndpoints(...args))
  probed: AllMetrics['probed'] = (...args) => this.#tell((metrics) => metrics.probed(...args))
  requested: AllMetrics['requested'] = (...args) => this.#tell((metrics) => metrics.requested(...args))

  #tell(call: (metrics: AllMetrics) => void): void {
    if (this.#target === undefined) this.#waiting.push(call)
    else call(this.#target)
  }
}
