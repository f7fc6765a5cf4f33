import { aborted } from '../base/aborted.ts'
import type { Clock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Client } from './client.ts'
import { Informer } from './informer.ts'
import type { WatchScope } from './reflector.ts'
import type { Resource } from './resource.ts'
import type { KubeObject } from './types/meta.ts'

export interface InformerSetOptions {
  readonly client: Client
  readonly log: Log
  readonly clock?: Clock
}

/** The informers of one process: whoever asks for a resource gets the same one, with one watch and one cache. */
export class InformerSet {
  readonly #options: InformerSetOptions
  readonly #informers = new Map<string, Informer<never>>()
  readonly #runs: Promise<void>[] = []
  readonly #stops = new Map<string, AbortController>()
  #signal: AbortSignal | undefined

  constructor(options: InformerSetOptions) {
    this.#options = options
  }

  /** The informer of a resource, or of a part of it; started at once when the set runs. */
  for<T extends KubeObject>(resource: Resource<T>, scope: WatchScope = {}): Informer<T> {
    const { namespace, labelSelector, fieldSelector } = scope
    const key = JSON.stringify([
      resource.group,
      resource.version,
      resource.plural,
      namespace,
      labelSelector,
      fieldSelector,
    ])
    const known = this.#informers.get(key)
    // The resource is part of the key, so this is the informer of its type.
    if (known !== undefined) return known as unknown as Informer<T>
    const informer = new Informer<T>({ ...this.#options, ...scope, resource })
    const kept = informer as unknown as Informer<never>
    this.#informers.set(key, kept)
    if (this.#signal !== undefined) this.#start(key, kept, this.#signal)
    return informer
  }

  /** Stops the informer of a resource that is no more; whoever asks for it again gets a new one. */
  release<T extends KubeObject>({ group, version, plural }: Resource<T>): void {
    const key = JSON.stringify([group, version, plural, undefined, undefined, undefined])
    this.#informers.delete(key)
    this.#stops.get(key)?.abort()
    this.#stops.delete(key)
  }

  #start(key: string, informer: Informer<never>, signal: AbortSignal): void {
    const stop = new AbortController()
    this.#stops.set(key, stop)
    const onAbort = () => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#runs.push(informer.run(stop.signal).finally(() => signal.removeEventListener('abort', onAbort)))
  }

  /**
   * Runs the informers, also those asked for later, until the signal aborts.
   *
   * @throws FairleadError `BUG` when called twice.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#signal !== undefined) throw new FairleadError('BUG', 'Cannot run a set of informers twice')
    this.#signal = signal
    for (const [key, informer] of this.#informers) this.#start(key, informer, signal)
    await aborted(signal)
    await Promise.all(this.#runs)
  }

  /** Resolves when every informer asked for so far has its first list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced))
  }
}
