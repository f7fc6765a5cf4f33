import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../base/log.ts'
import type { Pod, PodStatus } from '../kube/types/core.ts'
import type { PodApi } from './pod-api.ts'

/** Writes a pod's status: one write at a time, the newest next, and none that would change nothing. */
export class StatusWriter {
  readonly #api: PodApi
  readonly #log: Log
  #written: PodStatus | undefined
  #next: { readonly pod: Pod; readonly status: PodStatus } | undefined
  #writing: Promise<void> | undefined

  constructor(api: PodApi, log: Log) {
    this.#api = api
    this.#log = log
  }

  /** What was last given to be written. */
  get latest(): PodStatus | undefined {
    return this.#next?.status ?? this.#written
  }

  write(pod: Pod, status: PodStatus): void {
    if (isDeepStrictEqual(this.latest ?? pod.status, status)) return
    this.#next = { pod, status }
    this.#writing ??= this.#drain()
  }

  /** Resolves when all that was given is written, or found to be in vain. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #drain(): Promise<void> {
    // Let the caller finish: several changes of one moment are one write.
    await Promise.resolve()
    while (this.#next !== undefined) {
      const { pod, status } = this.#next
      this.#next = undefined
      this.#written = status
      try {
        await this.#api.writeStatus(pod, status)
      } catch (error) {
        const { namespace, name } = pod.metadata
        this.#log.warn({ err: error, object: { kind: 'Pod', namespace, name } }, 'Status not written')
      }
    }
    this.#writing = undefined
  }
}
