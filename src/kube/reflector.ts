import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { ApiError, isGone } from './api-error.ts'
import type { Backoff } from './backoff.ts'
import type { Client } from './client.ts'
import type { Resource } from './resource.ts'
import type { KubeObject, WatchEvent } from './types/meta.ts'

/** The part of a resource that is looked at; all of it when empty. */
export interface WatchScope {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/** Where a reflector puts what it sees. */
export interface ReflectorSink<T extends KubeObject> {
  /** All objects there are, at one moment. */
  replace(objects: readonly T[]): void
  /** Objects of a list that is not whole yet. */
  page?(objects: readonly T[]): void
  /** One change after that. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client
  readonly resource: Resource<T>
  readonly scope: WatchScope
  readonly sink: ReflectorSink<T>
  readonly log: Log
  readonly clock: Clock
  readonly backoff: Backoff
  /** 0 <= x < 1 */
  readonly random: () => number
  /** Objects per request of a list, so that a long one is never in memory as a whole twice. @default all at once */
  readonly pageSize?: number
  /** What to keep of an object. */
  readonly transform?: (object: T) => T
}

/** As client-go: a watch lasts 5 to 10 minutes, so that clients spread again over servers. */
const WATCH_SECONDS = 300
/** The server ends a watch; one that it forgot (its machine vanished) is ended this much later. */
const WATCH_GRACE_MS = 30_000
/** A watch that lasted this long counts as a success, even without an event. */
const STEADY_MS = 1_000

/**
 * Keeps a sink equal to a part of the API: lists, then watches from the version of the list; goes on where it was when
 * the connection ends, lists again when that version is gone.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  /** Version up to which the sink is up to date; `undefined`: a list is due. */
  #version: string | undefined

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
  }

  /** Runs until the signal aborts; a server that fails or refuses is tried again for as long. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, backoff } = this.#options
    while (!signal.aborted) {
      try {
        this.#version ??= await this.#list(signal)
        // Who was shown the list may have had enough of it.
        if (signal.aborted) return
        await this.#watch(this.#version, signal)
      } catch (error) {
        if (signal.aborted) return
        this.#onFailure(error)
      }
      await clock.sleep(backoff.next(), signal).catch(() => {
        // Aborted: the loop ends.
      })
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, resource, scope, sink, pageSize } = this.#options
    const limit = pageSize === undefined ? {} : { limit: pageSize }
    const items: T[] = []
    let next: string | undefined
    let version = ''
    do {
      const page = next === undefined ? {} : { continue: next }
      const list = await client.list(resource, { ...scope, ...limit, ...page, signal })
      const kept = list.items.map((item) => this.#kept(item))
      for (const item of kept) items.push(item)
      next = list.metadata.continue === '' ? undefined : list.metadata.continue
      // All pages are of one version.
      version = list.metadata.resourceVersion ?? ''
      if (next !== undefined) sink.page?.(kept)
    } while (next !== undefined)
    sink.replace(items)
    return version
  }

  #kept(object: T): T {
    const { transform } = this.#options
    return transform === undefined ? object : transform(object)
  }

  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { client, resource, scope, clock, backoff, random } = this.#options
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()))
    const deadline = new AbortController()
    const onAbort = () => deadline.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const cancel = clock.after(timeoutSeconds * 1000 + WATCH_GRACE_MS, () => deadline.abort())
    const started = clock.now()
    try {
      const options = { ...scope, resourceVersion: version, timeoutSeconds, signal: deadline.signal }
      for await (const event of client.watch(resource, options)) {
        if (signal.aborted) return
        this.#handle(event)
        backoff.reset()
      }
    } catch (error) {
      // Our own deadline is an end like any other.
      if (signal.aborted || !deadline.signal.aborted) throw error
    } finally {
      cancel()
      signal.removeEventListener('abort', onAbort)
      if (clock.now() - started >= STEADY_MS) backoff.reset()
    }
  }

  #handle(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') {
      this.#version = undefined
      throw new ApiError(event.object)
    }
    if (event.type !== 'BOOKMARK') this.#options.sink.apply(event.type, this.#kept(event.object))
    this.#version = event.object.metadata.resourceVersion
  }

  #onFailure(error: unknown): void {
    const { log, resource } = this.#options
    const { plural } = resource
    if (isGone(error)) {
      this.#version = undefined
      log.debug({ resource: plural }, 'Version to watch from is gone; listing again')
      return
    }
    // 504 answers a version that the server has not reached: it lost its newest data, for example by a restore.
    if (error instanceof ApiError && error.status.code === 504) this.#version = undefined
    log.warn({ resource: plural, err: error }, 'Watch failed; trying again')
  }
}
