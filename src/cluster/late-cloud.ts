import type { Clock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import type { ClusterCloud } from './cluster-cloud.ts'
import { firstNeedOfCloud } from './first-need.ts'

/** How the cloud is opened, and its controller is started. */
export interface CloudParts {
  readonly open: () => Promise<ClusterCloud>
  readonly control: (cloud: ClusterCloud) => Promise<AsyncDisposable>
}

interface LateOptions extends CloudParts {
  readonly client: Client
  readonly log: Log
  readonly clock: Clock
}

const RETRY_MS = 2_000

/** The cloud of a cluster, opened at once or when there is need; disposing ends it, or the waiting. */
export class LateCloud implements AsyncDisposable {
  readonly #stop = new AbortController()
  readonly #started = new Disposables()
  #opening: Promise<unknown> = Promise.resolve()

  async open({ open, control }: CloudParts): Promise<ClusterCloud> {
    const cloud = this.#started.use(await open())
    this.#started.use(await control(cloud))
    return cloud
  }

  /** Opens it in the background; what fails is told in the log and tried again. */
  openWhenNeeded(options: LateOptions): void {
    this.#opening = this.#waitAndOpen(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#opening
    await this.#started[Symbol.asyncDispose]()
  }

  async #waitAndOpen({ client, log, clock, ...parts }: LateOptions): Promise<void> {
    const { signal } = this.#stop
    try {
      await firstNeedOfCloud({ client, log, clock, signal })
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    while (!signal.aborted) {
      try {
        const { access } = await this.open(parts)
        log.info({ endpoint: access.endpoint }, 'The cloud answers')
        return
      } catch (err) {
        log.error({ err }, 'The cloud does not open: trying again')
      }
      await clock.sleep(RETRY_MS, signal).catch(() => undefined)
    }
  }
}
