import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../base/log.ts'
import type { Pod, PodStatus } from '../kube/types/core.ts'
import type { PodApi } from './pod-api.ts'

interface Write {
  readonly pod: Pod
  readonly status: PodStatus
  readonly lasting: boolean
}

/** Writes a pod's status: one write at a time, the newest next, and none that would change nothing. */
export class StatusWriter {
  readonly #api: PodApi
  readonly #log: Log
  #written: PodStatus | undefined
  /** The newest, and before it the last that must be seen. */
  #next: readonly Write[] = []
  #writing: Promise<void> | undefined

  constructor(api: PodApi, log: Log) {
    this.#api = api
    this.#log = log
  }

  /** What was last given to be written. */
  get latest(): PodStatus | undefined {
    return this.#next.at(-1)?.status ?? this.#written
  }

  /** @param lasting Whether watchers must see it, even if a newer one follows at once. */
  write(pod: Pod, status: PodStatus, { lasting = false }: { readonly lasting?: boolean } = {}): void {
    if (isDeepStrictEqual(this.latest ?? pod.status, status)) return
    this.#next = [...this.#next.filter((write) => write.lasting).slice(-1), { pod, status, lasting }]
    this.#writing ??= this.#drain()
  }

  /** Resolves when all that was given is written, or found to be in vain. */
  async flush(): Promise<void> {
    await this.#writing
  }

  async #drain(): Promise<void> {
    // Let the caller finish: several changes of one moment are one write.
    await Promise.resolve()
    for (let write = this.#next[0]; write !== undefined; write = this.#next[0]) {
      const { pod, status } = write
      this.#next = this.#next.slice(1)
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
