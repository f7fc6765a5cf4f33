import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { Backoff } from './backoff.ts'
import type { Client } from './client.ts'
import { type IndexFunction, ObjectCache } from './object-cache.ts'
import { keyOf } from './object-key.ts'
import { Reflector, type WatchScope } from './reflector.ts'
import type { Resource } from './resource.ts'
import type { KubeObject } from './types/meta.ts'

/** Called in the order of the changes; when called, `get` and `list` already show the change. */
export interface InformerHandlers<T extends KubeObject> {
  added?(object: T): void
  updated?(object: T, old: T): void
  /** @param object Its last known state. */
  deleted?(object: T): void
}

export interface InformerOptions<T extends KubeObject> extends WatchScope {
  readonly client: Client
  readonly resource: Resource<T>
  readonly log: Log
  readonly clock?: Clock
  /** 0 <= x < 1; spreads retries. */
  readonly random?: () => number
  /** Objects per request of a list. @default all at once */
  readonly pageSize?: number
  /** Objects of the first list are in the cache, and handed out, as soon as their page is there. @default false */
  readonly byPage?: boolean
  /** What to keep of an object in memory: its names, uid and version must stay. */
  readonly transform?: (object: T) => T
}

/**
 * A part of the API held in memory and kept up to date, with a call for every change: none is lost and none comes twice,
 * however often the connection or the server goes away. Changes that came and went meanwhile may be seen as one. An
 * object that was replaced by another of its name is deleted, then added. Objects are shared: treat them as frozen.
 */
export class Informer<T extends KubeObject> {
  readonly #cache = new ObjectCache<T>()
  readonly #registrations = new Set<{ readonly handlers: InformerHandlers<T> }>()
  readonly #reflector: Reflector<T>
  readonly #resource: Resource<T>
  readonly #log: Log
  readonly #synced = deferred()
  #started = false
  #isSynced = false

  constructor(options: InformerOptions<T>) {
    const { client, resource, log, clock = systemClock, random = Math.random, ...rest } = options
    const { pageSize, byPage, transform, ...scope } = rest
    this.#resource = resource
    this.#log = log
    const sink = {
      replace: (objects: readonly T[]) => this.#replace(objects),
      ...(byPage ? { page: (objects: readonly T[]) => this.#take(objects) } : {}),
      apply: (type: string, object: T) => (type === 'DELETED' ? this.#delete(object) : this.#upsert(object)),
    }
    const backoff = new Backoff({ random })
    const kept = { ...(pageSize === undefined ? {} : { pageSize }), ...(transform === undefined ? {} : { transform }) }
    this.#reflector = new Reflector({ client, resource, scope, sink, log, clock, backoff, random, ...kept })
  }

  /** Resolves when the first list is in the cache and was handed out; rejects when `run` is stopped before that. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  /**
   * Keeps the cache up to date until the signal aborts.
   *
   * @throws FairleadError `BUG` when called twice.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#started) throw new FairleadError('BUG', `Cannot run the informer of ${this.#resource.plural} twice`)
    this.#started = true
    await this.#reflector.run(signal)
    this.#synced.reject(signal.reason)
  }

  /**
   * Calls the handlers for every change from now on, and `added` at once for each object that is there. A handler that
   * throws is logged; the others are called none the less.
   *
   * @returns Stops the calls.
   */
  on(handlers: InformerHandlers<T>): () => void {
    for (const object of this.list()) this.#call('added', object, () => handlers.added?.(object))
    const registration = { handlers }
    this.#registrations.add(registration)
    return () => this.#registrations.delete(registration)
  }

  /** @param key `namespace/name`, or `name` for kinds that have no namespace. */
  get(key: string): T | undefined {
    return this.#cache.get(key)
  }

  list(): readonly T[] {
    return [...this.#cache.values()]
  }

  /** Adds an index over present and future objects; its name must be new. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#cache.addIndex(name, valuesOf)
  }

  /** Objects that the index files under a value. */
  byIndex(name: string, value: string): readonly T[] {
    return this.#cache.byIndex(name, value)
  }

  /** Of the first list; what others leave out is gone only when they are whole. */
  #take(objects: readonly T[]): void {
    if (this.#isSynced) return
    for (const object of objects) this.#upsert(object)
  }

  #replace(objects: readonly T[]): void {
    const present = new Set(objects.map(keyOf))
    for (const object of this.list()) {
      if (!present.has(keyOf(object))) this.#delete(object)
    }
    for (const object of objects) this.#upsert(object)
    this.#isSynced = true
    this.#synced.resolve()
  }

  #upsert(object: T): void {
    const old = this.#cache.get(keyOf(object))
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
      this.#delete(old)
      this.#upsert(object)
      return
    }
    if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return
    this.#cache.set(object)
    if (old === undefined) this.#dispatch('added', object, (handlers) => handlers.added?.(object))
    else this.#dispatch('updated', object, (handlers) => handlers.updated?.(object, old))
  }

  #delete(object: T): void {
    const key = keyOf(object)
    if (this.#cache.get(key) === undefined) return
    this.#cache.delete(key)
    this.#dispatch('deleted', object, (handlers) => handlers.deleted?.(object))
  }

  /** To those registered when it happened: later ones have been told of what is there by `on`. */
  #dispatch(change: string, object: T, call: (handlers: InformerHandlers<T>) => void): void {
    for (const registration of [...this.#registrations]) {
      if (this.#registrations.has(registration)) this.#call(change, object, () => call(registration.handlers))
    }
  }

  #call(change: string, { metadata: { namespace, name } }: T, call: () => void): void {
    try {
      call()
    } catch (err) {
      const { kind } = this.#resource
      this.#log.error({ err, change, object: { kind, namespace, name } }, 'Handler of a change failed')
    }
  }
}

interface Deferred {
  readonly promise: Promise<void>
  resolve(): void
  reject(reason: unknown): void
}

/** A rejection that nobody waits for is no failure of the process. */
function deferred(): Deferred {
  let resolve = () => {}
  let reject = (_: unknown) => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
