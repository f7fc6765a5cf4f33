import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { SERVICE_NAME_LABEL } from '../kube/endpoint-slice.ts'
import { Informer } from '../kube/informer.ts'
import { endpointSlices, pods, type Resource, services } from '../kube/resource.ts'
import type { Pod, Service } from '../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../kube/types/discovery.ts'
import type { KubeObject } from '../kube/types/meta.ts'

/** The objects of the demo as they are now, by watch, with a way to wait until they are as wanted. */
export class DemoWatch implements AsyncDisposable {
  readonly #pods: Informer<Pod>
  readonly #services: Informer<Service>
  readonly #slices: Informer<EndpointSlice>
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  readonly #waiting = new Set<() => void>()

  constructor({ client, namespace, log }: { client: Client; namespace: string; log: Log }) {
    const informer = <T extends KubeObject>(resource: Resource<T>): Informer<T> => {
      const watched = new Informer({ client, resource, namespace, log })
      const changed = () => this.#check()
      watched.on({ added: changed, updated: changed, deleted: changed })
      return watched
    }
    this.#pods = informer(pods)
    this.#services = informer(services)
    this.#slices = informer(endpointSlices)
    const informers = [this.#pods, this.#services, this.#slices]
    for (const { synced } of informers) synced.catch(() => {})
    this.#running = Promise.all(informers.map((watched) => watched.run(this.#stop.signal)))
  }

  pod(name: string): Pod | undefined {
    return this.#pods.list().find((pod) => pod.metadata.name === name)
  }

  pods(): readonly Pod[] {
    return this.#pods.list()
  }

  service(name: string): Service | undefined {
    return this.#services.list().find((service) => service.metadata.name === name)
  }

  /** The ready endpoints of a Service. */
  endpoints(service: string): readonly Endpoint[] {
    return this.#slices
      .list()
      .filter(({ metadata }) => metadata.labels?.[SERVICE_NAME_LABEL] === service)
      .flatMap((slice) => slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready !== false)
  }

  /** Resolves with what `look` finds, as soon as it finds it; rejects when the signal aborts. */
  until<R>(look: () => R | undefined, signal: AbortSignal): Promise<R> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        end()
        resolve(found)
      }
      const abort = () => {
        end()
        reject(signal.reason)
      }
      const end = () => {
        this.#waiting.delete(check)
        signal.removeEventListener('abort', abort)
      }
      this.#waiting.add(check)
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
      else check()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #check(): void {
    for (const check of [...this.#waiting]) check()
  }
}
